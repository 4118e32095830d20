// SPDX-License-Identifier: Apache-2.0
// Result of a call. A call that fails leaves the monitor unchanged.
#pragma once

#include <stdint.h>

namespace dlnet {

enum class Status : uint8_t {
  ok,
  not_ready,       // fewer rows than Model::window
  not_a_number,    // an input is infinite, or the first row has no target
  out_of_range,    // an input is impossible for its quantity and unit; a threshold is far from any forecast
  out_of_order,    // the row's number is not above the last one
  beyond_horizon,  // the forecast does not reach the threshold up to the horizon
  bad_size,        // saved state: wrong number of bytes
  bad_format,      // saved state: not of this library, or of another version of its format
  other_model,     // saved state: of another model
  bad_checksum,    // saved state: damaged
  bad_state,       // saved state: the checksum is right, the content is impossible
  self_test_failed,  // the engine does not give the reference's numbers
  saturated,       // the forecast is given, but a feature in its window is beyond the range of its codes
  held             // the forecast is given, but rests on older rows: the last one is off the level, or lacks an input
};

// Whether a forecast was given: ok, or saturated or held, which say what it rests on.
inline bool given(Status status) {
  return status == Status::ok || status == Status::saturated || status == Status::held;
}

// A short text, for a log or a serial line.
inline const char *text(Status status) {
  switch (status) {
    case Status::ok: return "ok";
    case Status::not_ready: return "not ready";
    case Status::not_a_number: return "not a number";
    case Status::out_of_range: return "out of range";
    case Status::out_of_order: return "out of order";
    case Status::beyond_horizon: return "beyond horizon";
    case Status::bad_size: return "bad size";
    case Status::bad_format: return "bad format";
    case Status::other_model: return "other model";
    case Status::bad_checksum: return "bad checksum";
    case Status::bad_state: return "bad state";
    case Status::self_test_failed: return "self test failed";
    case Status::saturated: return "saturated";
    case Status::held: return "held";
  }
  return "unknown";
}

}  // namespace dlnet
