// SPDX-License-Identifier: Apache-2.0
// The monitor of one asset (a cell, a pump): push finished rows, get forecasts. A row is what was measured over one
// step of time, Model::time_unit(): a cycle, an hour.
#pragma once

#include "dlnet_encoder.h"
#include "dlnet_forecaster.h"
#include "dlnet_state.h"

namespace dlnet {

// `Model` is the struct that `dlnet firmware` writes into model_data.h. No allocation; sizeof(Monitor<Model>) bytes.
template <class Model>
class Monitor : private Life<Model> {  // a base, so that nothing takes no byte
 public:
  constexpr Monitor() : rows_() {}

  // Add one finished row.
  //
  // time: its number, above the last one; gaps are allowed.
  // values: Model::inputs of them, in the order and units of Model::input_name(i) and Model::input_unit(i). If
  //   Model::with_target, the first is the target itself, such as a battery's SoH. NaN: not measured in this row. Then
  //   the last value of a sound row holds, or before a feature's first one its median in training; see missing().
  //
  // Returns ok; not_a_number (infinite, or no target yet); out_of_range (the target not within Model::target_low to
  // Model::target_high, or a feature so far off that its unit must be wrong; smaller outliers are accepted and cleaned);
  // out_of_order. A row with a feature beyond the range of its codes is accepted too: see saturated(). So is a row off
  // the target's level: see held().
  Status push(uint32_t time, const float values[/* Model::inputs */]) {
    if (rows_.count && time <= rows_.last) return Status::out_of_order;
    int16_t codes[Model::inputs];
    int16_t absent = 0;
    for (int i = 0; i < Model::inputs; ++i) {
      const bool needed = Model::with_target && i == 0 && !rows_.count;
      if (!needed && not_measured(values[i])) {
        codes[i] = rows_.count ? rows_.latest[i] : Model::input_typical[i];
        ++absent;
        continue;
      }
      const Status status = to_code(values[i], Model::input_offset[i], Model::input_scale[i], codes[i]);
      if (status != Status::ok) return status;
    }
    const bool possible = not_measured(values[0]) || (values[0] >= Model::target_low && values[0] <= Model::target_high);
    if (Model::with_target && !possible) return Status::out_of_range;
    if (rows_.flagged) --rows_.flagged;
    const bool hold = leaves_level(codes[0]);
    for (int i = 0; i < Model::inputs; ++i) {
      if (hold) {
        rows_.repeat(i);
      } else {
        take(i, codes[i]);
      }
      if (at_end(rows_.clean(i)[Model::window - 1])) rows_.flagged = Model::window;
    }
    if (!hold && rows_.known < Model::memory) ++rows_.known;
    if (!hold) memcpy(rows_.latest, codes, sizeof codes);
    rows_.latest[Model::inputs] = absent;
    rows_.last = time;
    if (rows_.count < Model::window) ++rows_.count;
    past().add(rows_);
    return Status::ok;
  }

  // Whether enough rows were pushed for a forecast: Model::window.
  bool ready() const { return rows_.count == Model::window; }

  // Whether a cleaned input among the last Model::window rows is beyond the range of its codes, so that forecasts may
  // differ from those of floats.
  bool saturated() const { return rows_.flagged != 0; }

  // Rows pushed since the target left its level, 0 to 10: 0 if the last row is sound. While they last, which a check-up
  // does, each repeats the last sound row, features too. One more, and it begins a new level.
  uint8_t held() const { return rows_.held; }

  // How many inputs the last row lacks. Where it is not 0, forecasts are given as held.
  int missing() const { return rows_.latest[Model::inputs]; }

  // Rows to forecast from, 0 to Model::window.
  uint16_t count() const { return rows_.count; }

  // Number of the last row pushed; 0 before the first.
  uint32_t last() const { return rows_.last; }

  // Forecast from the last row on. Returns ok; saturated: given, but see saturated(); held: given, but see held() and
  // missing(); not_ready.
  Status forecast(Forecast<Model> &ahead) const {
    if (!ready()) return Status::not_ready;
    Forecaster<Model>::run(rows_, life(), ahead);
    if (saturated()) return Status::saturated;
    return held() || missing() ? Status::held : Status::ok;
  }

