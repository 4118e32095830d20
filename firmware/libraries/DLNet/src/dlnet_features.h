// SPDX-License-Identifier: Apache-2.0
// The 16 statistics of one charge, computed sample by sample: a few running sums, no buffer of the curve.
//
// Same definitions as dlnet.data.features in Python (docs/features.md), equal within the tolerance of docs/protocol.md.
// Double precision, because fourth powers are summed over hours; at one sample a second it is cheap.
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

namespace dlnet {

constexpr int charge_features = 16;

/// Names and order of the features: those of the files published with PINN4SOH.
constexpr const char* charge_feature_names[charge_features] = {
    "voltage mean", "voltage std",    "voltage kurtosis", "voltage skewness", "CC Q", "CC charge time",
    "voltage slope", "voltage entropy", "current mean",   "current std",      "current kurtosis",
    "current skewness", "CV Q",       "CV charge time",   "current slope",    "current entropy"};

/// The part of a charge that is used; see ChargeWindow in dlnet.data.features.
struct ChargeWindow {
  double cutoff_v = 3.6;
  double below_v = 0.2;
  double tolerance_v = 0.005;
  double current_from_a = 0.5;
  double current_to_a = 0.1;
  double sample_s = 5.0;
  int min_samples = 8;
};

/// Whether the limits are finite and in order.
inline bool usable(const ChargeWindow& w) {
  const double limits[] = {w.cutoff_v, w.below_v, w.tolerance_v, w.current_from_a, w.current_to_a, w.sample_s};
  for (double limit : limits) {
    if (!isfinite(limit)) return false;
  }
  return 0 < w.tolerance_v && w.tolerance_v < w.below_v && w.below_v < w.cutoff_v && 0 < w.current_to_a &&
         w.current_to_a < w.current_from_a && w.sample_s > 0 && w.min_samples >= 2;
}

/// Index of the feature of this name, or -1.
inline int charge_feature_index(const char* name) {
  for (int i = 0; i < charge_features; ++i) {
    if (strcmp(name, charge_feature_names[i]) == 0) return i;
  }
  return -1;
}

enum class ChargeStatus : uint8_t {
  more,             // accepted; more samples are needed
  done,             // the CV part has ended, the features are available
  not_a_number,     // rejected, nothing changed: a value is NaN or infinite
  out_of_order,     // rejected, nothing changed: time does not rise
  no_start,         // this charge cannot be used: it began above the CC part
  too_few_samples,  // this charge cannot be used: too few samples in a part
};

/// A short text, for the serial line.
inline const char* text(ChargeStatus status) {
  switch (status) {
    case ChargeStatus::more: return "more";
    case ChargeStatus::done: return "done";
    case ChargeStatus::not_a_number: return "not a number";
    case ChargeStatus::out_of_order: return "out of order";
    case ChargeStatus::no_start: return "charge began too late";
    case ChargeStatus::too_few_samples: return "too few samples";
  }
  return "unknown";
}

struct ChargeSample {
  double time_s;
  double voltage_v;
  double current_a;  // positive while charging
};

/// Integrals over time in one part of a curve, by the trapezoidal rule, of a quantity x and its powers.
class PartSums {
 public:
  /// Begin at a point. x is summed as (x - center) / spread, so that its powers do not lose precision.
  void begin(const ChargeSample& at, double x, double center, double spread) {
    *this = PartSums();
    center_ = center;
    spread_ = spread;
    start_s_ = at.time_s;
    last_ = terms(at, x);
  }

  /// Add the next point. `inside`: count it as a sample; the interpolated ends of the part are not.
  void add(const ChargeSample& at, double x, bool inside) {
    const Terms now = terms(at, x);
    const double half = (now.clock - last_.clock) / 2;
    for (int k = 0; k < 4; ++k) powers_[k] += half * (last_.power[k] + now.power[k]);
    entropy_ += half * (last_.entropy + now.entropy);
    charge_ += half * (last_.current + now.current);
    moment_ += half * (last_.clock * last_.power[0] + now.clock * now.power[0]);
    clock_squared_ += half * (last_.clock * last_.clock + now.clock * now.clock);
    last_ = now;
    count_ += inside;
  }

  int count() const { return count_; }

  /// Mean, std, kurtosis, skewness, charge in Ah, duration in s, slope per `sample_s`, entropy.
  void statistics(double sample_s, double out[8]) const {
    const double duration = last_.clock;
    const double u1 = powers_[0] / duration, u2 = powers_[1] / duration;
    const double u3 = powers_[2] / duration, u4 = powers_[3] / duration;
    const double variance = u2 - u1 * u1;
    const double third = u3 - 3 * u1 * u2 + 2 * u1 * u1 * u1;
    const double fourth = u4 - 4 * u1 * u3 + 6 * u1 * u1 * u2 - 3 * u1 * u1 * u1 * u1;
    const double mean = center_ + spread_ * u1;
    const double along = moment_ / duration - u1 * duration / 2;
    out[0] = mean;
    out[1] = spread_ * sqrt(variance);
    out[2] = fourth / (variance * variance) - 3;
    out[3] = third / (variance * sqrt(variance));
    out[4] = charge_ / 3600;
    out[5] = duration;
    out[6] = spread_ * along / (clock_squared_ / duration - duration * duration / 4) * sample_s;
    out[7] = log(mean * duration / sample_s) - entropy_ / duration / mean;
  }

