// The commands of the protocol: one line in, one line out. Compiles on a computer and on a board.
#pragma once

#include <math.h>

#include <DLNet.h>
#include <dlnet_features.h>

#include "protocol.h"

namespace protocol {

/// Clocks of the board, for the command `time`.
struct Clocks {
  uint32_t (*cycles)();  // of the processor; always 0 where it has no counter
  uint32_t (*micros)();
};

template <class Model>
class Session {
 public:
  /// Bytes that any reply fits in: the longest is `info` with two texts of 100 and four of 20 characters, or a forecast.
  static constexpr size_t reply_room = 550 + 12 * Model::horizon;

  /// Call once, before the first line. Works on zeroed memory, without a constructor.
  void begin(const Clocks& clocks) {
    clocks_ = clocks;
    charge_ = dlnet::ChargeFeatures();
    monitor_.clear();
  }

  /// Write the reply to the line in `reader`, without a line end; returns its length.
  size_t answer(const LineReader& reader, char* buffer, size_t room) {
    Reply reply(buffer, room);
    if (reader.error() != Error::none) {
      reply.refuse(reader.error());
    } else if (!words_.split(reader.line(), reader.length())) {
      reply.refuse(Error::wrong_count);
    } else {
      run(reply);
    }
    return reply.length();
  }

 private:
  using Monitor = dlnet::Monitor<Model>;

  static constexpr int status_code = 20;  // an error's code is its status plus this; see docs/protocol.md
  static constexpr int charge_code = 40;
  static constexpr uint32_t chunk = 64;  // bytes of a saved state in one line
  static constexpr int window_values = 6;

  struct Command {
    const char* name;
    int min_arguments, max_arguments;
    void (Session::*run)(Reply&);
    bool of_charge = false;  // only known to models of batteries that read features of a charge
  };

  /// The task's own word for a command: `cycle` for `push`, `soh` for `value` where these are its words.
  static const char* own_word(const Command& command) {
    if (command.run == &Session::push) return Model::time_unit();
    const bool soh = dlnet::same_text(Model::target(), "SoH") && command.run == &Session::value_ahead;
    return soh ? "soh" : command.name;
  }

  static bool reads_charge() {
    for (int i = 0; i < static_cast<int>(Model::inputs); ++i) {
      if (dlnet::charge_feature_index(Model::input_name(i)) >= 0) return true;
    }
    return false;
  }

  void run(Reply& reply) {
    static const Command commands[] = {
        {"help", 0, 0, &Session::help},
        {"info", 0, 0, &Session::info},
        {"input", 1, 1, &Session::input},
        {"status", 0, 0, &Session::status},
        {"push", 1 + Model::inputs, 1 + Model::inputs, &Session::push},
        {"forecast", 0, 0, &Session::forecast},
        {"value", 1, 1, &Session::value_ahead},
        {"crossing", 1, 1, &Session::crossing},
        {"charge", 0, window_values, &Session::charge, true},
        {"sample", 3, 3, &Session::sample, true},
        {"features", 0, 0, &Session::features, true},
        {"finish", 1, 1 + Model::inputs, &Session::finish, true},
        {"selftest", 0, 0, &Session::selftest},
        {"time", 0, 0, &Session::time},
        {"save", 1, 1, &Session::save},
        {"load", 2, 2, &Session::load},
        {"reset", 0, 0, &Session::reset},
    };
    static_assert(2 + Model::inputs <= max_words, "a row of this model does not fit one line");
    if (words_.count() == 0) return reply.refuse(Error::unknown_command);
    // Names first: a task may call its rows what another command is called (sample, load, charge).
    for (int pass = 0; pass < 2; ++pass) {
      for (const Command& command : commands) {
        const char* const name = pass ? own_word(command) : command.name;
        if (!words_[0].is(name) || (command.of_charge && !reads_charge())) continue;
        const int arguments = words_.count() - 1;
        if (arguments < command.min_arguments || arguments > command.max_arguments) {
          return reply.refuse(Error::wrong_count);
        }
        reply.put("ok ").put(name);
        return (this->*command.run)(reply);
      }
    }
    reply.refuse(Error::unknown_command);
  }

  /// Parse an argument; false, with an error in `reply`, if it is not a number.
  bool number(int argument, double& value, Reply& reply) {
    if (parse_number(words_[argument], value)) return true;
    reply.refuse(Error::bad_number);
    return false;
  }

  bool whole(int argument, uint32_t& value, Reply& reply) {
    if (parse_unsigned(words_[argument], value)) return true;
    reply.refuse(Error::bad_number);
    return false;
  }

