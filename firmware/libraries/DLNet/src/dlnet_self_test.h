// SPDX-License-Identifier: Apache-2.0
// The engine on known windows: golden ones of the model's header, then synthetic ones of pseudo-random codes.
#pragma once

#include "dlnet_engine.h"
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

// Pseudo-random int16: the upper half of x = 1664525 x + 1013904223 (mod 2^32), the generator of Numerical Recipes.
template <class Model>
class SyntheticWindow {
 public:
  explicit SyntheticWindow(uint32_t seed) : x_(seed) {}
  void step(int, Half *x) {
    for (int c = 0; c < Model::channels; ++c) {
      x_ = 1664525u * x_ + 1013904223u;
      x[c] = static_cast<int16_t>(x_ >> 16);
    }
  }

 private:
  uint32_t x_;
};

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

// Checks the tables, then runs the engine on Model::golden stored and Model::synthetic_windows synthetic windows. The
// CRC-32 of all forecasts must equal that of the NumPy reference, taken when the header was written.
// Returns ok; self_test_failed.
template <class Model>
Status self_test() {
  if (!tables_intact<Model>()) return Status::self_test_failed;
  Forecast<Model> ahead;
  uint32_t crc = 0;
  for (int i = 0; i < Model::golden; ++i) {
    StoredWindow<Model> window(Model::golden_window + i * Model::steps * Model::channels);
    Engine<Model>::run(window, Model::golden_anchor[i], ahead);
    crc = checksum(ahead, crc);
  }
  for (uint32_t seed = 0; seed < Model::synthetic_windows; ++seed) {
    SyntheticWindow<Model> window(seed);
    Engine<Model>::run(window, int32_t{1} << 24, ahead);
    crc = checksum(ahead, crc);
  }
  return crc == Model::golden_crc ? Status::ok : Status::self_test_failed;
}

}  // namespace dlnet