 private:
  struct Terms {
    double clock;     // s since the part began
    double power[4];  // of the scaled x
    double entropy;   // x ln x
    double current;
  };

  Terms terms(const ChargeSample& at, double x) const {
    const double u = (x - center_) / spread_;
    return {at.time_s - start_s_, {u, u * u, u * u * u, u * u * u * u}, x * log(x), at.current_a};
  }

  double center_ = 0, spread_ = 1, start_s_ = 0;
  double powers_[4] = {};
  double entropy_ = 0, charge_ = 0, moment_ = 0, clock_squared_ = 0;
  Terms last_ = {};
  int count_ = 0;
};

/// Takes the samples of one charge, oldest first; the features are available once the CV part has ended.
class ChargeFeatures {
 public:
  explicit ChargeFeatures(const ChargeWindow& window = ChargeWindow()) : window_(window) {}

  /// Clear all: the next sample begins a new charge.
  void reset() { *this = ChargeFeatures(window_); }

  /// Add one sample. After done, no_start or too_few_samples the status stays the same until `reset`.
  ChargeStatus add(const ChargeSample& sample) {
    if (!isfinite(sample.time_s) || !isfinite(sample.voltage_v) || !isfinite(sample.current_a)) {
      return ChargeStatus::not_a_number;
    }
    if (any_ && sample.time_s <= last_.time_s) return ChargeStatus::out_of_order;
    if (phase_ == Phase::before || phase_ == Phase::rise) {
      rise(sample);
    } else if (phase_ != Phase::ended) {
      fall(sample, last_);
    }
    last_ = sample;
    any_ = true;
    return status_;
  }

  bool done() const { return status_ == ChargeStatus::done; }

  /// The features, in the order of charge_feature_names; false, and `out` untouched, unless done.
  bool get(double out[charge_features]) const {
    if (!done()) return false;
    rise_.statistics(window_.sample_s, out);
    tail_.statistics(window_.sample_s, out + 8);
    return true;
  }

 private:
  enum class Phase : uint8_t {
    before,   // no sample below the CC part yet
    rise,     // since the last sample below the CC part
    top,      // at the cut-off voltage, the current still above the CV part
    top_low,  // the same, with a current that is in the CV part already
    tail,     // in the CV part
    ended,
  };

  double low() const { return window_.cutoff_v - window_.below_v; }
  double high() const { return window_.cutoff_v - window_.tolerance_v; }

  void end(ChargeStatus status) {
    phase_ = Phase::ended;
    status_ = status;
  }

  void rise(const ChargeSample& sample) {
    const bool at_top = sample.voltage_v >= high();
    if (phase_ == Phase::before) {
      if (at_top) return end(ChargeStatus::no_start);
      if (sample.voltage_v < low()) fresh_ = true, phase_ = Phase::rise;
      return;
    }
    if (!at_top && sample.voltage_v < low()) {  // an earlier rise does not count
      fresh_ = true;
      return;
    }
    if (fresh_) {
      const ChargeSample head = crossing(last_, sample, last_.voltage_v, sample.voltage_v, low());
      rise_.begin(head, head.voltage_v, low() + window_.below_v / 2, window_.below_v / 2);
      head_s_ = head.time_s;
      fresh_ = false;
    }
    if (!at_top) {
      if (sample.time_s > head_s_) rise_.add(sample, sample.voltage_v, true);
      return;
    }
    const ChargeSample foot = crossing(last_, sample, last_.voltage_v, sample.voltage_v, high());
    rise_.add(foot, foot.voltage_v, false);
    if (rise_.count() < window_.min_samples || sample.current_a <= window_.current_to_a) {
      return end(ChargeStatus::too_few_samples);
    }
    phase_ = sample.current_a <= window_.current_from_a ? Phase::top_low : Phase::top;
  }

  void fall(const ChargeSample& sample, const ChargeSample& before) {
    if (phase_ == Phase::top && sample.current_a > window_.current_from_a) return;
    if (phase_ != Phase::tail) {
      const double from = window_.current_from_a;
      const ChargeSample head = crossing(before, sample, before.current_a, sample.current_a, from);
      const double center = (from + window_.current_to_a) / 2;
      tail_.begin(head, head.current_a, center, from - center);
      head_s_ = head.time_s;
      phase_ = Phase::tail;
    }
    if (sample.current_a > window_.current_to_a) {
      if (sample.time_s > head_s_) tail_.add(sample, sample.current_a, true);
      return;
    }
    const ChargeSample foot = crossing(before, sample, before.current_a, sample.current_a, window_.current_to_a);
    tail_.add(foot, foot.current_a, false);
    end(tail_.count() < window_.min_samples ? ChargeStatus::too_few_samples : ChargeStatus::done);
  }

  /// The point between two samples where a quantity that goes from `x0` to `x1` has the value `level`.
  static ChargeSample crossing(const ChargeSample& left, const ChargeSample& right, double x0, double x1,
                               double level) {
    const double step = x1 - x0;
    double share = step != 0 ? (level - x0) / step : 0;
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    return {left.time_s + share * (right.time_s - left.time_s),
            left.voltage_v + share * (right.voltage_v - left.voltage_v),
            left.current_a + share * (right.current_a - left.current_a)};
  }

  ChargeWindow window_;
  PartSums rise_, tail_;
  ChargeSample last_ = {};
  double head_s_ = 0;
  Phase phase_ = Phase::before;
  ChargeStatus status_ = ChargeStatus::more;
  bool any_ = false, fresh_ = false;
};

}  // namespace dlnet
