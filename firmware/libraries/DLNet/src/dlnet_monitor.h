// SPDX-License-Identifier: Apache-2.0
// The health monitor of one cell: push finished cycles, get forecasts.
#pragma once

#include "dlnet_encoder.h"
#include "dlnet_engine.h"
#include "dlnet_state.h"

namespace dlnet {

// `Model` is the struct that `dlnet firmware` writes into model_data.h. No allocation; sizeof(Monitor<Model>) bytes.
template <class Model>
class Monitor {
 public:
  constexpr Monitor() : cycles_() {}

  // Add one finished cycle.
  //
  // cycle: its number, above the last one; gaps are allowed.
  // values: Model::inputs of them, in the order and units of Model::input_name(i) and Model::input_unit(i). On track
  //   capacity the first is SoH: discharge capacity over nominal capacity.
  //
  // Returns ok; not_a_number; out_of_range (SoH not within 0.05 to 1.5, or a feature so far off that its unit must be
  // wrong; smaller outliers are accepted and cleaned); out_of_order.
  Status push(uint32_t cycle, const float values[/* Model::inputs */]) {
    if (cycles_.count && cycle <= cycles_.last) return Status::out_of_order;
    int16_t codes[Model::inputs];
    for (int i = 0; i < Model::inputs; ++i) {
      const Status status = to_code(values[i], Model::input_offset[i], Model::input_scale[i], codes[i]);
      if (status != Status::ok) return status;
    }
    if (Model::capacity && (values[0] < 0.05f || values[0] > 1.5f)) return Status::out_of_range;
    for (int i = 0; i < Model::inputs; ++i) take(i, codes[i]);
    cycles_.last = cycle;
    if (cycles_.count < Model::window) ++cycles_.count;
    return Status::ok;
  }

  // Whether enough cycles were pushed for a forecast: Model::window.
  bool ready() const { return cycles_.count == Model::window; }

  // Cycles held, 0 to Model::window.
  uint16_t count() const { return cycles_.count; }

  // Number of the last cycle pushed; 0 before the first.
  uint32_t last_cycle() const { return cycles_.last; }

  // Forecast from the last cycle on. Returns ok; not_ready.
  Status forecast(Forecast<Model> &ahead) const {
    if (!ready()) return Status::not_ready;
    WindowEncoder<Model> window(cycles_);
    Engine<Model>::run(window, window.anchor(), ahead);
    return Status::ok;
  }

  // The same as Model::horizon numbers: soh[0] is one cycle ahead. Returns ok; not_ready.
  Status forecast(float soh[/* Model::horizon */]) const {
    Forecast<Model> ahead;
    const Status status = forecast(ahead);
    if (status != Status::ok) return status;
    ahead.walk([&soh](int32_t raw) {
      *soh++ = static_cast<float>(raw) * Forecast<Model>::unit;
      return true;
    });
    return Status::ok;
  }

  // First cycle ahead at which the forecast is at or below `soh`; 0: it already is.
  // Returns ok; not_ready; not_a_number; out_of_range (soh not within 0 to 2); beyond_horizon. `cycles_ahead` is set
  // only with ok.
  Status crossing(float soh, uint16_t &cycles_ahead) const {
    if (soh != soh) return Status::not_a_number;
    if (!(soh >= 0.0f && soh <= 2.0f)) return Status::out_of_range;
    Forecast<Model> ahead;
    const Status status = forecast(ahead);
    if (status != Status::ok) return status;
    const int32_t threshold = static_cast<int32_t>(soh * 16777216.0f);
    uint16_t cycle = 0;
    bool found = ahead.level[0] <= threshold;
    if (!found) {
      ahead.walk([&](int32_t raw) {
        ++cycle;
        found = raw <= threshold;
        return !found;
      });
    }
    if (!found) return Status::beyond_horizon;
    cycles_ahead = cycle;
    return Status::ok;
  }

  // Bytes of a saved state; the same for every state of a model.
  static constexpr size_t state_size() { return State<Model>::size; }

  // Write state_size() bytes to keep over a reset: format, model, all cycles, checksum. Returns state_size(), or 0 if
  // `size` is smaller.
  size_t save(uint8_t *buffer, size_t size) const { return State<Model>::save(cycles_, buffer, size); }

  // Restore a saved state. Returns ok; bad_size; bad_format; other_model; bad_checksum; bad_state.
  Status load(const uint8_t *buffer, size_t size) { return State<Model>::load(cycles_, buffer, size); }

  // Remove all cycles.
  void clear() { memset(&cycles_, 0, sizeof cycles_); }

  // The stored cycles, for tests.
  const Cycles<Model> &cycles() const { return cycles_; }

 private:
  void take(int input, int16_t code) {
    const bool soh = Model::capacity && input == 0;
    const int known = cycles_.count < Model::memory ? cycles_.count : Model::memory;
    const Half *const before = cycles_.raw(input) + Model::memory - known;
    const int32_t sigmas = soh ? Model::soh_sigmas : Model::feature_sigmas, floor = soh ? Model::soh_floor : 0;
    cycles_.append(input, hampel<Model::memory + 1>(before, code, known + 1, sigmas, floor), code);
  }

  Cycles<Model> cycles_;
};

}  // namespace dlnet
