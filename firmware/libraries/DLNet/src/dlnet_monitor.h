// The health monitor of one cell: finished cycles in, forecast out.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dlnet_status.h"

namespace dlnet {

// SoH of the next cycles, kept at the knots only; straight lines join them.
template <class Model>
class Forecast {
 public:
  // SoH `cycle` cycles ahead, 0 (the level it starts from) to Model::horizon (also used for any cycle above).
  float soh(uint16_t cycle) const;

  // The same in units of 2^-24 SoH: the integer that the NumPy reference gives.
  int32_t raw(uint16_t cycle) const;
};

// `Model` is the struct that `dlnet firmware` writes into model_data.h. No allocation; sizeof(Monitor<Model>) bytes.
template <class Model>
class Monitor {
 public:
  Monitor();

  // Takes in one finished cycle.
  //
  // cycle: its number; any gap is allowed, as rows of a file may be missing, but it must rise.
  // values: Model::inputs of them, in the order and units of Model::input_name(i) and Model::input_unit(i). On track
  //   capacity the first is SoH: discharge capacity over nominal capacity.
  //
  // ok; not_a_number; out_of_range (SoH not within 0.05 to 1.5, or a feature so far off that its unit must be wrong:
  // smaller outliers are taken in and cleaned); out_of_order.
  Status push(uint32_t cycle, const float values[/* Model::inputs */]);

  // Whether enough cycles were pushed for a forecast: Model::window.
  bool ready() const;

  // Cycles held, 0 to Model::window.
  uint16_t count() const;

  // Number of the last cycle pushed; 0 before the first.
  uint32_t last_cycle() const;

  // Forecast from the last cycle on. ok; not_ready.
  Status forecast(Forecast<Model> &ahead) const;

  // The same as Model::horizon numbers: soh[0] is one cycle ahead. ok; not_ready.
  Status forecast(float soh[/* Model::horizon */]) const;

  // First cycle ahead at which the forecast is at or below `soh`; 0: it is so now.
  // ok; not_ready; out_of_range (soh not within 0 to 2); beyond_horizon. `cycles_ahead` is set by ok alone.
  Status crossing(float soh, uint16_t &cycles_ahead) const;

  // Bytes of a saved state; the same for every state of a model.
  static constexpr size_t state_size();

  // Writes state_size() bytes that survive a reset: format, model, all cycles, checksum. Returns state_size(), or 0
  // where `size` is smaller.
  size_t save(uint8_t *buffer, size_t size) const;

  // Takes a saved state. ok; bad_size; bad_format; other_model; bad_checksum; bad_state.
  Status load(const uint8_t *buffer, size_t size);

  // Forgets all cycles.
  void clear();
};

// Runs the engine on the golden vectors that stand in model_data.h, through the very code that forecasts.
// ok; self_test_failed.
template <class Model>
Status self_test();

}  // namespace dlnet
