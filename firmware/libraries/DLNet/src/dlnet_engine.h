// SPDX-License-Identifier: Apache-2.0
// The liquid network in integers: docs/quantisation.md, "The arithmetic, exactly".
#pragma once

#include "dlnet_forecast.h"

namespace dlnet {

// Does nothing; tests pass an observer that records the state after each step.
struct NoObserver {
  DLNET_INLINE void step(int, const int16_t *) {}
};

// log(1 + exp(v)) of a logit, in 2^-16.
inline int32_t softplus(const uint16_t *table, int32_t code) {
  const int32_t size = code < 0 ? -code : code, u = size > 32767 ? 32767 : size, i = u >> 7, f = u & 127;
  const int32_t low = table[i], line = low + (((static_cast<int32_t>(table[i + 1]) - low) * f + 64) >> 7);
  return (code > 0 ? code << 4 : 0) + line;
}

// `Source::step(t, x)` writes the Model::channels inputs of step t; it is called for t = 0, 1, ... (oldest first).
template <class Model>
class Engine {
 public:
  template <class Source, class Observer>
  static void run(Source &source, int32_t anchor, Forecast<Model> &ahead, Observer &observer) {
    uint32_t vector[state_words + input_words], state[state_words];  // vector: state in 2^-12, then inputs
    uint32_t skip[skip_words_or_one], factor[factor_words_or_one];
    Words<state_words + input_words>::clear(vector);
    Words<state_words>::clear(state);
    Words<skip_words_or_one>::clear(skip);
    Half *const input = halves(vector + state_words);
    const uint8_t *event = Model::skip_event;
    for (int t = 0; t < Model::steps; ++t) {
      source.step(t, input);
      for (; *event == t; event += 3) halves(skip)[event[1]] = input[event[2]];
      for (int k = 0; k < Model::substeps; ++k) {
        if (Model::rank > 0) first_factor(vector, halves(factor));
        substep(Model::rank > 0 ? factor : vector, halves(state));
        Eighths<state_words>::run(state, vector);  // from 2^-15 to the unit of the inputs
      }
      observer.step(t, halves(state));
    }
    for (int s = 0; s < Model::skips; ++s) {
      halves(skip)[s] = static_cast<int16_t>(sat16(input[Model::skip_channel[s]] - halves(skip)[s]));
    }
    read_out(vector, skip, anchor, ahead);
  }

  template <class Source>
  static void run(Source &source, int32_t anchor, Forecast<Model> &ahead) {
    NoObserver observer;
    run(source, anchor, ahead, observer);
  }

 private:
  static constexpr int state_words = (Model::hidden + 1) / 2;
  static constexpr int input_words = (Model::channels + 1) / 2;
  static constexpr int skip_words = (Model::skips + 1) / 2;
  static constexpr int skip_words_or_one = skip_words > 0 ? skip_words : 1;
  static constexpr int factor_words = (Model::rank + 1) / 2;
  static constexpr int factor_words_or_one = factor_words > 0 ? factor_words : 1;
  static constexpr int head_pairs = (Model::outputs + 1) / 2;
  static constexpr int head_words = sizeof Model::head_rows / sizeof(uint32_t) / Model::branches;

  static DLNET_INLINE Half *halves(uint32_t *words) { return reinterpret_cast<Half *>(words); }

  // Bias plus products of two rows with two vectors. Pass one pointer variable twice where the vectors are contiguous.
  template <int bits, int first_words, int second_words>
  static DLNET_INLINE void sums(const uint32_t *&row, const uint32_t *&first, const uint32_t *&second,
                                int32_t nibble_offset, int32_t &a, int32_t &b) {
    next_two(row, a, b);
    a += nibble_offset;
    b += nibble_offset;
    Product<bits, first_words>::run(row, first, a, b);
    Product<bits, second_words>::run(row, second, a, b);
    a = Weight<bits>::in_unit(a);
    b = Weight<bits>::in_unit(b);
  }

  // Two rows times state and inputs (`vector`), as int16 of 2^-12.
  template <int bits>
  static DLNET_INLINE void codes(const uint32_t *&row, const uint32_t *vector, int32_t nibble_offset, int32_t &a,
                                 int32_t &b) {
    const uint32_t *z = vector;
    int32_t first, second;
    sums<bits, state_words, input_words>(row, z, z, nibble_offset, a, b);
    next_two(row, first, second);
    const uint32_t shifts = *row++;  // extra shifts of both rows in the two low bytes
    a = sat16(scale(a, first, shifts));
    b = sat16(scale(b, second, shifts >> 8));
  }

  // Low rank: the first factor times state and inputs; the rows of the cell read its result instead of those.
  static __attribute__((noinline)) void first_factor(const uint32_t *vector, Half *out) {
    const uint32_t *row = Model::inner_rows;
    const int32_t nibble_offset = Weight<Model::inner_bits>::template nibble_offset<state_words + input_words>(vector);
    for (int i = 0; i < factor_words; ++i) {
      int32_t a, b;
      codes<Model::inner_bits>(row, vector, nibble_offset, a, b);
      *out++ = static_cast<int16_t>(a);
      *out++ = static_cast<int16_t>(b);
    }
  }

