// libFuzzer on all that reaches the board from outside: bytes on the serial line, and a saved state.
//
// The first byte selects: the bytes as lines, as a state whose format, model and checksum are valid, so that the fuzzer
// gets past those checks, or as sizes of the chunks in which a state is loaded.
#include <stdio.h>
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

// Chunks of a state, one a byte: its size, or from `near` on the bytes that are still free and up to two less or more.
void chunks(const uint8_t* bytes, size_t count) {
  constexpr size_t most = 190, size = Monitor::state_size();  // the longest chunk that fits a line with its offset
  constexpr uint8_t near = 251;
  static char reply[protocol::Session<Model>::reply_room];
  protocol::Session<Model> session;
  session.begin({no_clock, no_clock});
  protocol::LineReader reader;
  size_t loaded = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t room = size - loaded, wanted = bytes[i] >= near ? room + bytes[i] - near - 2 : bytes[i];
    if (wanted == 0 || wanted > most) continue;
    char line[protocol::max_line + 1];
    size_t length = static_cast<size_t>(snprintf(line, sizeof line, "load %zu ", loaded));
    memset(line + length, 'a', 2 * wanted);
    length += 2 * wanted;
    for (size_t k = 0; k < length; ++k) reader.take(static_cast<uint8_t>(line[k]));
    reader.take('\n');
    check_reply(reply, session.answer(reader, reply, sizeof reply), sizeof reply);
    const bool taken = memcmp(reply, "ok", 2) == 0;
    require(taken == (wanted < room));  // the last chunk is refused too: its checksum is wrong
    loaded = taken ? loaded + wanted : wanted == room ? 0 : loaded;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t count) {
  if (count == 0) return 0;
  void (*const all[])(const uint8_t*, size_t) = {lines, state, chunks};
  all[bytes[0] % 3](bytes + 1, count - 1);
  return 0;
}
