// SPDX-License-Identifier: Apache-2.0
// The engine on known windows: golden ones of the model's header, then synthetic ones of pseudo-random codes. Then the
// whole monitor on synthetic rows.
#pragma once

#include "dlnet_forecaster.h"
#include "dlnet_monitor.h"
#include "dlnet_state.h"

namespace dlnet {

// A window stored in memory, (steps, channels).
template <class Model>
class StoredWindow {
 public:
  explicit StoredWindow(const int16_t *window) : next_(window) {}
  DLNET_INLINE void step(int, Half *x) {
    Words<Model::channels / 2>::copy(x, next_);
    if (Model::channels % 2) x[Model::channels - 1] = next_[Model::channels - 1];
    next_ += Model::channels;
  }

 private:
  const int16_t *next_;
};

// Forecast from a window's codes, then the inputs of a form: Forecaster<Model>::codes of them.
template <class Model, class Observer>
void run_stored(const int16_t *codes, int32_t anchor, Forecast<Model> &ahead, Observer &observer) {
  StoredWindow<Model> window(codes);
  Forecaster<Model>::run(window, codes + Forecaster<Model>::network_codes, anchor, ahead, observer);
}

template <class Model>
void run_stored(const int16_t *codes, int32_t anchor, Forecast<Model> &ahead) {
  NoObserver observer;
  run_stored(codes, anchor, ahead, observer);
}

// Pseudo-random int16: the upper half of x = 1664525 x + 1013904223 (mod 2^32), the generator of Numerical Recipes.
class Numbers {
 public:
  explicit Numbers(uint32_t seed) : x_(seed) {}
  int16_t next() {
    x_ = 1664525u * x_ + 1013904223u;
    return static_cast<int16_t>(x_ >> 16);
  }

 private:
  uint32_t x_;
};

template <class Model>
void synthetic_window(uint32_t seed, int16_t *window) {
  Numbers numbers(seed);
  for (int i = 0; i < Forecaster<Model>::codes; ++i) window[i] = numbers.next();
}

// Row `number` from 1 on, in the units of its inputs: eight rows that leave the range of their codes, eight within half
// of that, and so on until a 128th. So the filter finds outliers, and no clip hides what the encoder does. The first
// input, the target if there is one, is half a turn ahead: it leaves its level and is held while others are quiet. A
// quotient and then a sum: no compiler contracts these to a fused multiply-add. In the last worn_rows the first input
// wears evenly, with a row within the floor, check-ups of 2 and of 4, 7 and 10 rows, above and below its level in
// turn, and at the end a new level whose 12th row is off. Each input lacks its value in one row of 29, a last
// feature in the first eight too.
constexpr int worn_rows = 110;

template <class Model>
void synthetic_row(uint32_t number, Numbers &numbers, float *values) {
  for (int i = 0; i < Model::inputs; ++i) {
    const uint32_t quieter = (number / 8 + (i ? 0 : 4)) % 8;
    const int32_t any = numbers.next();
    int32_t code = (any + (any >> 2)) >> quieter;
    const int32_t worn = static_cast<int32_t>(number) + worn_rows - static_cast<int32_t>(Model::synthetic_rows);
    if (i == 0 && worn > 0) {
      const int32_t part = worn / 28, within = worn % 28;
      const bool off = within == 3 || within == 4 || within >= 24 - 3 * part || part == 3;
      code = (any >> 11) - 60 * worn + (off ? (part % 2 ? -400 : 400) : within == 10 ? 100 : 0);
      if (worn == 105) code += 800;
    }
    values[i] = Model::input_offset[i] + static_cast<float>(code * 256) / Model::input_scale[i];
    const uint32_t nan = 0x7fc00000u;
    const bool late = i > 0 && i == Model::inputs - 1 && number <= 8;
    if (late || (5 * number + 7 * static_cast<uint32_t>(i) + 3) % 29 == 0) memcpy(values + i, &nan, sizeof nan);
  }
}

template <class Model>
uint32_t checksum(const Forecast<Model> &ahead, uint32_t crc) {
  ahead.walk([&crc](int32_t raw) {
    uint8_t bytes[4];
    memcpy(bytes, &raw, 4);
    crc = crc32(bytes, 4, crc);
    return true;
  });
  return crc;
}

// Whether the tables are undamaged; forecasts alone would not show it, as few windows read every entry.
template <class Model>
bool tables_intact() {
  const auto add = [](const void *table, size_t size, uint32_t crc) {
    return crc32(static_cast<const uint8_t *>(table), size, crc);
  };
  return Model::sum_of_tables(add) == Model::tables_crc;
}

// Continues `crc` with the forecasts of Model::golden stored and Model::synthetic_windows synthetic windows.
template <class Model>
uint32_t engine_checksum(uint32_t crc) {
  constexpr int size = Forecaster<Model>::codes;
  int16_t made[size];
  Forecast<Model> ahead;
  for (int i = 0; i < Model::golden + Model::synthetic_windows; ++i) {
    const bool stored = i < Model::golden;
    if (!stored) synthetic_window<Model>(static_cast<uint32_t>(i - Model::golden), made);
    run_stored(stored ? Model::golden_window + i * size : made, stored ? Model::golden_anchor[i] : int32_t{1} << 24,
               ahead);
    crc = checksum(ahead, crc);
  }
  return crc;
}

// Continues `crc` with what a monitor makes of Model::synthetic_rows synthetic rows: after each eighth row the status
// and the forecast, where there is one, and all codes at the end.
template <class Model>
uint32_t monitor_checksum(uint32_t crc) {
  Monitor<Model> monitor;
  Numbers numbers(0);
  Forecast<Model> ahead;
  float values[Model::inputs];
  for (uint32_t number = 1; number <= Model::synthetic_rows; ++number) {
    synthetic_row<Model>(number, numbers, values);
    monitor.push(number, values);  // a refused row leaves its trace in the codes
    if (number % 8 != 6 || !monitor.ready()) continue;
    const uint8_t status = static_cast<uint8_t>(monitor.forecast(ahead));
    crc = checksum(ahead, crc32(&status, 1, crc));
  }
  return crc32(reinterpret_cast<const uint8_t *>(monitor.rows().codes), sizeof monitor.rows().codes, crc);
}

// Checks the tables, the engine, and a monitor: cleaning, encoding, forecasts. The CRC-32 of all results must equal that
// of the NumPy reference, taken when the header was written. Needs the stack of a forecast and of a second monitor.
// Returns ok; self_test_failed.
template <class Model>
Status self_test() {
  if (!tables_intact<Model>()) return Status::self_test_failed;
  const uint32_t crc = monitor_checksum<Model>(engine_checksum<Model>(0));
  return crc == Model::golden_crc ? Status::ok : Status::self_test_failed;
}

}  // namespace dlnet
