// libFuzzer on all that reaches the board from outside: bytes on the serial line, and a saved state.
//
// The first byte selects: the bytes as lines, or as a state whose format, model and checksum are valid, so that the
// fuzzer gets past those checks.
#include <stdlib.h>
#include <string.h>

#include "model_data.h"
#include "session.h"

namespace {

using Model = dlnet::Model;
using Monitor = dlnet::Monitor<Model>;

uint32_t no_clock() { return 0; }

void require(bool holds) {
  if (!holds) abort();
}

void check_reply(const char* reply, size_t length, size_t room) {
  require(length > 3 && length < room);  // never truncated
  require(memcmp(reply, "ok ", 3) == 0 || memcmp(reply, "err ", 4) == 0);
  for (size_t i = 0; i < length; ++i) require(reply[i] >= ' ' && reply[i] <= '~');
}

void lines(const uint8_t* bytes, size_t count) {
  static char reply[protocol::Session<Model>::reply_room];
  protocol::Session<Model> session;
  session.begin({no_clock, no_clock});
  protocol::LineReader reader;
  for (size_t i = 0; i < count; ++i) {
    if (reader.take(bytes[i])) check_reply(reply, session.answer(reader, reply, sizeof reply), sizeof reply);
  }
}

void state(const uint8_t* bytes, size_t count) {
  Monitor monitor;
  uint8_t saved[Monitor::state_size()];
  monitor.save(saved, sizeof saved);
  const size_t body = sizeof saved - 16;
  memcpy(saved + 12, bytes, count < body ? count : body);
  const uint32_t crc = dlnet::crc32(saved, sizeof saved - 4);
  memcpy(saved + sizeof saved - 4, &crc, 4);
  if (monitor.load(saved, sizeof saved) != dlnet::Status::ok) return;
  dlnet::Forecast<Model> ahead;
  uint16_t rows;
  monitor.forecast(ahead);
  monitor.crossing(0.8f, rows);
  const float values[Model::inputs] = {1.0f};
  monitor.push(monitor.last() + 1, values);
  monitor.forecast(ahead);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t count) {
  if (count == 0) return 0;
  (bytes[0] % 2 ? state : lines)(bytes + 1, count - 1);
  return 0;
}
