// libFuzzer on the loader of saved states. The first byte selects what is made valid, so that the fuzzer gets past the
// checks: 1 size, format and model, 2 the checksum.
#include <stdlib.h>

#include "shim.h"

typedef dlnet::Monitor<Model> Device;
static const size_t size = Device::state_size();

static void require(bool holds) {
  if (!holds) abort();
}

static void repair(uint8_t *state, uint8_t what) {
  uint8_t fresh[size];
  Device().save(fresh, size);
  if (what & 1) memcpy(state, fresh, 12);
  if (what & 2) {
    const uint32_t crc = dlnet::crc32(state, size - 4);
    memcpy(state + size - 4, &crc, sizeof crc);
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
  if (count == 0) return 0;
  const uint8_t what = *bytes++;
  --count;
  Device device;
  uint8_t before[size], after[size], state[size] = {};
  device.save(before, size);
  memcpy(state, bytes, count < size ? count : size);
  if (what & 3) repair(state, what);
  const dlnet::Status status = what & 3 ? device.load(state, size) : device.load(bytes, count);
  device.save(after, size);
  if (status != dlnet::Status::ok) {
    require(memcmp(before, after, size) == 0);
    return 0;
  }
  require(memcmp(state, after, size) == 0);
  float ahead[Model::horizon], values[Model::inputs];
  for (int i = 0; i < Model::inputs; ++i) values[i] = Model::input_offset[i];
  require(dlnet::given(device.forecast(ahead)) == device.ready());
  const dlnet::Status pushed = device.push(device.last() + 1, values);
  require(pushed == dlnet::Status::ok || pushed == dlnet::Status::out_of_order);
  return 0;
}
