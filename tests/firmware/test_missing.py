"""Rows that lack inputs: the monitor holds their last values, bit for bit as NumPy does, and says so."""

import numpy as np
import pytest
from firmware_models import asset, needs_arm, shaped

from dlnet.export.frontend import acceptable, to_codes
from dlnet.export.path import compare, device_path
from dlnet.firmware.arm import EVERYTHING, build
from dlnet.firmware.emulate import EmulatedCore
from dlnet.firmware.host import CompiledModel
from dlnet.firmware.status import HELD, OK, STATUS, given_as

SHARES = (0.1, 0.5, 0.9)


def lacking(model, share, count=140, seed=0):
    """An asset of whose inputs a share was not measured; its first row has the target."""
    values = asset(model, count, seed).astype(np.float32)
    values[np.random.default_rng(seed).random(values.shape) < share] = np.nan
    if model.codec.target is not None:
        values[0, 0] = asset(model, 1, seed)[0, 0]
    return values


@pytest.mark.parametrize("name", ["liquid-13", "sensors only", "rising", "odd ltc, sensors only", "share"])
@pytest.mark.parametrize("share", SHARES)
def test_windows_statuses_and_forecasts_are_those_of_numpy(name, share):
    model = shaped(name)
    values = lacking(model, share)
    with CompiledModel(model) as compiled:
        played = compiled.replay(values)
    expected = device_path(model, values, np.arange(model.codec.window, len(values) + 1))
    assert (played.status == OK).all()
    assert np.array_equal(played.window, expected.inputs)
    assert np.array_equal(played.anchor, expected.anchor)
    assert np.array_equal(played.given, given_as(expected))
    assert (played.given == HELD).any()


@needs_arm
def test_an_emulated_core_takes_rows_with_gaps_as_this_machine_does():
    model = shaped("liquid-13")
    values = lacking(model, 0.4, 80)
    board = EmulatedCore(build(model, EVERYTHING).content)
    row, ahead = board.room((model.codec.inputs,), np.float32), board.room((model.spec.horizon,), np.float32)
    with CompiledModel(model) as compiled:
        for number, one in enumerate(values, 1):
            board.poke(row, one)
            assert board.call("dlnet_push", number, row) == OK == STATUS.index(compiled.push(number, one))
            status, wanted = compiled.given_forecast()
            assert board.call("dlnet_forecast", ahead) == STATUS.index(status)
            if wanted is not None:
                assert np.array_equal(board.get(ahead, wanted.shape, np.float32), wanted)


def test_a_missing_input_holds_its_last_value_as_measured(monitor):
    model = monitor.model
    values = asset(model, 80).astype(np.float32)
    with_gap, held = values.copy(), values.copy()
    with_gap[60:64, 2], held[60:64, 2] = np.nan, values[59, 2]
    expected = monitor.replay(held)
    played = monitor.replay(with_gap)
    assert np.array_equal(played.window, expected.window)
    assert np.flatnonzero(played.given == HELD).tolist() == [11, 12, 13, 14]
    assert (expected.given == OK).all()


def test_a_feature_never_measured_has_its_median_in_training(monitor):
    model = monitor.model
    values = asset(model, 60).astype(np.float32)
    absent, typical = values.copy(), values.copy()
    absent[:, 4], typical[:, 4] = np.nan, model.codec.typical[4]
    assert np.array_equal(monitor.replay(absent).window, monitor.replay(typical).window)


def test_the_first_row_needs_the_target(monitor):
    row = asset(monitor.model, 1)[0].astype(np.float32)
    without = row.copy()
    without[0] = np.nan
    assert not acceptable(monitor.model.codec, np.array([without, without])).any()
    assert acceptable(monitor.model.codec, np.array([without, row, without])).tolist() == [False, True, True]
    assert monitor.push(1, without) == "not a number"
    assert monitor.push(1, row) == "ok"
    assert monitor.push(2, without) == "ok"
    assert monitor.push(3, np.full_like(row, np.nan)) == "ok"
    assert monitor.push(4, np.full_like(row, np.inf)) == "not a number"


def test_a_check_up_without_all_its_inputs_is_held_as_in_numpy(monitor):
    model = monitor.model
    values = lacking(model, 0.3)
    values[:, 0] = asset(model, len(values), spikes=0)[:, 0]
    values[70:74, 0] -= np.float32(0.1)
    played = monitor.replay(values)
    path = device_path(model, values, np.arange(model.codec.window, len(values) + 1))
    assert path.off.tolist()[70 - model.codec.window + 1 :][:5] == [1, 2, 3, 4, 0]
    assert np.array_equal(played.window, path.inputs)
    assert np.array_equal(played.given, given_as(path))


def test_a_saved_state_keeps_what_holds(monitor):
    values = asset(monitor.model, 60).astype(np.float32)
    values[57:, 3] = np.nan
    for number, row in enumerate(values[:58], 1):
        assert monitor.push(number, row) == "ok"
    state, status = monitor.save(), monitor.given_forecast()[0]
    assert status == "held"
    for number, row in enumerate(values[58:], 59):
        monitor.push(number, row)
    expected = monitor.forecast()
    monitor.clear()
    assert monitor.load(state) == "ok"
    assert monitor.given_forecast()[0] == "held"
    for number, row in enumerate(values[58:], 59):
        monitor.push(number, row)
    assert np.array_equal(monitor.forecast(), expected)


def test_device_and_float_path_agree_on_a_life_with_gaps():
    model = shaped("liquid-13")
    values = lacking(model, 0.3)
    assert compare(model, values).windows == len(values) - model.codec.window + 1


def test_codes_without_gaps_are_those_of_the_values(monitor):
    codec = monitor.model.codec
    values = asset(monitor.model, 20).astype(np.float32)
    gap = values.copy()
    gap[5, 1] = np.nan
    codes, whole = to_codes(codec, gap), to_codes(codec, values)
    assert codes[5, 1] == whole[4, 1]
    assert np.array_equal(np.delete(codes, 5, axis=0), np.delete(whole, 5, axis=0))


@pytest.mark.parametrize("gap", [1, 12])
def test_values_missing_after_a_check_up_hold_those_of_the_last_sound_row(monitor, gap):
    model = monitor.model
    values = asset(model, 100, spikes=0).astype(np.float32)
    values[70:73, 0] -= np.float32(0.1)
    values[70:73, 3] += np.float32(500 * model.codec.unit[3])
    with_gap, held = values.copy(), values.copy()
    with_gap[73 : 73 + gap, [0, 3]], held[73 : 73 + gap, [0, 3]] = np.nan, values[69, [0, 3]]
    played = monitor.replay(with_gap)
    path = device_path(model, with_gap, np.arange(model.codec.window, len(values) + 1))
    assert np.array_equal(played.window, monitor.replay(held).window)
    assert np.array_equal(played.window, path.inputs)
    assert np.array_equal(played.given, given_as(path))
