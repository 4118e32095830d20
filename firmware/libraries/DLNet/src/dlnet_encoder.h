// SPDX-License-Identifier: Apache-2.0
// From finished rows to the inputs of the network: 16-bit codes, causal Hampel filter, block sums, scaling.
// docs/firmware.md, "The front end, exactly"; dlnet/export/frontend.py is the reference.
#pragma once

#include <stddef.h>

#include "dlnet_arith.h"
#include "dlnet_status.h"

namespace dlnet {

// Rows as integer codes: one unit of a code is a fixed step of the input. Oldest first, the newest at the end.
template <class Model>
struct Rows {
  uint32_t last;
  uint16_t count;    // at most Model::window
  uint16_t flagged;  // rows to come until the window holds no saturated code; at most Model::window
  uint16_t known;    // sound rows since the level began, at most Model::memory: what the filters read
  uint8_t settled;   // rows that the level has lasted, at most longest_check_up + 1: then a row off it is held
  uint8_t held;      // rows held since the level was left, at most longest_check_up

  // An input's codes, two in a word: `window` cleaned ones, then `memory` sound ones as measured, for the filters.
  static constexpr int code_words = (Model::window + Model::memory + 1) / 2;
  uint32_t codes[Model::inputs][code_words];

  // Each input's last code as measured in a sound row, which holds where a row lacks it; then how many inputs the last
  // row lacks.
  static constexpr int latest_halves = (Model::inputs + 2) / 2 * 2;
  int16_t latest[latest_halves];

  DLNET_INLINE const Half *clean(int input) const { return reinterpret_cast<const Half *>(codes[input]); }
  DLNET_INLINE const Half *raw(int input) const { return clean(input) + Model::window; }

  // Shift all codes by one row and write the newest. By words: a loop over int16 would be compiled to a memmove call.
  void append(int input, int16_t cleaned, int16_t uncleaned) {
    uint32_t *const row = codes[input];
    for (int i = 0; i < code_words - 1; ++i) row[i] = (row[i] >> 16) | (row[i + 1] << 16);
    row[code_words - 1] >>= 16;
    Half *const halves = reinterpret_cast<Half *>(row);
    halves[Model::window - 1] = cleaned;
    halves[Model::window + Model::memory - 1] = uncleaned;
  }

  // Repeat the newest cleaned code, and leave those as measured.
  void repeat(int input) {
    uint32_t *const row = codes[input];
    for (int i = 0; i < (Model::window - 1) / 2; ++i) row[i] = (row[i] >> 16) | (row[i + 1] << 16);
    Half *const halves = reinterpret_cast<Half *>(row);
    halves[Model::window - 2] = halves[Model::window - 1];
  }
};

// Twice the median, which is always whole; sorts `values` in place.
inline int32_t twice_median(int32_t *values, int count) {
  for (int i = 1; i < count; ++i) {
    const int32_t value = values[i];
    int k = i;
    for (; k > 0 && values[k - 1] > value; --k) values[k] = values[k - 1];
    values[k] = value;
  }
  return values[(count - 1) / 2] + values[count / 2];
}

inline int32_t abs_i32(int32_t value) { return value < 0 ? -value : value; }

constexpr int longest_check_up = 10;  // rows; what lasts longer is a new level
constexpr int widening = 8;           // with each row held, the spread allowed for grows by a part of so many
constexpr int trend_spread = 2;       // times the spread about a trend that is allowed for

// Copy `count` codes, oldest first, and return the end of the copies.
inline int32_t *copy_codes(const Half *codes, int count, int32_t *to) {
  for (int i = 0; i < count; ++i) to[i] = codes[i];
  return to + count;
}

// What the newest of `count` values is compared with. `sigmas` in 2^-16, `floor` in quarters of a value's unit.
template <int most>
struct Neighbours {
  int32_t centre;  // twice the median
  int32_t spread;  // four times the median deviation from it
  int32_t away;    // four times the deviation of the newest

