// SPDX-License-Identifier: Apache-2.0
// DLNet: forecasts of anything that wears out, by a liquid network in integers. Include model_data.h (from
// `dlnet firmware`) too.
//
//   #include <DLNet.h>
//   #include "model_data.h"
//   dlnet::Monitor<dlnet::Model> monitor;
//
// Static constants and functions of a model:
//   Model::inputs, Model::window, Model::horizon            inputs of a row, rows it reads, rows it forecasts
//   Model::name(), Model::version(), Model::sha256()        strings; the hash as 64 hexadecimal digits
//   Model::counter                                          security counter of the release, 0: no release
//   Model::target(), Model::target_unit()                   strings: symbol and unit of what is forecast
//   Model::asset(), Model::time_unit()                      strings: what wears out (cell), what a row is (cycle)
//   Model::input_name(i), Model::input_unit(i)              strings, i below Model::inputs
#pragma once

#include "dlnet_monitor.h"
#include "dlnet_self_test.h"
#include "dlnet_status.h"