  // The same as Model::horizon values of the target: values[0] is one row ahead. Returns the same.
  Status forecast(float values[/* Model::horizon */]) const {
    Forecast<Model> ahead;
    const Status status = forecast(ahead);
    if (!given(status)) return status;
    ahead.walk([&values](int32_t raw) {
      *values++ = Forecast<Model>::value_of(raw);
      return true;
    });
    return status;
  }

  // First row ahead at which the forecast is at or beyond `value`: at or below it where the target falls with wear, at
  // or above it where it rises; 0: it already is.
  // Returns ok; saturated; held; not_ready; not_a_number; out_of_range (far from what the model can forecast);
  // beyond_horizon. `rows_ahead` is set only where a forecast is given.
  Status crossing(float value, uint16_t &rows_ahead) const {
    if (value != value) return Status::not_a_number;
    const float exact = (value - Model::value_offset) / Model::value_scale;  // in 2^-24 of health
    if (!(exact >= 0.0f && exact <= 33554432.0f)) return Status::out_of_range;
    Forecast<Model> ahead;
    const Status status = forecast(ahead);
    if (!given(status)) return status;
    const int32_t threshold = static_cast<int32_t>(exact);
    uint16_t row = 0;
    bool found = ahead.level[0] <= threshold;
    if (!found) {
      ahead.walk([&](int32_t raw) {
        ++row;
        found = raw <= threshold;
        return !found;
      });
    }
    if (!found) return Status::beyond_horizon;
    rows_ahead = row;
    return status;
  }

  // Bytes of a saved state; the same for every state of a model.
  static constexpr size_t state_size() { return State<Model>::size; }

  // Write state_size() bytes to keep over a reset: format, model, all rows, what a form knows of the life, checksum. Returns state_size(), or 0 if
  // `size` is smaller.
  size_t save(uint8_t *buffer, size_t size) const {
    return State<Model>::save(rows_, life(), buffer, size);
  }

  // Restore a saved state. Returns ok; bad_size; bad_format; other_model; bad_checksum; bad_state.
  Status load(const uint8_t *buffer, size_t size) { return State<Model>::load(rows_, past(), buffer, size); }

  // Remove all rows.
  void clear() {
    memset(&rows_, 0, sizeof rows_);
    past() = Life<Model>();
  }

  // The stored rows, for tests.
  const Rows<Model> &rows() const { return rows_; }

  // What is known of the rows before those, for tests.
  const Life<Model> &life() const { return *this; }

 private:
  Life<Model> &past() { return *this; }

  // Whether the target is off its level, so that the row is held. Until a level has lasted longer than a check-up nobody
  // can tell which of two is one: then a row off the level begins a new one at once.
  bool leaves_level(int16_t code) {
    if (!Model::with_target) return false;
    if (rows_.known && off_level<Model::memory + 1>(sound(0), code, rows_.known, Model::target_sigmas,
                                                    Model::target_floor, rows_.held)) {
      if (rows_.settled > longest_check_up && rows_.held < longest_check_up) {
        ++rows_.held;
        return true;
      }
      rows_.known = 0;
      rows_.settled = 0;
    }
    if (rows_.known == 1) rows_.settled = 0;  // of two rows nobody knows which is odd
    if (rows_.settled <= longest_check_up) ++rows_.settled;
    rows_.held = 0;
    return false;
  }

  // Codes as measured of the rows that the filters read, oldest first.
  const Half *sound(int input) const { return rows_.raw(input) + Model::memory - rows_.known; }

  // A sound row: the target as it is, features without outliers.
  void take(int input, int16_t code) {
    const bool target = Model::with_target && input == 0;
    const int count = rows_.known + 1;
    rows_.append(input, target ? code : hampel<Model::memory + 1>(sound(input), code, count, Model::feature_sigmas,
                                                                  feature_floor(input)), code);
  }

  static int32_t feature_floor(int input) {
    return Model::has_floors ? Model::feature_floor[input - (Model::with_target ? 1 : 0)] : 0;
  }

  Rows<Model> rows_;
};

}  // namespace dlnet
