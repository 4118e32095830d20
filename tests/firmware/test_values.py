"""Targets of any task on the device: values in their unit, limits, crossings up or down, floors of features, words."""

import ctypes
import shutil

import numpy as np
import pytest
from firmware_models import RISING, asset, needs_arm, needs_gcc, quantities, shaped, values_of

from dlnet.data.clean import clean_inputs
from dlnet.errors import ToolError
from dlnet.export.frontend import HIGHEST_FLOOR, acceptable, clean_codes, to_codes
from dlnet.export.path import device_path
from dlnet.export.reference import from_fixed
from dlnet.files import write_text
from dlnet.firmware import arm, toolchain
from dlnet.firmware.emulate import EmulatedCore
from dlnet.firmware.header import header
from dlnet.firmware.host import STATUS, CompiledModel
from dlnet.firmware.random_model import CLEAN, random_model
from dlnet.firmware.toolchain import call, includes

SOH = quantities({"symbol": "SoH"})
BOUNDS = {"liquid-13": (0.05, 1.5), "rising": (0.0, 300.0), "share": (0.3, 1.1)}
ASKED = """#include <DLNet.h>
#include "model_data.h"
using Ahead = dlnet::Forecast<dlnet::Model>;
extern "C" float value(const Ahead *ahead, uint16_t row) { return ahead->value(row); }
"""
SOH_ASKED = 'extern "C" float soh(const Ahead *ahead, uint16_t row) { return ahead->soh(row); }\n'
WORDS = """extern "C" const char *word(int i) {
  const char *const all[] = {dlnet::Model::asset(), dlnet::Model::time_unit(), dlnet::Model::target(),
                             dlnet::Model::target_unit(), dlnet::Model::input_unit(0)};
  return all[i];
}
"""

NAMES = {shaped(name).sha256: name for name in BOUNDS}
by_task = pytest.mark.parametrize("on_host", BOUNDS, indirect=True)


def loaded(folder, model, source):
    """A library of ``source`` beside the header of a model."""
    write_text(folder / "model_data.h", header(model))
    write_text(folder / "asked.cpp", source)
    flags = [*toolchain.HOST_FLAGS, *toolchain.WARNINGS, "-shared", "-fPIC", *includes(folder)]
    call(["g++", *flags, folder / "asked.cpp", "-o", folder / "asked.so"])
    return ctypes.CDLL(str(folder / "asked.so"))


def levels(model, count):
    """Integers of forecasts at their start and knots, (count, knots + 1), falling from anywhere in the range."""
    rng = np.random.default_rng(3)
    falls = rng.integers(0, 1 << 21, (count, len(model.spec.knots)))
    start = rng.integers(1 << 20, 3 << 23, (count, 1))
    return (start - np.concatenate([0 * start, falls.cumsum(axis=1)], axis=1)).astype(np.int32)


def filled(monitor, count=60, seed=0):
    monitor.clear()
    for number, row in enumerate(asset(monitor.model, count, seed), 1):
        assert monitor.push(number, row) == "ok"


def raw_forecast(model, values):
    """The integers of the forecast after the last row, by NumPy."""
    return device_path(model, values.astype(np.float32), np.array([len(values)])).forecast(model)[0]


@needs_gcc
@pytest.mark.parametrize("name", [*BOUNDS, "rising, sensors only"])
def test_a_value_is_the_offset_plus_the_scaled_integer_rounded_twice(tmp_path, name):
    model = shaped(name)
    library = loaded(tmp_path, model, ASKED)
    library.value.restype = ctypes.c_float
    knots = [0, *model.spec.knots]
    for one in levels(model, 200):
        at = ctypes.c_void_p(one.ctypes.data)
        found = np.array([library.value(at, knot) for knot in knots], np.float32)
        assert np.array_equal(found, values_of(model, one))
        assert library.value(at, 60_000) == found[-1]  # beyond the horizon: the value at the horizon
        exact = model.quantities.target.from_health(from_fixed(one))
        assert found == pytest.approx(exact, rel=3e-7, abs=3e-7 * BOUNDS.get(name, (0, 300))[1])


@needs_gcc
def test_soh_is_the_value_where_the_target_is_soh(tmp_path):
    model = random_model(quantities=SOH)
    library = loaded(tmp_path, model, ASKED + SOH_ASKED)
    library.value.restype = library.soh.restype = ctypes.c_float
    one = levels(model, 1)[0]
    at = ctypes.c_void_p(one.ctypes.data)
    for row in range(model.spec.horizon + 2):
        assert library.soh(at, row) == library.value(at, row)
    assert library.soh(at, 0) == np.float32(one[0]) * np.float32(2.0**-24)