  Neighbours(const int32_t *values, int count) {
    int32_t sorted[most];
    for (int i = 0; i < count - 1; ++i) sorted[i] = values[i];
    sorted[count - 1] = values[count - 1];
    centre = twice_median(sorted, count);
    for (int i = 0; i < count - 1; ++i) sorted[i] = abs_i32(2 * values[i] - centre);
    sorted[count - 1] = abs_i32(2 * values[count - 1] - centre);
    away = 2 * sorted[count - 1];
    spread = twice_median(sorted, count);
  }

  // Whether `distance`, four times a deviation, is beyond what is usual: `widened` / widening times the spread.
  bool beyond(int32_t distance, int32_t sigmas, int32_t floor, int widened) const {
    const int64_t wide = static_cast<int64_t>(sigmas) * spread * widened;
    const int64_t least = static_cast<int64_t>(floor) * (widening << 16);
    return static_cast<int64_t>(distance) * (widening << 16) > (wide > least ? wide : least);
  }
};

// The newest of `count` values, or their median where it is an outlier.
template <int most>
int16_t hampel(const Half *before, int16_t value, int count, int32_t sigmas, int32_t floor) {
  int32_t values[most];
  *copy_codes(before, count - 1, values) = value;
  const Neighbours<most> all(values, count);
  return static_cast<int16_t>(all.beyond(all.away, sigmas, floor, widening) ? (all.centre + 1) >> 1 : value);
}

// Twice the median of `count` codes.
template <int most>
int32_t twice_median_of(const Half *codes, int count) {
  int32_t sorted[most];
  *copy_codes(codes, count - 1, sorted) = codes[count - 1];
  return twice_median(sorted, count);
}

// Whether `value` is off the level of the `known` codes before it, of which the last `held` rows do not count: far from
// the median of itself and of these, carried on by their trend, and from the last one. The trend is the median of their
// newer half less that of the older half, or 0 where it rises. All is multiplied by 2 half: no rounding.
template <int most>
bool off_level(const Half *before, int16_t value, int known, int32_t sigmas, int32_t floor, int held) {
  if (value == before[known - 1]) return false;
  const int half = known / 2, unit = half ? 2 * half : 1;
  const Half *const newer = before + known - half;
  int32_t fall = half ? twice_median_of<most>(newer, half) - twice_median_of<most>(newer - half, half) : 0;
  if (fall > 0) fall = 0;
  int32_t values[most];
  for (int i = 0; i < known; ++i) values[i] = unit * before[i] + fall * (held + known - i);
  values[known] = unit * value;
  const Neighbours<most> all(values, known + 1);
  const int32_t step = 4 * abs_i32(values[known] - values[known - 1]);
  return all.beyond(step < all.away ? step : all.away, sigmas, floor * unit, trend_spread * (widening + held));
}

// Whether a number is NaN, from its bits: compilers may take it for granted that none is.
inline bool not_measured(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return (bits & 0x7fffffffu) > 0x7f800000u;
}

// A float as a code, rounded and saturated. No a * b + c, which some compilers contract to a fused multiply-add.
inline Status to_code(float value, float offset, float scale, int16_t &code) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7f800000u) == 0x7f800000u) return Status::not_a_number;
  const float fine = (value - offset) * scale;  // in 1/256 of a code
  if (!(fine > -2147483648.0f && fine < 2147483648.0f)) return Status::out_of_range;
  const int32_t whole = static_cast<int32_t>(fine);
  code = static_cast<int16_t>(sat16((whole >> 8) + ((whole >> 7) & 1)));
  return Status::ok;
}

// Whether a code stands at an end of its range, where values beyond cannot be told apart.
inline bool at_end(int32_t code) { return code == INT16_MAX || code == INT16_MIN; }

// Binary search: the last of knots i to i + 2 reach - 1 that is not above the mean of a block, compared as sums.
template <class Model, int reach>
struct Search {
  static DLNET_INLINE int run(const int16_t *knot, int32_t sum, int i) {
    if (i + reach < Model::quantiles && sum >= Model::block * knot[i + reach]) i += reach;
    return Search<Model, reach / 2>::run(knot, sum, i);
  }
};

template <class Model>
struct Search<Model, 0> {
  static DLNET_INLINE int run(const int16_t *, int32_t, int i) { return i; }
};

