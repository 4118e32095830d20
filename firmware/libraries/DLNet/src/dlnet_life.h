// SPDX-License-Identifier: Apache-2.0
// What a form knows of an asset's life before its window: its age, means of its health, its features when it was young.
// docs/quantisation.md, "Forms"; dlnet/export/form_inputs.py is the reference.
#pragma once

#include "dlnet_encoder.h"

namespace dlnet {

constexpr int life_block = 10;                            // rows whose mean is kept
constexpr uint32_t longest_life = uint32_t{1} << 30;      // rows that are counted

// Nothing: of a model that reads its window only. It takes no byte of a monitor.
template <class Model, bool kept = Model::keeps_life>
class Life {
 public:
  static constexpr size_t stored = 0;
  constexpr Life() {}
  void add(const Rows<Model> &) {}
  static bool possible(const uint8_t *, uint16_t) { return true; }
  static DLNET_INLINE uint32_t last() { return 0; }
  static DLNET_INLINE int32_t mean(uint32_t) { return 0; }
  static DLNET_INLINE int32_t young(int) { return 0; }
};

template <class Model>
class Life<Model, true> {
 public:
  static constexpr size_t stored = sizeof(Life<Model, true>);

  constexpr Life() : count_(0), sum_(0), young_(), ring_() {}

  // Take the newest cleaned row.
  void add(const Rows<Model> &rows) {
    if (Model::histories > 0) {
      sum_ += newest(rows, 0);
      if (count_ % life_block == life_block - 1) {
        const uint32_t above = static_cast<uint32_t>(sum_ + life_block / 2 + life_block * 32768);
        ring_[count_ / life_block % Model::ring] = static_cast<int16_t>(static_cast<int32_t>(above / life_block) - 32768);
        sum_ = 0;
      }
    }
    if (Model::youth_end > 0 && count_ >= Model::youth_first && count_ < Model::youth_end) {
      for (int i = 0; i < Model::form_features; ++i) young_[i] += newest(rows, Model::form_feature[i]);
    }
    if (count_ < longest_life) ++count_;
  }

  // Number of the last row, the asset's first being 0.
  uint32_t last() const { return count_ - 1; }

  // Mean of health over a complete block of rows.
  int32_t mean(uint32_t block) const { return ring_[block % Model::ring]; }

  // Sum of a feature's codes over the rows of youth.
  int32_t young(int feature) const { return young_[feature]; }

  // Whether stored bytes are what rows can lead to, of which a window holds `held`.
  static bool possible(const uint8_t *stored_bytes, uint16_t held) {
    Life life;
    memcpy(&life, stored_bytes, sizeof life);
    if (life.count_ > longest_life || life.count_ < held || (held < Model::window && life.count_ != held)) return false;
    const int32_t part = static_cast<int32_t>(life.count_ % life_block), most = Model::histories > 0 ? part * 32768 : 0;
    if (life.sum_ > most || life.sum_ < -most) return false;
    for (int i = 0; i < features_or_one; ++i) {
      const int32_t limit = (Model::youth_end - Model::youth_first) * 32768;
      if (life.young_[i] > limit || life.young_[i] < -limit) return false;
    }
    return true;
  }

 private:
  static constexpr int features_or_one = Model::youth_end > 0 && Model::form_features > 0 ? Model::form_features : 1;
  static constexpr int ring_halves = (Model::ring + 1) / 2 * 2;

  static DLNET_INLINE int32_t newest(const Rows<Model> &rows, int input) {
    return rows.clean(input)[Model::window - 1];
  }

  uint32_t count_;                   // rows since the asset's first
  int32_t sum_;                      // of health codes in the block that is not complete
  int32_t young_[features_or_one];   // sums of codes
  int16_t ring_[ring_halves];        // the mean of block j at j % Model::ring
};

}  // namespace dlnet