@pytest.mark.parametrize("standard", ["c++14", "c++20"])
@pytest.mark.parametrize("compiler", ["g++", "clang++", "arm-none-eabi-g++"])
def test_soh_of_another_target_does_not_compile_and_says_why(tmp_path, compiler, standard):
    if shutil.which(compiler) is None:
        pytest.skip(f"apt-get install {compiler}")
    write_text(tmp_path / "model_data.h", header(shaped("rising")))
    write_text(tmp_path / "asked.cpp", ASKED + SOH_ASKED)
    command = [compiler, f"-std={standard}", *includes(tmp_path), "-fsyntax-only", tmp_path / "asked.cpp"]
    with pytest.raises(ToolError, match=r"this model does not forecast SoH: use value\(\)"):
        call(command)
    write_text(tmp_path / "asked.cpp", ASKED)
    call(command)


@needs_gcc
def test_the_header_holds_the_tasks_words(tmp_path):
    model = random_model(
        quantities=quantities({"symbol": "wear", "unit": "um/h"}, asset={"one": "heat pump", "many": "heat pumps"})
    )
    library = loaded(tmp_path, model, ASKED + WORDS)
    library.word.restype = ctypes.c_char_p
    assert [library.word(i) for i in range(5)] == [b"heat pump", b"step", b"wear", b"um/h", b"um/h"]


def test_a_share_of_a_nominal_value_has_the_unit_1():
    text = header(shaped("share"))
    assert 'target_unit() { return "1"; }' in text
    assert 'target() { return "relative head"; }' in text


def test_constants_of_a_batterys_model_fold_away():
    codec = shaped("liquid-13").codec
    assert codec.value_offset == 0
    assert codec.value_scale == np.float32(2.0**-24)
    text = header(shaped("liquid-13"))
    assert "value_offset = 0.0f;" in text
    assert "has_floors = false;" in text


@by_task
def test_rows_are_refused_at_the_tasks_own_limits(on_host):
    low, high = map(np.float32, BOUNDS[NAMES[on_host.model.sha256]])
    row = asset(on_host.model, 1)[0]
    for value, status in [
        (low, "ok"),
        (high, "ok"),
        (np.nextafter(low, np.float32(-1e9)), "out of range"),
        (np.nextafter(high, np.float32(1e9)), "out of range"),
        (np.nan, "not a number"),
    ]:
        on_host.clear()
        row[0] = value
        assert on_host.push(1, row) == status
        assert acceptable(on_host.model.codec, row[None])[0] == (status == "ok")


@by_task
def test_crossing_is_the_first_row_at_or_beyond(on_host):
    filled(on_host)
    model, codec = on_host.model, on_host.model.codec
    raw = raw_forecast(model, asset(model, 60))
    ahead = on_host.forecast()
    assert np.array_equal(ahead, values_of(model, raw))
    rising = model.quantities.target.direction == "rising"
    spread = abs(ahead[-1] - ahead[0])
    near = 4 * np.spacing(np.float32(abs(ahead).max()))  # the threshold is rounded to the integers of the engine
    reached = set()
    for threshold in np.linspace(ahead.min() - spread / 5, ahead.max() + spread / 5, 60, dtype=np.float32):
        status, rows = on_host.crossing(float(threshold))
        reached.add(status if rows else "already")
        limit = int((threshold - codec.value_offset) / codec.value_scale)
        first = np.flatnonzero(raw <= limit)
        if rows:
            assert (status, rows) == (("ok", first[0] + 1) if len(first) else ("beyond horizon", -1))
        beyond = ahead >= threshold if rising else ahead <= threshold
        if rows and np.abs(ahead - threshold).min() > near:
            assert rows == (np.flatnonzero(beyond)[0] + 1 if beyond.any() else -1)
    assert reached == {"ok", "already", "beyond horizon"}


@by_task
def test_a_row_that_is_exactly_at_the_value_has_crossed_it(on_host):
    filled(on_host)
    model, codec = on_host.model, on_host.model.codec
    raw = raw_forecast(model, asset(model, 60))
    offset, scale = np.float32(codec.value_offset), np.float32(codec.value_scale)
    exact = set()
    for row in range(len(raw)):
        value = np.float32(values_of(model, raw[row : row + 1])[0])
        for threshold in (np.nextafter(value, np.float32(-np.inf)), value, np.nextafter(value, np.float32(np.inf))):
            crossing = on_host.crossing(float(threshold))
            if int((threshold - offset) / scale) == raw[row] and crossing[1]:
                assert crossing == ("ok", np.flatnonzero(raw <= raw[row])[0] + 1)
                exact.add(row)
    assert exact


@by_task
def test_crossing_of_a_value_far_from_any_forecast_is_refused(on_host):
    filled(on_host)
    target = on_host.model.quantities.target
    for health, status in [(-0.001, "out of range"), (2.001, "out of range"), (0.001, "beyond horizon"), (1.999, "ok")]:
        assert on_host.crossing(float(target.from_health(health)))[0] == status
    assert on_host.crossing(float("nan"))[0] == "not a number"


