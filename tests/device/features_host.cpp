// The device's charge features behind a C call, for the tests.
#include "dlnet_features.h"

extern "C" int charge(long count, const double* time, const double* voltage, const double* current, double* out) {
  dlnet::ChargeFeatures features;
  dlnet::ChargeStatus status = dlnet::ChargeStatus::more;
  for (long i = 0; i < count; ++i) status = features.add({time[i], voltage[i], current[i]});
  features.get(out);
  return static_cast<int>(status);
}
