#include "shim.h"

static dlnet::Monitor<Model> monitor;
static const int32_t ok = static_cast<int32_t>(dlnet::Status::ok);

void dlnet_trace(const int16_t *window, int32_t anchor, int32_t *forecast, int16_t *hidden) {
  dlnet::Forecast<Model> ahead;
  StateRecorder recorder = {hidden};
  if (!Model::has_network) memset(hidden, 0, Model::steps * Model::hidden * sizeof *hidden);
  dlnet::run_stored(window, anchor, ahead, recorder);
  for (int32_t row = 1; row <= Model::horizon; ++row) *forecast++ = ahead.raw(static_cast<uint16_t>(row));
}

void dlnet_levels(const int16_t *window, int32_t anchor, int32_t *levels) {
  dlnet::Forecast<Model> ahead;
  dlnet::run_stored(window, anchor, ahead);
  memcpy(levels, ahead.level, sizeof ahead.level);
}

void dlnet_engine(const int16_t *window, int32_t anchor, int32_t *forecast) {
  dlnet::Forecast<Model> ahead;
  dlnet::run_stored(window, anchor, ahead);
  ahead.walk([&forecast](int32_t raw) {
    *forecast++ = raw;
    return true;
  });
}

void dlnet_clear() { monitor.clear(); }

int32_t dlnet_push(uint32_t time, const float *values) { return static_cast<int32_t>(monitor.push(time, values)); }

int32_t dlnet_encode(int16_t *window, int32_t *anchor) {
  if (!monitor.ready()) return static_cast<int32_t>(dlnet::Status::not_ready);
  dlnet::WindowEncoder<Model> encoder(monitor.rows());
  for (int t = 0; t < Model::steps; ++t) encoder.step(t, reinterpret_cast<dlnet::Half *>(window + t * Model::channels));
  *anchor = encoder.anchor();
  return ok;
}

int32_t dlnet_inputs(int16_t *inputs) {
  if (!monitor.ready()) return static_cast<int32_t>(dlnet::Status::not_ready);
  if (Model::form_inputs > 0) dlnet::FormInputs<Model>::write(monitor.rows(), monitor.life(), inputs);
  return ok;
}

int32_t dlnet_forecast(float *values) { return static_cast<int32_t>(monitor.forecast(values)); }

int32_t dlnet_ahead(int32_t *levels) {
  dlnet::Forecast<Model> ahead;
  const dlnet::Status status = monitor.forecast(ahead);
  if (dlnet::given(status)) memcpy(levels, ahead.level, sizeof ahead.level);
  return static_cast<int32_t>(status);
}

int32_t dlnet_crossing(float value, int32_t *rows) {
  uint16_t ahead = 0;
  const dlnet::Status status = monitor.crossing(value, ahead);
  if (dlnet::given(status)) *rows = ahead;
  return static_cast<int32_t>(status);
}

int32_t dlnet_save(uint8_t *buffer, int32_t size) {
  return static_cast<int32_t>(monitor.save(buffer, static_cast<size_t>(size)));
}

int32_t dlnet_load(const uint8_t *buffer, int32_t size) {
  return static_cast<int32_t>(monitor.load(buffer, static_cast<size_t>(size)));
}

int32_t dlnet_self_test() { return static_cast<int32_t>(dlnet::self_test<Model>()); }

int32_t dlnet_sizes(int32_t which) {
  if (which == 0) return static_cast<int32_t>(sizeof monitor);
  return static_cast<int32_t>(dlnet::Monitor<Model>::state_size());
}
