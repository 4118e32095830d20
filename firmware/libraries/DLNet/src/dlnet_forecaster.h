// SPDX-License-Identifier: Apache-2.0
// The forecast of a model: of its network, of its form, or of both.
#pragma once

#include "dlnet_engine.h"
#include "dlnet_form.h"

namespace dlnet {

template <class Model>
class Forecaster {
 public:
  static constexpr int network_codes = Model::has_network ? Model::steps * Model::channels : 0;
  static constexpr int codes = network_codes + Model::form_inputs;  // of a stored window: the network's, then the form's
  static constexpr int inputs_or_one = Model::form_inputs > 0 ? Model::form_inputs : 1;

  // `source` gives the network's window, `inputs` are those of the form.
  template <class Source, class Observer>
  static void run(Source &source, const int16_t *inputs, int32_t anchor, Forecast<Model> &ahead, Observer &observer) {
    if (Model::has_network) Engine<Model>::run(source, anchor, ahead, observer);
    if (Model::form_inputs > 0) Form<Model>::run(inputs, anchor, ahead);
  }

  // From the rows of a monitor.
  static void run(const Rows<Model> &rows, const Life<Model> &life, Forecast<Model> &ahead) {
    const int32_t anchor = WindowEncoder<Model>::anchor_of(rows);
    if (Model::has_network) {
      WindowEncoder<Model> window(rows);
      Engine<Model>::run(window, anchor, ahead);
    }
    if (Model::form_inputs > 0) {
      int16_t inputs[inputs_or_one];
      FormInputs<Model>::write(rows, life, inputs);
      Form<Model>::run(inputs, anchor, ahead);
    }
  }
};

}  // namespace dlnet
