// The liquid network in integers: docs/quantisation.md, "The arithmetic, exactly".
#pragma once

#include "dlnet_forecast.h"

namespace dlnet {

// Does nothing; tests pass one that writes down the state after each step.
struct NoObserver {
  DLNET_INLINE void step(int, const int16_t *) {}
};

// log(1 + exp(v)) of a logit, in 2^-16.
inline int32_t softplus(const uint16_t *table, int32_t code) {
  const int32_t size = code < 0 ? -code : code, u = size > 32767 ? 32767 : size, i = u >> 7, f = u & 127;
  const int32_t low = table[i], line = low + (((static_cast<int32_t>(table[i + 1]) - low) * f + 64) >> 7);
  return (code > 0 ? code << 4 : 0) + line;
}

// A Source gives the window: `step(t, x)` writes the Model::channels inputs of step t, oldest first.
template <class Model>
class Engine {
 public:
  template <class Source, class Observer>
  static void run(Source &source, int32_t anchor, Forecast<Model> &ahead, Observer &observer) {
    uint32_t vector[state_words + input_words], state[state_words];  // vector: state as it enters a product, inputs
    uint32_t bypass[bypass_words], between[between_words];
    Words<state_words + input_words>::clear(vector);
    Words<state_words>::clear(state);
    Words<bypass_words>::clear(bypass);
    Half *const input = halves(vector + state_words);
    const uint8_t *event = Model::skip_event;
    for (int t = 0; t < Model::steps; ++t) {
      source.step(t, input);
      for (; *event == t; event += 3) halves(bypass)[event[1]] = input[event[2]];
      for (int k = 0; k < Model::substeps; ++k) {
        if (Model::rank > 0) contract(vector, halves(between));
        substep(Model::rank > 0 ? between : vector, halves(state));
        Eighths<state_words>::run(state, vector);  // from 2^-15 to the unit of the inputs
      }
      observer.step(t, halves(state));
    }
    for (int s = 0; s < Model::skips; ++s) {
      halves(bypass)[s] = static_cast<int16_t>(sat16(input[Model::skip_channel[s]] - halves(bypass)[s]));
    }
    read_out(vector, bypass, anchor, ahead);
  }

  template <class Source>
  static void run(Source &source, int32_t anchor, Forecast<Model> &ahead) {
    NoObserver nobody;
    run(source, anchor, ahead, nobody);
  }

 private:
  static constexpr int state_words = (Model::hidden + 1) / 2;
  static constexpr int input_words = (Model::channels + 1) / 2;
  static constexpr int skip_words = (Model::skips + 1) / 2;
  static constexpr int bypass_words = skip_words > 0 ? skip_words : 1;
  static constexpr int rank_words = (Model::rank + 1) / 2;
  static constexpr int between_words = rank_words > 0 ? rank_words : 1;
  static constexpr int head_pairs = (Model::outputs + 1) / 2;
  static constexpr int head_words = sizeof Model::head_rows / sizeof(uint32_t) / Model::branches;

  static DLNET_INLINE Half *halves(uint32_t *words) { return reinterpret_cast<Half *>(words); }

  // Two rows times two vectors, or times one in two blocks if both pointers are the same variable.
  template <int bits, int first_words, int second_words>
  static DLNET_INLINE void sums(const uint32_t *&row, const uint32_t *&first, const uint32_t *&second, int32_t lift,
                                int32_t &a, int32_t &b) {
    next_two(row, a, b);
    a += lift;
    b += lift;
    Product<bits, first_words>::run(row, first, a, b);
    Product<bits, second_words>::run(row, second, a, b);
    a = Weight<bits>::in_unit(a);
    b = Weight<bits>::in_unit(b);
  }

  // Two rows over the state and the inputs of `vector`, as int16 of 2^-12.
  template <int bits>
  static DLNET_INLINE void codes(const uint32_t *&row, const uint32_t *vector, int32_t lift, int32_t &a, int32_t &b) {
    const uint32_t *z = vector;
    int32_t first, second;
    sums<bits, state_words, input_words>(row, z, z, lift, a, b);
    next_two(row, first, second);
    const uint32_t places = *row++;
    a = sat16(scale(a, first, places));
    b = sat16(scale(b, second, places >> 8));
  }

