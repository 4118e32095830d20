// SPDX-License-Identifier: Apache-2.0
// A forecast: health at the knots, linear in between. Health is the target as the engine computes with it: it always
// falls, and is the target itself for a battery's SoH.
#pragma once

#include "dlnet_arith.h"

namespace dlnet {

// Whether two strings are equal, for the compiler.
constexpr bool same_text(const char *a, const char *b) {
  return *a == *b && (*a == '\0' || same_text(a + 1, b + 1));
}

template <class Model>
class Forecast {
 public:
  // The target `row` rows ahead, in its own unit: 0 is the value it starts from; above Model::horizon: the value at the
  // horizon.
  float value(uint16_t row) const { return value_of(raw(row)); }

  // The same for models of batteries.
  float soh(uint16_t row) const {
    static_assert(same_text(Model::target(), "SoH"), "this model does not forecast SoH: use value()");
    return value(row);
  }

  // The target for a value of `raw`.
  static DLNET_INLINE float value_of(int32_t raw) {
    float scaled = static_cast<float>(raw) * Model::value_scale;
    if (Model::value_offset == 0.0f) return scaled;
    __asm__("" : "+m"(scaled));  // keeps compilers from a fused multiply-add, which rounds once less
    return Model::value_offset + scaled;
  }

  // The forecast in units of 2^-24 of health: the integer that the NumPy reference gives.
  int32_t raw(uint16_t row) const {
    if (row >= Model::horizon) return level[Model::knots];
    int k = 0;
    uint16_t before = 0;
    while (Model::knot[k] < row) before = Model::knot[k++];
    const int32_t fall = (level[k] - level[k + 1]) * 4;  // times 4: the shift of 30 becomes one of 32, as SMMULR has it
    return level[k] - high_rounded(fall, static_cast<int32_t>(row - before) * Model::inv_gap_q30[k]);
  }

  // Calls visit(raw) for each row from 1 to Model::horizon, until it returns false.
  template <class Visit>
  DLNET_INLINE void walk(Visit visit) const {
    int before = 0;
    for (int k = 0; k < Model::knots; ++k) {
      const int32_t from = level[k], fall = (from - level[k + 1]) * 4;
      const uint32_t inv_gap = static_cast<uint32_t>(Model::inv_gap_q30[k]);
      int left = Model::knot[k] - before;
      before += left;
      // Unsigned: behind a knot one row after another, the position that is no longer used is 2^31.
      for (uint32_t w = inv_gap; left; --left, w += inv_gap) {
        if (!visit(from - high_rounded(fall, static_cast<int32_t>(w)))) return;
      }
    }
  }

  int32_t level[Model::knots + 1];  // 2^-24 of health at row 0 and at each knot
};

}  // namespace dlnet
