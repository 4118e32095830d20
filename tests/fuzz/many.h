// One model of many in a program: windows and rows from stdin, what the library makes of them to stdout.
//   windows: int32 count, then of each: int16 window[codes], int32 anchor
//   -> of each: int32 forecast[horizon], by row; the same, by walking; int16 hidden[steps][hidden]
//   rows: int32 count, then of each: float values[inputs]
//   -> of each: int32 status of push, of forecast; int32 anchor; float ahead[horizon]; int16 window[steps][channels]
//   -> int32 status of the self test
#pragma once

#include <DLNet.h>
#include <stdio.h>
#include <stdlib.h>

#include <vector>

template <class T>
static void get(T *to, size_t count) {
  if (fread(to, sizeof *to, count, stdin) != count) exit(3);
}

template <class T>
static void put(const T *from, size_t count) {
  if (fwrite(from, sizeof *from, count, stdout) != count) exit(4);
}

template <class Model>
struct States {
  std::vector<int16_t> all;
  void step(int, const int16_t *state) { all.insert(all.end(), state, state + Model::hidden); }
};

template <class Model>
void windows() {
  int32_t count, anchor;
  get(&count, 1);
  std::vector<int16_t> window(dlnet::Forecaster<Model>::codes);
  for (int32_t i = 0; i < count; ++i) {
    get(window.data(), window.size());
    get(&anchor, 1);
    dlnet::Forecast<Model> ahead;
    States<Model> states;
    if (!Model::has_network) states.all.assign(Model::steps * Model::hidden, 0);
    dlnet::run_stored(window.data(), anchor, ahead, states);
    std::vector<int32_t> by_row, walked;
    for (int32_t row = 1; row <= Model::horizon; ++row) by_row.push_back(ahead.raw(static_cast<uint16_t>(row)));
    ahead.walk([&walked](int32_t raw) {
      walked.push_back(raw);
      return true;
    });
    put(by_row.data(), by_row.size());
    put(walked.data(), walked.size());
    put(states.all.data(), states.all.size());
  }
}

template <class Model>
void rows() {
  static dlnet::Monitor<Model> monitor;
  monitor.clear();
  int32_t count;
  get(&count, 1);
  std::vector<float> values(Model::inputs);
  for (int32_t i = 0; i < count; ++i) {
    get(values.data(), values.size());
    std::vector<float> ahead(Model::horizon);
    std::vector<int16_t> window(Model::steps * Model::channels);
    int32_t anchor = 0, status = static_cast<int32_t>(monitor.push(static_cast<uint32_t>(i + 1), values.data()));
    const int32_t given = static_cast<int32_t>(monitor.forecast(ahead.data()));
    if (monitor.ready()) {
      dlnet::WindowEncoder<Model> encoder(monitor.rows());
      for (int t = 0; t < Model::steps; ++t) {
        encoder.step(t, reinterpret_cast<dlnet::Half *>(window.data() + t * Model::channels));
      }
      anchor = encoder.anchor();
    }
    put(&status, 1);
    put(&given, 1);
    put(&anchor, 1);
    put(ahead.data(), ahead.size());
    put(window.data(), window.size());
  }
}

template <class Model>
void play() {
  windows<Model>();
  rows<Model>();
  const int32_t status = static_cast<int32_t>(dlnet::self_test<Model>());
  put(&status, 1);
}