  // Low rank: what the rows of the cell read in place of state and inputs.
  static __attribute__((noinline)) void contract(const uint32_t *vector, Half *between) {
    const uint32_t *row = Model::inner_rows;
    const int32_t lift = Weight<Model::inner_bits>::template lift<state_words + input_words>(vector);
    for (int i = 0; i < rank_words; ++i) {
      int32_t a, b;
      codes<Model::inner_bits>(row, vector, lift, a, b);
      *between++ = static_cast<int16_t>(a);
      *between++ = static_cast<int16_t>(b);
    }
  }

  // The branch whose row is largest on the last state and inputs; of equals the first.
  static __attribute__((noinline)) int route(const uint32_t *vector) {
    const uint32_t *row = Model::gate_rows;
    const int32_t lift = Weight<Model::gate_bits>::template lift<state_words + input_words>(vector);
    int32_t most = -32769;
    int branch = 0;
    for (int i = 0; i < Model::branches; i += 2) {
      int32_t a, b;
      codes<Model::gate_bits>(row, vector, lift, a, b);
      if (a > most) most = a, branch = i;
      if (i + 1 < Model::branches && b > most) most = b, branch = i + 1;
    }
    return branch;
  }

  // One Euler step of all neurons. A function of its own has the registers to itself, and one copy serves all sources.
  static __attribute__((noinline)) void substep(const uint32_t *vector, Half *state) {
    const uint32_t *row = Model::step_rows;
    const uint32_t *const end = row + sizeof Model::step_rows / sizeof *row;
    constexpr int first_words = Model::rank > 0 ? rank_words : state_words;
    constexpr int second_words = Model::rank > 0 ? 0 : input_words;
    const int32_t lift = Weight<Model::step_bits>::template lift<first_words + second_words>(vector);
    do {
      const uint32_t *z = vector;
      int32_t a, b, first, second;
      sums<Model::step_bits, first_words, second_words>(row, z, z, lift, a, b);
      next_two(row, first, second);
      const uint32_t places = *row++;
      const int32_t gate = sigmoid(scale(a, first, places));
      if (Model::liquid) {
        const int32_t target = odd_look_up(Model::tanh_table, scale(b, second, places >> 8));
        *state = move<true>(*state, gate, target, places);
        ++state;
      } else {
        const int32_t other = sigmoid(scale(b, second, places >> 8));
        const uint32_t rates = row[0], reversals = row[1];
        row += 2;
        state[0] = move<false>(state[0], gate, low_half(reversals), rates);
        state[1] = move<true>(state[1], other, high_half(reversals), rates);
        state += 2;
      }
    } while (row != end);
  }

  // The table holds the sigmoid less a half, which is odd.
  static DLNET_INLINE int32_t sigmoid(int32_t code) { return 16384 + odd_look_up(Model::sigmoid_table, code); }

  // h + (gate (target - h) - rate h) / K, the rate in the high or the low half of a word. Halving the differences and
  // not the gate keeps slow neurons exact. -((h + 1) >> 1) is (-h) >> 1.
  template <bool high>
  static DLNET_INLINE int16_t move(int32_t h, int32_t gate, int32_t target, uint32_t rates) {
    const int32_t pull = gate * ((target - h + 1) >> 1), leak = -h >> 1;
    const int32_t change = high ? add_high(pull, leak, rates) : add_low(pull, leak, rates);
    return static_cast<int16_t>(sat16(h + update(change)));
  }

  // A multiplier of 2^30, as every power of two has, is a shift alone.
  static DLNET_INLINE int32_t update(int32_t change) {
    constexpr int32_t multiplier = Model::update_multiplier;
    constexpr int places = Model::update_shift;
    if (multiplier == int32_t{1} << 30) return (change + (int32_t{1} << (places - 31))) >> (places - 30);
    return scale(change, multiplier, places - 32);
  }

  static __attribute__((noinline)) void read_out(const uint32_t *state, const uint32_t *bypass, int32_t anchor,
                                                 Forecast<Model> &ahead) {
    int32_t logit[2 * head_pairs];
    const uint32_t *row = Model::head_rows;
    if (Model::branches > 1) row += route(state) * head_words;
    const int32_t lift = Weight<Model::head_bits>::template lift<state_words>(state) +
                         Weight<Model::head_bits>::template lift<skip_words>(bypass);
    for (int i = 0; i < 2 * head_pairs; i += 2) {
      const uint32_t *z = state, *s = bypass;
      int32_t a, b, first, second;
      sums<Model::head_bits, state_words, skip_words>(row, z, s, lift, a, b);
      next_two(row, first, second);
      const uint32_t places = *row++;
      logit[i] = sat16(scale(a, first, places));
      logit[i + 1] = sat16(scale(b, second, places >> 8));
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