  // The branch whose gate output on the last state and inputs is largest; the first of equal ones.
  static __attribute__((noinline)) int route(const uint32_t *vector) {
    const uint32_t *row = Model::gate_rows;
    const int32_t nibble_offset = Weight<Model::gate_bits>::template nibble_offset<state_words + input_words>(vector);
    int32_t most = -32769;
    int branch = 0;
    for (int i = 0; i < Model::branches; i += 2) {
      int32_t a, b;
      codes<Model::gate_bits>(row, vector, nibble_offset, a, b);
      if (a > most) most = a, branch = i;
      if (i + 1 < Model::branches && b > most) most = b, branch = i + 1;
    }
    return branch;
  }

  // One Euler step of all neurons. Not inlined: so it has all registers, and one copy is shared by all sources.
  static __attribute__((noinline)) void substep(const uint32_t *vector, Half *state) {
    const uint32_t *row = Model::step_rows;
    const uint32_t *const end = row + sizeof Model::step_rows / sizeof *row;
    constexpr int first_words = Model::rank > 0 ? factor_words : state_words;
    constexpr int second_words = Model::rank > 0 ? 0 : input_words;
    const int32_t nibble_offset = Weight<Model::step_bits>::template nibble_offset<first_words + second_words>(vector);
    do {
      const uint32_t *z = vector;
      int32_t a, b, first, second;
      sums<Model::step_bits, first_words, second_words>(row, z, z, nibble_offset, a, b);
      next_two(row, first, second);
      const uint32_t shifts = *row++;  // in the two low bytes; liquid: the rate in the high half
      const int32_t gate = sigmoid(scale(a, first, shifts));
      if (Model::liquid) {
        const int32_t target = odd_look_up(Model::tanh_table, scale(b, second, shifts >> 8));
        *state = move<true>(*state, gate, target, shifts);
        ++state;
      } else {
        const int32_t second_gate = sigmoid(scale(b, second, shifts >> 8));
        const uint32_t rates = row[0], reversals = row[1];
        row += 2;
        state[0] = move<false>(state[0], gate, low_half(reversals), rates);
        state[1] = move<true>(state[1], second_gate, high_half(reversals), rates);
        state += 2;
      }
    } while (row != end);
  }

  // The table holds sigmoid - 1/2, which is an odd function.
  static DLNET_INLINE int32_t sigmoid(int32_t code) { return 16384 + odd_look_up(Model::sigmoid_table, code); }

  // h + (gate (target - h) - rate h) / K, with the rate in the high or the low half of `rates`. The
  // differences are halved, not the gate: so the gate scales the rounding error, which stays small for slow neurons.
  // (-h) >> 1 equals -((h + 1) >> 1).
  template <bool high>
  static DLNET_INLINE int16_t move(int32_t h, int32_t gate, int32_t target, uint32_t rates) {
    const int32_t pull = gate * ((target - h + 1) >> 1), leak = -h >> 1;
    const int32_t change = high ? add_high(pull, leak, rates) : add_low(pull, leak, rates);
    return static_cast<int16_t>(sat16(h + update(change)));
  }

  // A power of two has the multiplier 2^30: then the scale is a shift alone.
  static DLNET_INLINE int32_t update(int32_t change) {
    constexpr int32_t multiplier = Model::update_multiplier;
    constexpr int shift = Model::update_shift;
    if (multiplier == int32_t{1} << 30) return (change + (int32_t{1} << (shift - 31))) >> (shift - 30);
    return scale(change, multiplier, shift - 32);
  }

  static __attribute__((noinline)) void read_out(const uint32_t *state, const uint32_t *skip, int32_t anchor,
                                                 Forecast<Model> &ahead) {
    int32_t logit[2 * head_pairs];
    const uint32_t *row = Model::head_rows;
    if (Model::branches > 1) row += route(state) * head_words;
    const int32_t nibble_offset = Weight<Model::head_bits>::template nibble_offset<state_words>(state) +
                                  Weight<Model::head_bits>::template nibble_offset<skip_words>(skip);
    for (int i = 0; i < 2 * head_pairs; i += 2) {
      const uint32_t *z = state, *s = skip;
      int32_t a, b, first, second;
      sums<Model::head_bits, state_words, skip_words>(row, z, s, nibble_offset, a, b);
      next_two(row, first, second);
      const uint32_t shifts = *row++;  // extra shifts of both rows in the two low bytes
      logit[i] = sat16(scale(a, first, shifts));
      logit[i + 1] = sat16(scale(b, second, shifts >> 8));
    }
    int32_t level = anchor;
    if (Model::has_offset) level += scale_any(logit[Model::outputs - 1], Model::offset_multiplier, Model::offset_shift);
    ahead.level[0] = level;
    for (int k = 0; k < Model::knots; ++k) {
      const int32_t rise = softplus(Model::softplus_table, logit[k]);
      level -= scale_any(rise, Model::delta_multiplier, Model::delta_shift);
      ahead.level[k + 1] = level;
    }
  }
};

}  // namespace dlnet
