// The library as a filter, for the sanitisers: reads records of fixed size from stdin, writes records to stdout.
//   engine: int16 window[codes], int32 anchor -> int32 forecast[horizon], int16 hidden[steps][hidden]; ends
//     with 1 where the rows one by one are not the same as the rows of a walk
//   monitor: uint32 time, float values[inputs] -> int32 status, int32 ready, float ahead[horizon]
#include <stdio.h>

#include "shim.h"

template <class T>
static bool read(T *to, size_t count) {
  return fread(to, sizeof *to, count, stdin) == count;
}

template <class T>
static void write(const T *from, size_t count) {
  if (fwrite(from, sizeof *from, count, stdout) != count) perror("driver");
}

static int engine() {
  int16_t window[dlnet::Forecaster<Model>::codes], hidden[Model::steps * Model::hidden];
  int32_t anchor, forecast[Model::horizon], walked[Model::horizon];
  while (read(window, dlnet::Forecaster<Model>::codes) && read(&anchor, 1)) {
    dlnet_trace(window, anchor, forecast, hidden);
    dlnet_engine(window, anchor, walked);
    if (memcmp(forecast, walked, sizeof walked) != 0) return 1;
    write(forecast, Model::horizon);
    write(hidden, Model::steps * Model::hidden);
  }
  return 0;
}

static int monitor() {
  uint32_t time;
  float values[Model::inputs], ahead[Model::horizon] = {};
  while (read(&time, 1) && read(values, Model::inputs)) {
    const int32_t status = dlnet_push(time, values), ready = dlnet_forecast(ahead);
    write(&status, 1);
    write(&ready, 1);
    write(ahead, Model::horizon);
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "engine") == 0) return engine();
  if (argc == 2 && strcmp(argv[1], "monitor") == 0) return monitor();
  fputs("usage: driver engine|monitor\n", stderr);
  return 2;
}