  static bool accepted(dlnet::Status status, Reply& reply) {
    if (dlnet::given(status)) return true;
    reply.refuse(status_code + static_cast<int>(status), dlnet::text(status));
    return false;
  }

  void help(Reply& reply) {
    reply.put(" info status input push forecast value crossing selftest time save load reset");
    if (reads_charge()) reply.put(" charge sample features finish");
  }

  void info(Reply& reply) {
    reply.put(" protocol=5 version=").put(Model::version()).put(" counter=").put_unsigned(Model::counter);
    reply.put(" sha256=").put(Model::sha256());
    reply.put(" inputs=").put_unsigned(Model::inputs).put(" window=").put_unsigned(Model::window);
    reply.put(" horizon=").put_unsigned(Model::horizon).put(" state=").put_unsigned(Monitor::state_size());
    reply.put(" asset=").put(Model::asset()).put(" time=").put(Model::time_unit());
    reply.put(" target=").put(Model::target()).put(" unit=").put(Model::target_unit());
    reply.put(" model=").put(Model::name());
  }

  void input(Reply& reply) {
    uint32_t i;
    if (!whole(1, i, reply)) return;
    if (i >= Model::inputs) return reply.refuse(Error::bad_value);
    reply.put(' ').put_unsigned(i).put(" unit=").put(Model::input_unit(i)).put(" name=").put(Model::input_name(i));
  }

  void put_held(Reply& reply) {
    reply.put(" last=").put_unsigned(monitor_.last()).put(" held=").put_unsigned(monitor_.count());
    reply.put(" ready=").put(monitor_.ready() ? '1' : '0');
    reply.put(" saturated=").put(monitor_.saturated() ? '1' : '0');
    reply.put(" off_level=").put_unsigned(monitor_.held());
    reply.put(" missing=").put_unsigned(static_cast<uint32_t>(monitor_.missing()));
  }

  /// The last words of a reply that rests on a forecast.
  void put_flags(Reply& reply) {
    if (monitor_.saturated()) reply.put(" saturated");
    if (monitor_.held() || monitor_.missing()) reply.put(" held");
  }

  void status(Reply& reply) { put_held(reply); }

  void add(uint32_t number, const float* values, Reply& reply) {
    if (accepted(monitor_.push(number, values), reply)) put_held(reply);
  }

  void push(Reply& reply) {
    uint32_t n;
    float values[Model::inputs];
    if (!whole(1, n, reply)) return;
    for (int i = 0; i < static_cast<int>(Model::inputs); ++i) {
      double value = 0;
      const bool known = !words_[2 + i].is("?");  // not measured
      if (known && !number(2 + i, value, reply)) return;
      values[i] = known ? static_cast<float>(value) : NAN;
    }
    add(n, values, reply);
  }

  void forecast(Reply& reply) {
    dlnet::Forecast<Model> ahead;
    if (!accepted(monitor_.forecast(ahead), reply)) return;
    for (uint16_t k = 1; k <= Model::horizon; ++k) reply.put(' ').put_signed(ahead.raw(k));
    put_flags(reply);
  }

  void value_ahead(Reply& reply) {
    uint32_t k;
    dlnet::Forecast<Model> ahead;
    if (!whole(1, k, reply)) return;
    if (k > Model::horizon) return reply.refuse(Error::bad_value);
    if (!accepted(monitor_.forecast(ahead), reply)) return;
    const double scaled = ahead.raw(static_cast<uint16_t>(k)) * static_cast<double>(Model::value_scale);
    reply.put(' ').put_fixed(static_cast<double>(Model::value_offset) + scaled);
    put_flags(reply);
  }

  void crossing(Reply& reply) {
    double threshold;
    uint16_t rows = 0;
    if (!number(1, threshold, reply)) return;
    const dlnet::Status result = monitor_.crossing(static_cast<float>(threshold), rows);
    if (result == dlnet::Status::beyond_horizon) {
      reply.put(" none");
    } else if (accepted(result, reply)) {
      reply.put(' ').put_unsigned(rows);
    } else {
      return;
    }
    put_flags(reply);
  }

  /// Begin a charge with the given window, by default that of the 1.1 Ah LFP cells.
  void charge(Reply& reply) {
    dlnet::ChargeWindow window;
    double* const values[window_values] = {&window.cutoff_v,       &window.below_v,      &window.tolerance_v,
                                           &window.current_from_a, &window.current_to_a, &window.sample_s};
    if (words_.count() > 1) {
      if (words_.count() != 1 + window_values) return reply.refuse(Error::wrong_count);
      for (int i = 0; i < window_values; ++i) {
        if (!number(1 + i, *values[i], reply)) return;
      }
      if (!dlnet::usable(window)) return reply.refuse(Error::bad_value);
    }
    charge_ = dlnet::ChargeFeatures(window);
  }

