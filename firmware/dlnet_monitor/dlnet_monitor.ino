// Battery health on a serial line: cycles in, forecasts out, one line each. The protocol is in docs/protocol.md.
//
// model_data.h is written by `dlnet firmware`. This file and those beside it build unchanged for the Arduino Nano 33
// BLE Sense and for the emulated board of the tests.
#include <Arduino.h>
#include <DLNet.h>

#include "cycle_counter.h"
#include "model_data.h"
#include "protocol.h"
#include "session.h"

static uint32_t now_us() { return micros(); }

static Session<dlnet::Model> session({cycle_counter::read, now_us});
static protocol::LineReader reader;
static char reply[Session<dlnet::Model>::reply_room];

void setup() {
  cycle_counter::start();
  Serial.begin(115200);
}

void loop() {
  while (Serial.available()) {
    if (!reader.take(static_cast<uint8_t>(Serial.read()))) continue;
    Serial.write(reply, session.answer(reader, reply, sizeof reply));
    Serial.println();
  }
}
