// SPDX-License-Identifier: Apache-2.0
// Wear of one asset: push the inputs of each finished row, print the forecast once there are enough rows.
// First: dlnet firmware --model models/edge/NAME --out firmware/libraries/DLNet/examples/Forecast
#include <DLNet.h>

#include "model_data.h"

static dlnet::Monitor<dlnet::Model> monitor;
static dlnet::Forecast<dlnet::Model> ahead;
static const float end_of_life = 0.8f;  // replace by your own, in Model::target_unit()

// Replace by your own: writes the inputs of the next finished row; false while there is none.
static bool rowFinished(float values[]) {
  (void)values;
  return false;
}

void setup() {
  Serial.begin(115200);
  Serial.println(dlnet::text(dlnet::self_test<dlnet::Model>()));
}

void loop() {
  static uint32_t time = 0;
  float values[dlnet::Model::inputs];
  if (!rowFinished(values)) return;
  const dlnet::Status status = monitor.push(++time, values);
  if (status != dlnet::Status::ok) {
    Serial.println(dlnet::text(status));
    return;
  }
  const dlnet::Status result = monitor.forecast(ahead);
  if (!dlnet::given(result)) return;
  if (result == dlnet::Status::saturated) Serial.println("a feature is beyond its range: do not rely on this forecast");
  Serial.print(dlnet::Model::target());
  Serial.print(" at the horizon: ");
  Serial.println(ahead.value(dlnet::Model::horizon), 4);
  uint16_t rows = 0;
  if (dlnet::given(monitor.crossing(end_of_life, rows))) {
    Serial.print("end of life in rows: ");
    Serial.println(rows);
  }
}
