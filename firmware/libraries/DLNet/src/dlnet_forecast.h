// SPDX-License-Identifier: Apache-2.0
// A forecast: SoH at the knots, linear in between.
#pragma once

#include "dlnet_arith.h"

namespace dlnet {

template <class Model>
class Forecast {
 public:
  static constexpr float unit = 1.0f / 16777216.0f;  // SoH of one unit of `raw`: 2^-24

  // SoH `cycle` cycles ahead: 0 is the level it starts from; above Model::horizon: the value at the horizon.
  float soh(uint16_t cycle) const { return static_cast<float>(raw(cycle)) * unit; }

  // The same in units of 2^-24 SoH: the integer that the NumPy reference gives.
  int32_t raw(uint16_t cycle) const {
    if (cycle >= Model::horizon) return level[Model::knots];
    int k = 0;
    uint16_t before = 0;
    while (Model::knot[k] < cycle) before = Model::knot[k++];
    const int32_t fall = (level[k] - level[k + 1]) * 4;  // times 4: the shift of 30 becomes one of 32, as SMMULR has it
    return level[k] - high_rounded(fall, static_cast<int32_t>(cycle - before) * Model::inv_gap_q30[k]);
  }

  // Calls visit(raw) for each cycle from 1 to Model::horizon, until it returns false.
  template <class Visit>
  DLNET_INLINE void walk(Visit visit) const {
    int before = 0;
    for (int k = 0; k < Model::knots; ++k) {
      const int32_t from = level[k], fall = (from - level[k + 1]) * 4, inv_gap = Model::inv_gap_q30[k];
      int left = Model::knot[k] - before;
      before += left;
      for (int32_t w = inv_gap; left; --left, w += inv_gap) {
        if (!visit(from - high_rounded(fall, w))) return;
      }
    }
  }

  int32_t level[Model::knots + 1];  // 2^-24 SoH at cycle 0 and at each knot
};

}  // namespace dlnet