@needs_arm
@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), (arm.PORTABLE,)], ids=["dsp", "portable"])
@pytest.mark.parametrize("name", ["rising", "share"])
def test_the_emulated_core_crosses_where_the_host_does(name, flags):
    model = shaped(name)
    values = asset(model, 60).astype(np.float32)
    board = EmulatedCore(arm.build(model, flags=flags).content)
    one, ahead, rows = (board.room(size, np.float32) for size in ((model.codec.inputs,), (model.spec.horizon,), (1,)))
    for number, row in enumerate(values, 1):
        board.poke(one, row)
        assert board.call("dlnet_push", number, one) == 0
    assert board.call("dlnet_forecast", ahead) == 0
    forecast = board.get(ahead, (model.spec.horizon,), np.float32)
    assert np.array_equal(forecast, values_of(model, raw_forecast(model, values)))
    with CompiledModel(model) as host:
        for number, row in enumerate(values, 1):
            host.push(number, row)
        for threshold in np.linspace(forecast.min() - 1, forecast.max() + 1, 25, dtype=np.float32):
            status, row = host.crossing(float(threshold))
            found = board.call("dlnet_crossing", int(threshold.view(np.int32)), rows)
            assert STATUS[found] == status
            if status == "ok":
                assert board.get(rows, (1,), np.int32)[0] == row


def codes_of(monitor):
    """(count, inputs) cleaned codes that a monitor holds, newest last, from its saved state."""
    codec, state = monitor.model.codec, monitor.save()
    held = codec.inputs * (codec.window + codec.memory + 1 & ~1)
    codes = np.frombuffer(state, np.int16, held, offset=24).reshape(codec.inputs, -1)
    return codes[:, : codec.window].T


@pytest.mark.parametrize(("spike", "kept"), [(90, True), (110, False)])
def test_a_floor_decides_what_is_an_outlier(spike, kept):
    plain = random_model(features=2, relative=1, hidden=3).codec
    floor = 100 * float(plain.unit[1])
    own = quantities(features={"feature 0": "V"}, cleaning={"target": 0.006, "features": {"feature 0": floor}})
    model = random_model(features=2, relative=1, hidden=3, quantities=own)
    codes = np.tile(np.where(np.arange(60) % 2, 1, -1)[:, None], (1, 3)).astype(float)
    codes[57] = [0, spike, spike]  # six deviations are some ten codes: only the floor keeps the first feature's
    values = plain.offset.astype(np.float64) + codes * plain.unit
    with CompiledModel(model) as monitor:
        for number, row in enumerate(values, 1):
            assert monitor.push(number, row) == "ok"
        cleaned = clean_codes(model.codec, to_codes(model.codec, values))
        assert np.array_equal(codes_of(monitor), cleaned[-50:])
    changed = np.abs(cleaned[57, 1:] - codes[57, 1:]) > 2
    assert changed.tolist() == [not kept, True]
    _, floats = clean_inputs(values[:, 0], values[:, 1:], model.encoder.features, CLEAN, own, track="with_target")
    assert (floats[57] != values[57, 1:]).tolist() == [not kept, True]


def test_a_floor_above_every_deviation_is_held_in_32_bits():
    codec = shaped("floors").codec
    assert codec.floor[1:] == (HIGHEST_FLOOR, 0, 0, codec.floor[4], 0, 0)
    assert 0 < codec.floor[4] < HIGHEST_FLOOR
    low, high = np.full(codec.memory, -32768), np.full(1, 32767)
    codes = np.tile(np.concatenate([low, high])[:, None], (1, codec.inputs)).astype(np.int16)
    assert (clean_codes(codec, codes)[-1] == 32767).tolist()[1]
    with CompiledModel(
        random_model(
            quantities=quantities(
                features={"feature 0": "V"}, cleaning={"target": 1e9, "features": {"feature 0": 1e38}}
            )
        )
    ) as monitor:
        values = asset(monitor.model, 60, spikes=0.2)
        for number, row in enumerate(values, 1):
            monitor.push(number, row)
        assert np.array_equal(codes_of(monitor)[:, :2], to_codes(monitor.model.codec, values)[-50:, :2])


def test_front_ends_agree_where_wear_rises():
    model = random_model(quantities=RISING)
    values = asset(model, 300, spikes=0)
    codec, target = model.codec, RISING.target
    health = (to_codes(codec, values)[:, 0] + 25395.0) / 2**15
    assert np.abs(target.from_health(health) - values[:, 0]).max() <= 0.51 * target.size / 2**15
    assert np.corrcoef(health, values[:, 0])[0, 1] < -0.99
