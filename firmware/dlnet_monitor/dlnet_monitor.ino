// Forecasts of wear over a serial line: one line in, one line out. The protocol is in docs/protocol.md.
//
// model_data.h is written by `dlnet firmware`. The sketch builds unchanged for the Arduino Nano 33 BLE Sense and for
// the emulated board of the tests.
#include <Arduino.h>
#include <DLNet.h>

#include "cycle_counter.h"
#include "model_data.h"
#include "protocol.h"
#include "session.h"

static uint32_t now_us() { return micros(); }

static protocol::Session<dlnet::Model> session;
static protocol::LineReader reader;
static char reply[protocol::Session<dlnet::Model>::reply_room + 1];

// A host can run the sketch without a board by calling the two functions below (docs/device.md). So they have C linkage
// and are not inlined: the ELF file has a symbol for each.

extern "C" __attribute__((noinline)) void dlnet_begin() { session.begin({cycle_counter::read, now_us}); }

// Take one byte; returns the reply if it ends a line, else null.
extern "C" __attribute__((noinline)) const char* dlnet_take(uint32_t byte) {
  if (!reader.take(static_cast<uint8_t>(byte))) return nullptr;
  reply[session.answer(reader, reply, sizeof reply - 1)] = '\0';
  return reply;
}

void setup() {
  cycle_counter::start();
  dlnet_begin();
  Serial.begin(115200);
}

void loop() {
  while (Serial.available()) {
    const char* const text = dlnet_take(static_cast<uint32_t>(Serial.read()));
    if (text) Serial.println(text);
  }
}
