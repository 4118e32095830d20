// The sketch's protocol text behind C calls, for the tests.
#include "protocol.h"

extern "C" int parse_number(const char* text, size_t length, double* value) {
  return protocol::parse_number({text, length}, *value);
}

extern "C" int parse_unsigned(const char* text, size_t length, uint32_t* value) {
  return protocol::parse_unsigned({text, length}, *value);
}

extern "C" size_t put_fixed(double value, char* out, size_t room) {
  protocol::Reply reply(out, room);
  reply.put_fixed(value);
  return reply.length();
}

// Each line that the bytes complete, as its error code and length: up to `room` pairs; gives how many.
extern "C" size_t lines(const uint8_t* bytes, size_t count, int* out, size_t room) {
  protocol::LineReader reader;
  size_t found = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!reader.take(bytes[i]) || found == room) continue;
    out[2 * found] = static_cast<int>(reader.error());
    out[2 * found + 1] = static_cast<int>(reader.length());
    ++found;
  }
  return found;
}
