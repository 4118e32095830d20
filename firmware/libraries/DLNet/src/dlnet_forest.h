// SPDX-License-Identifier: Apache-2.0
// Small trees in integers: at most eight leaves each. docs/quantisation.md, "Forms".
#pragma once

#include "dlnet_forecast.h"

namespace dlnet {

// A split is a word: threshold in the high half, then the input, then the codes of the left and the right child, four
// bits each: below 8 a split of the same tree, else leaf `code - 8`.
template <class Model>
class Trees {
 public:
  static void run(const int16_t *x, int64_t *sums) {
    const uint32_t *tree = Model::tree_splits;
    const int16_t *leaves = Model::tree_leaves;
    for (int o = 0; o < Model::form_outputs; ++o) {
      int32_t sum = 0;
      for (int t = 0; t < Model::trees; ++t, tree += splits, leaves += 8) sum += leaves[leaf(tree, x)];
      sums[o] = static_cast<int64_t>(sum) * 65536;
    }
  }

 private:
  static constexpr int splits = 7;

  static DLNET_INLINE uint32_t leaf(const uint32_t *tree, const int16_t *x) {
    uint32_t code = 0;
    do {
      const uint32_t word = tree[code];
      code = (x[(word >> 8) & 0xffu] <= high_half(word) ? word >> 4 : word) & 15u;
    } while (code < 8);
    return code - 8;
  }
};

}  // namespace dlnet
