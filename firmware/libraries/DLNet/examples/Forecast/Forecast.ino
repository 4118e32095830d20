// SPDX-License-Identifier: Apache-2.0
// Health of one cell: push the inputs of each finished cycle, print the forecast once there are enough cycles.
// First: dlnet firmware --model models/edge/NAME --out firmware/libraries/DLNet/examples/Forecast
#include <DLNet.h>

#include "model_data.h"

static dlnet::Monitor<dlnet::Model> monitor;
static dlnet::Forecast<dlnet::Model> ahead;

// Replace by your own: writes the inputs of the next finished cycle; false while there is none.
static bool cycleFinished(float values[]) {
  (void)values;
  return false;
}

void setup() {
  Serial.begin(115200);
  Serial.println(dlnet::text(dlnet::self_test<dlnet::Model>()));
}

void loop() {
  static uint32_t cycle = 0;
  float values[dlnet::Model::inputs];
  if (!cycleFinished(values)) return;
  const dlnet::Status status = monitor.push(++cycle, values);
  if (status != dlnet::Status::ok) {
    Serial.println(dlnet::text(status));
    return;
  }
  if (monitor.forecast(ahead) != dlnet::Status::ok) return;
  Serial.print("SoH at the horizon: ");
  Serial.println(ahead.soh(dlnet::Model::horizon), 4);
  uint16_t cycles = 0;
  if (monitor.crossing(0.8f, cycles) == dlnet::Status::ok) {
    Serial.print("80 % in cycles: ");
    Serial.println(cycles);
  }
}