// Encodes a full window for the engine, step by step.
template <class Model>
class WindowEncoder {
 public:
  explicit WindowEncoder(const Rows<Model> &rows) : rows_(rows) {
    constexpr int last = Model::steps - 1;
    for (int i = 0; i < Model::relatives; ++i) recent_[i] = block(first + Model::relative_feature[i], last);
    if (Model::with_target) trace_target();
  }

  // Health that the forecast starts from, 2^-24.
  int32_t anchor() const { return anchor_of(rows_); }

  static int32_t anchor_of(const Rows<Model> &rows) {
    if (!Model::with_target) return Model::anchor;
    return (rows.clean(0)[Model::window - 1] + Model::health_offset) * 512;
  }

  inline void step(int t, Half *x) const {
    if (Model::with_target) {
      *x++ = path_[t];
      *x++ = level_;
    }
    for (int i = 0; i < Model::features; ++i) {
      const int32_t sum = block(first + i, t);
      x[i] = static_cast<int16_t>(Model::quantiles ? rank(i, sum) : standard(i, sum));
      const int slot = Model::relative_slot[i];
      if (Model::relatives > 0 && slot >= 0) {  // a constant first: without relatives nothing is compiled
        const int32_t change = sum - recent_[slot];
        x[Model::features + slot] = static_cast<int16_t>(clamp(
            scale(change * fine, Model::relative_multiplier[slot], Model::relative_extra_shift[slot]), feature_clip));
      }
    }
  }

 private:
  static constexpr int first = Model::with_target ? 1 : 0;  // input that the features begin at
  static constexpr int32_t fine = 256;
  static constexpr int32_t feature_clip = 4 * 4096;
  static constexpr int32_t far = int32_t{1} << 22;
  static constexpr int relatives_or_one = Model::relatives ? Model::relatives : 1;

  DLNET_INLINE int32_t block(int input, int t) const {
    return Sum<Model::block>::of(rows_.clean(input) + t * Model::block);
  }

  // Health relative to the last row. A fall between blocks is limited: missing rows must not look like wear.
  void trace_target() {
    const int32_t last = Model::block * rows_.clean(0)[Model::window - 1];
    level_ = static_cast<int16_t>(
        sat16(scale((last - Model::level_centre) * fine, Model::level_multiplier, Model::level_extra_shift)));
    int32_t after = block(0, Model::steps - 1) - last, path = after;
    for (int t = Model::steps - 1;; --t) {
      const int32_t near = clamp(path, far);
      // cppcheck-suppress arrayIndexOutOfBounds ; path_ is short on track sensors_only, which never calls this
      path_[t] = static_cast<int16_t>(sat16(scale(near * fine, Model::change_multiplier, Model::change_extra_shift)));
      if (t == 0) return;
      const int32_t change = block(0, t - 1) - last, fall = change - after;
      path += fall < Model::drop_limit ? fall : Model::drop_limit;
      after = change;
    }
  }

  // Uniform score: position among the quantiles of the training data.
  static DLNET_INLINE int32_t rank(int feature, int32_t sum) {
    const int16_t *const knot = Model::quantile[feature];
    if (sum < Model::block * knot[0]) return (Model::score_low + Model::score_half) >> Model::score_bits;
    const int i = Search<Model, Model::quantile_reach>::run(knot, sum, 0);
    int32_t score = Model::score_low + i * Model::score_step + Model::score_half;
    if (i + 1 < Model::quantiles) {
      const uint32_t over = static_cast<uint32_t>(sum - Model::block * knot[i]);
      score += static_cast<int32_t>(over * static_cast<uint32_t>(Model::score_step) /
                                    static_cast<uint32_t>(Model::block * (knot[i + 1] - knot[i])));
    }
    return score >> Model::score_bits;
  }

  // Standard score: distance from the training mean in training standard deviations.
  static DLNET_INLINE int32_t standard(int feature, int32_t sum) {
    const int32_t away = sum - Model::centre[feature];
    return clamp(scale(away * fine, Model::feature_multiplier[feature], Model::feature_extra_shift[feature]),
                 feature_clip);
  }

  const Rows<Model> &rows_;
  int32_t recent_[relatives_or_one];  // sums of the last block
  int16_t path_[Model::with_target ? Model::steps : 1];
  int16_t level_;
};

}  // namespace dlnet