  void sample(Reply& reply) {
    dlnet::ChargeSample next;
    if (!number(1, next.time_s, reply) || !number(2, next.voltage_v, reply) || !number(3, next.current_a, reply)) {
      return;
    }
    const dlnet::ChargeStatus result = charge_.add(next);
    if (result == dlnet::ChargeStatus::more || result == dlnet::ChargeStatus::done) {
      reply.put(' ').put(dlnet::text(result));
    } else {
      reply.refuse(charge_code + static_cast<int>(result), dlnet::text(result));
    }
  }

  void features(Reply& reply) {
    double values[dlnet::charge_features];
    if (!charge_.get(values)) return reply.refuse(Error::bad_order);
    for (double value : values) reply.put(' ').put_fixed(value);
  }

  /// Push the finished charge as a row. Inputs that are not charge features, such as SoH, are arguments.
  void finish(Reply& reply) {
    uint32_t n;
    float values[Model::inputs];
    double statistics[dlnet::charge_features];
    if (!whole(1, n, reply)) return;
    if (!charge_.get(statistics)) return reply.refuse(Error::bad_order);
    int next = 2;
    for (unsigned i = 0; i < Model::inputs; ++i) {
      const int feature = dlnet::charge_feature_index(Model::input_name(i));
      double value = 0;
      if (feature >= 0) {
        value = statistics[feature];
      } else if (next == words_.count()) {
        return reply.refuse(Error::wrong_count);
      } else if (words_[next].is("?")) {
        ++next;
        values[i] = NAN;
        continue;
      } else if (!number(next++, value, reply)) {
        return;
      }
      values[i] = static_cast<float>(value);
    }
    if (next != words_.count()) return reply.refuse(Error::wrong_count);
    add(n, values, reply);
  }

  void selftest(Reply& reply) { accepted(dlnet::self_test<Model>(), reply); }

  void time(Reply& reply) {
    dlnet::Forecast<Model> ahead;
    const uint32_t cycles = clocks_.cycles(), start = clocks_.micros();
    const dlnet::Status result = monitor_.forecast(ahead);
    const uint32_t spent = clocks_.cycles() - cycles, us = clocks_.micros() - start;
    if (accepted(result, reply)) reply.put(" cycles=").put_unsigned(spent).put(" us=").put_unsigned(us);
  }

  /// Write one chunk of the state. Offset 0 takes a snapshot, from which all chunks are read.
  void save(Reply& reply) {
    uint32_t offset;
    if (!whole(1, offset, reply)) return;
    if (offset >= sizeof state_ || offset % chunk) return reply.refuse(Error::bad_value);
    if (offset == 0) {
      monitor_.save(state_, sizeof state_);
      use_ = Use::saved;
    } else if (use_ != Use::saved) {
      return reply.refuse(Error::bad_order);
    }
    reply.put(' ').put_unsigned(offset).put(' ');
    for (uint32_t i = offset; i < sizeof state_ && i < offset + chunk; ++i) reply.put_hex(state_[i]);
  }

  /// Read one chunk of a state, in order. The monitor is changed only after the last one.
  void load(Reply& reply) {
    uint32_t offset;
    if (!whole(1, offset, reply)) return;
    if (offset == 0) {
      loaded_ = 0;
      use_ = Use::loading;
    }
    if (use_ != Use::loading || offset != loaded_) return reply.refuse(Error::bad_order);
    const Word& digits = words_[2];
    if (digits.length % 2 || digits.length / 2 > sizeof state_ - loaded_) return reply.refuse(Error::bad_value);
    for (size_t i = 0; i < digits.length; i += 2) {
      const int high = parse_hex(digits.first[i]), low = parse_hex(digits.first[i + 1]);
      if (high < 0 || low < 0) return reply.refuse(Error::bad_number);
      state_[offset + i / 2] = static_cast<uint8_t>(high << 4 | low);
    }
    loaded_ += static_cast<uint32_t>(digits.length / 2);
    if (loaded_ < sizeof state_) {
      reply.put(' ').put_unsigned(loaded_);
      return;
    }
    use_ = Use::nothing;
    if (accepted(monitor_.load(state_, sizeof state_), reply)) put_held(reply);
  }

  void reset(Reply&) {
    monitor_.clear();
    charge_.reset();
  }

  enum class Use : uint8_t { nothing, saved, loading };

  Clocks clocks_ = {};
  Monitor monitor_;
  dlnet::ChargeFeatures charge_;
  Words words_;
  uint8_t state_[Monitor::state_size()] = {};
  uint32_t loaded_ = 0;
  Use use_ = Use::nothing;
};

}  // namespace protocol
