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
    uint32_t input[input_words] = {}, bypass[bypass_words] = {}, first[state_words] = {}, second[state_words] = {};
    int16_t state[2 * state_words] = {};
    uint32_t *now = first, *next = second;
    const uint8_t *event = Model::skip_event;
    for (int t = 0; t < Model::steps; ++t) {
      source.step(t, halves(input));
      for (; *event == t; event += 3) halves(bypass)[event[1]] = halves(input)[event[2]];
      for (int k = 0; k < Model::substeps; ++k) {
        substep(now, input, state, halves(next));
        uint32_t *const spent = now;
        now = next;
        next = spent;
      }
      observer.step(t, state);
    }
    for (int s = 0; s < Model::skips; ++s) {
      halves(bypass)[s] = static_cast<int16_t>(sat16(halves(input)[Model::skip_channel[s]] - halves(bypass)[s]));
    }
    read_out(now, bypass, anchor, ahead);
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
  static constexpr int head_pairs = (Model::outputs + 1) / 2;

  static DLNET_INLINE Half *halves(uint32_t *words) { return reinterpret_cast<Half *>(words); }

  // One Euler step of all neurons; `next` receives the state as it enters the next dot product.
  static DLNET_INLINE void substep(const uint32_t *now, const uint32_t *input, int16_t *state, Half *next) {
    const uint32_t *row = Model::step_rows;
    for (const int16_t *end = state + Model::hidden; state < end;) {
      int32_t a, b;
      pair<input_words>(row, now, input, a, b);
      if (Model::liquid) {
        const uint32_t rest = row[2];
        const int32_t gate = sigmoid(scale(a, row[0], rest & 0xff));
        const int32_t target = odd_look_up(Model::tanh_table, scale(b, row[1], (rest >> 8) & 0xff));
        move(*state++, gate, target, high_half(rest), *next++);
        row += 3;
      } else {
        const int32_t gate = sigmoid(scale(a, row[0], row[2] & 0xff));
        const int32_t other = sigmoid(scale(b, row[1], row[2] >> 8));
        move(*state++, gate, low_half(row[4]), low_half(row[3]), *next++);
        move(*state++, other, high_half(row[4]), high_half(row[3]), *next++);
        row += 5;
      }
    }
  }

  // Accumulators of two rows on [state, values]; `row` ends up at their multipliers.
  template <int words>
  static DLNET_INLINE void pair(const uint32_t *&row, const uint32_t *state, const uint32_t *values, int32_t &a,
                                int32_t &b) {
    a = static_cast<int32_t>(row[0]);
    b = static_cast<int32_t>(row[1]);
    row += 2;
    Dot<state_words>::run(row, state, a, b);
    Dot<words>::run(row, values, a, b);
  }

  // The table holds the sigmoid less a half, which is odd.
  static DLNET_INLINE int32_t sigmoid(int32_t code) { return 16384 + odd_look_up(Model::sigmoid_table, code); }

  // h + (gate (target - h) - rate h) / K. Halving the differences and not the gate keeps slow neurons exact.
  template <class Next>
  static DLNET_INLINE void move(int16_t &state, int32_t gate, int32_t target, int32_t rate, Next &next) {
    const int32_t h = state;
    const int32_t change = gate * ((target - h + 1) >> 1) - rate * ((h + 1) >> 1);
    const int32_t moved = sat16(h + update(change));
    state = static_cast<int16_t>(moved);
    next = static_cast<int16_t>((moved + 4) >> 3);
  }

  // A multiplier of 2^30, as every power of two has, is a shift alone.
  static DLNET_INLINE int32_t update(int32_t change) {
    constexpr int32_t multiplier = Model::update_multiplier;
    constexpr int places = Model::update_shift;
    if (multiplier == int32_t{1} << 30) return (change + (int32_t{1} << (places - 31))) >> (places - 30);
    return scale(change, multiplier, places - 32);
  }

  static DLNET_INLINE void read_out(const uint32_t *state, const uint32_t *bypass, int32_t anchor,
                                    Forecast<Model> &ahead) {
    int32_t logit[2 * head_pairs];
    const uint32_t *row = Model::head_rows;
    for (int i = 0; i < head_pairs; ++i, row += 3) {
      int32_t a, b;
      pair<skip_words>(row, state, bypass, a, b);
      logit[2 * i] = sat16(scale(a, row[0], row[2] & 0xff));
      logit[2 * i + 1] = sat16(scale(b, row[1], row[2] >> 8));
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
