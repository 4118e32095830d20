// C functions around the library, for the proofs: called through ctypes, in unicorn, and by driver.cpp.
#pragma once

#include <DLNet.h>
#include "model_data.h"

typedef dlnet::Model Model;

// Records the state after each step; `hidden` may be null.
struct StateRecorder {
  int16_t *hidden;
  void step(int t, const int16_t *state) {
    if (hidden) memcpy(hidden + t * Model::hidden, state, Model::hidden * sizeof *state);
  }
};

#pragma GCC visibility push(default)  // all else is hidden: several models are loaded in one process
extern "C" {
// A window (steps, channels) of codes, then the inputs of a form -> forecast (horizon,) in 2^-24 of health, and the state after each step.
void dlnet_trace(const int16_t *window, int32_t anchor, int32_t *forecast, int16_t *hidden);
// The engine as the monitor calls it: levels at the knots only.
void dlnet_levels(const int16_t *window, int32_t anchor, int32_t *levels);
// The engine and every row of the horizon, as integers: the forecast that reports/firmware.json counts.
void dlnet_engine(const int16_t *window, int32_t anchor, int32_t *forecast);

// One monitor, in static memory.
void dlnet_clear();
int32_t dlnet_push(uint32_t time, const float *values);
int32_t dlnet_encode(int16_t *window, int32_t *anchor);
int32_t dlnet_inputs(int16_t *inputs);  // of the form
int32_t dlnet_forecast(float *values);
int32_t dlnet_ahead(int32_t *levels);
int32_t dlnet_crossing(float value, int32_t *rows);
int32_t dlnet_save(uint8_t *buffer, int32_t size);
int32_t dlnet_load(const uint8_t *buffer, int32_t size);
int32_t dlnet_self_test();
int32_t dlnet_sizes(int32_t which);
}
#pragma GCC visibility pop
