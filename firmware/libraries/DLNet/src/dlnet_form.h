// SPDX-License-Identifier: Apache-2.0
// A form in integers: its inputs from finished rows, and a polynomial of them. docs/quantisation.md, "Forms".
#pragma once

#include "dlnet_forest.h"
#include "dlnet_life.h"

namespace dlnet {

// The inputs of a form, int16 of 2^-12, within 4.
template <class Model>
class FormInputs {
 public:
  static __attribute__((noinline)) void write(const Rows<Model> &rows, const Life<Model> &life, int16_t *x) {
    FormInputs inputs(rows, x);
    if (Model::form_target) inputs.target();
    inputs.features();
    for (int i = 0; i < Model::histories; ++i) inputs.put(inputs.history(life, Model::history_lag[i]));
    if (Model::youth_end > 0) inputs.since_youth(life);
    if (Model::form_age) inputs.put(static_cast<int32_t>(life.last()));
  }

 private:
  static constexpr int32_t clip = 4 * 4096;

  FormInputs(const Rows<Model> &rows, int16_t *x) : rows_(rows), x_(x), at_(0) {}

  // Scale a raw input and write it.
  void put(int32_t raw) {
    const int64_t product = static_cast<int64_t>(raw - Model::form_centre[at_]) * Model::form_multiplier[at_];
    const int shift = Model::form_input_shift[at_++];
    const int64_t value = (product + (int64_t{1} << (shift - 1))) >> shift;
    *x_++ = static_cast<int16_t>(value > clip ? clip : value < -clip ? -clip : value);
  }

  // Last health, slopes, last minus first, last minus twice the middle plus first.
  void target() {
    const Half *const health = rows_.clean(0);
    const int32_t first = health[0], middle = health[Model::window / 2], last = health[Model::window - 1];
    put(last);
    for (int s = 0; s < 4; ++s) {
      const int length = Model::slope_length[s];
      const Half *const from = health + Model::window - length;
      int32_t sum = 0;
      for (int i = 0; i < length; ++i) sum += (2 * i - length + 1) * from[i];
      put(sum);
    }
    put(last - first);
    put(last - 2 * middle + first);
  }

  // Sums of the last block, then of the last less the first.
  void features() {
    for (int i = 0; i < Model::form_features; ++i) put(block(i, Model::steps - 1));
    for (int i = 0; i < Model::form_features; ++i) put(block(i, Model::steps - 1) - block(i, 0));
  }

  int32_t block(int feature, int t) const {
    return Sum<Model::block>::of(rows_.clean(Model::form_feature[feature]) + t * Model::block);
  }

  // Change of health against `lag` rows back, over the true distance between the middles of the two blocks; 0 where
  // the far block does not lie before the last one of the window.
  int32_t history(const Life<Model> &life, uint32_t lag) const {
    const uint32_t last = life.last(), far = last < lag ? 0 : (last - lag) / life_block;
    if (life_block * (far + 1) + Model::block > last + 1) return 0;
    const int32_t recent = Sum<Model::block>::of(rows_.clean(0) + Model::window - Model::block);
    const int32_t change = recent - Model::block * life.mean(far);
    const uint32_t twice = 2 * (last - life_block * far) - (Model::block - 1) - (life_block - 1);  // the distance
    const uint32_t size = (2 * lag * static_cast<uint32_t>(abs_i32(change)) + (twice >> 1)) / twice;
    return change < 0 ? -static_cast<int32_t>(size) : static_cast<int32_t>(size);
  }

  // Each feature over the window against its mean over the asset's youth.
  void since_youth(const Life<Model> &life) {
    for (int i = 0; i < Model::form_features; ++i) {
      const Half *const codes = rows_.clean(Model::form_feature[i]);
      int32_t sum = 0;
      for (int k = 0; k < Model::window; ++k) sum += codes[k];
      put((Model::youth_end - Model::youth_first) * sum - Model::window * life.young(i));
    }
  }

  const Rows<Model> &rows_;
  int16_t *x_;
  int at_;
};

// Linear and quadratic forms: sums of the inputs, then of all products of two, two outputs at a time.
template <class Model>
class Polynomial {
 public:
  static void run(const int16_t *x, int64_t *sums) {
    const uint32_t *row = Model::form_rows;
    for (int o = 0; o < Model::form_outputs; o += 2) {
      int64_t a = 0, b = 0;
      for (int i = 0; i < Model::form_inputs; ++i) add(row, x[i] * 4096, a, b);
      for (int i = 0; Model::quadratic && i < Model::form_inputs; ++i) {
        for (int j = i; j < Model::form_inputs; ++j) add(row, x[i] * x[j], a, b);
      }
      sums[o] = a;
      sums[o + 1] = b;
    }
  }

 private:
  static DLNET_INLINE void add(const uint32_t *&row, int32_t term, int64_t &a, int64_t &b) {
    const uint32_t word = *row++;  // coefficients of two outputs
    a += static_cast<int64_t>(term) * low_half(word);
    b += static_cast<int64_t>(term) * high_half(word);
  }
};

template <class Model>
class Form {
 public:
  // Health at row 0 and at the knots, 2^-24: into `ahead`, blended with what a network left there.
  static __attribute__((noinline)) void run(const int16_t *x, int32_t anchor, Forecast<Model> &ahead) {
    int64_t sums[pairs > 0 ? pairs * 2 : 2];
    if (Model::trees > 0) {
      Trees<Model>::run(x, sums);
    } else {
      Polynomial<Model>::run(x, sums);
    }
    if (anchored) blend(ahead.level[0], anchor);
    for (int o = 0; o < Model::form_outputs; ++o) {
      const int32_t change = scaled(sums[o], Model::form_shift[o]) + Model::form_bias[o];
      blend(ahead.level[o + anchored], anchored ? anchor + change : change);
    }
  }

 private:
  static constexpr int pairs = (Model::form_outputs + 1) / 2;
  static constexpr int anchored = Model::form_outputs == Model::knots ? 1 : 0;
  static constexpr int32_t limit = int32_t{1} << 25;

  static DLNET_INLINE int32_t scaled(int64_t sum, int shift) {
    const int64_t value = (sum + (int64_t{1} << (shift - 1))) >> shift;
    return static_cast<int32_t>(value > limit ? limit : value < -limit ? -limit : value);
  }

  static DLNET_INLINE void blend(int32_t &level, int32_t form) {
    if (Model::has_network) {
      const int64_t both = static_cast<int64_t>(Model::blend_weight) * level +
                           static_cast<int64_t>(32768 - Model::blend_weight) * form;
      level = static_cast<int32_t>((both + 16384) >> 15);
    } else {
      level = form;
    }
  }
};

}  // namespace dlnet
