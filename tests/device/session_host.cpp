// The sketch's session of one model behind a C call, for the tests: a line in, a line out.
#include "model_data.h"
#include "session.h"

static uint32_t no_clock() { return 0; }

using Session = protocol::Session<dlnet::Model>;

// All else is hidden: sessions of several models are loaded in one process.
extern "C" __attribute__((visibility("default"))) const char* exchange(const char* line) {
  static Session session;
  static protocol::LineReader reader;
  static char reply[Session::reply_room + 1];
  static bool begun = false;
  if (!begun) session.begin({no_clock, no_clock});
  begun = true;
  for (; *line; ++line) reader.take(static_cast<uint8_t>(*line));
  reader.take('\n');
  const size_t length = session.answer(reader, reply, sizeof reply);
  reply[length] = '\0';
  return length < Session::reply_room ? reply : nullptr;  // no reply is cut
}
