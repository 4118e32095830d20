"""Check-ups on the device: the compiled monitor, NumPy and the float path hold the same rows."""

import numpy as np
import pytest
from firmware_models import asset, needs_arm, shaped
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnet.data.clean import LONGEST, health_levels
from dlnet.export.frontend import clean_codes, code_levels, to_codes
from dlnet.export.path import device_path, whole_life
from dlnet.firmware import arm
from dlnet.firmware.emulate import EmulatedCore
from dlnet.firmware.host import GIVEN
from dlnet.firmware.random_model import CLEAN
from dlnet.firmware.status import HELD, given_as

ROWS = 110
blocks = st.lists(st.tuples(st.integers(0, ROWS - 1), st.integers(1, 15), st.floats(-0.3, 0.3)), min_size=1, max_size=4)


def with_blocks(model, of_blocks):
    """Rows of an asset with blocks off its level: first row, length, height in health."""
    values = asset(model, ROWS, spikes=0)
    health = model.quantities.target.to_health(values[:, 0])
    for start, length, height in of_blocks:
        health[start : start + length] += height
    values[:, 0] = model.quantities.target.from_health(np.clip(health, 0.06, 1.49))
    return values.astype(np.float32)


@pytest.mark.parametrize("name", ["liquid-13", "rising", "share", "floors"])
@settings(deadline=None, max_examples=15)
@given(of_blocks=blocks)
def test_blocks_anywhere_give_the_same_bits_and_statuses(name, of_blocks, compiled):
    one = compiled(name)
    values = with_blocks(one.model, of_blocks)
    played = one.replay(values)
    expected = device_path(one.model, values, np.arange(one.model.codec.window, ROWS + 1))
    assert np.array_equal(played.window, expected.inputs)
    assert np.array_equal(played.anchor, expected.anchor)
    assert np.array_equal(played.given, given_as(expected))


@settings(deadline=None, max_examples=30)
@given(st.integers(LONGEST + 2, ROWS - 1), st.integers(1, 15), st.sampled_from([-0.2, -0.05, 0.05, 0.2]))
def test_codes_are_held_where_floats_are(start, length, height):
    model = shaped("liquid-13")
    values = with_blocks(model, [(start, length, height)])
    health = model.quantities.target.to_health(values[:, 0].astype(np.float64))
    levels, codes = health_levels(health, CLEAN, model.quantities), to_codes(model.codec, values)
    own = code_levels(model.codec, codes)
    assert np.array_equal(own.off, levels.off)
    assert np.array_equal(own.begins, levels.begins)
    cleaned = clean_codes(model.codec, codes)
    assert (cleaned[own.off > 0] == cleaned[start - 1]).all()
    assert (cleaned[own.off == 0, 0] == codes[own.off == 0, 0]).all()


def test_the_monitor_says_held_while_a_check_up_lasts(monitor):
    values = with_blocks(monitor.model, [(70, 4, -0.1)])
    played = monitor.replay(values)
    held = played.rows[played.given == HELD]
    assert held.tolist() == [70, 71, 72, 73]
    anchors = dict(zip(played.rows.tolist(), played.anchor.tolist(), strict=True))
    assert {anchors[row] for row in held} == {anchors[69]}
    assert monitor.crossing(2.0) == ("ok", 0)


def test_a_crossing_and_a_saved_state_know_that_rows_are_held(monitor):
    for number, row in enumerate(with_blocks(monitor.model, [(70, 4, -0.1)])[:72], 1):
        assert monitor.push(number, row) == "ok"
    assert monitor.crossing(1.9) == ("held", 0)
    state, (status, ahead) = monitor.save(), monitor.given_forecast()
    monitor.clear()
    assert monitor.load(state) == "ok"
    again = monitor.given_forecast()
    assert status == again[0] == "held"
    assert np.array_equal(again[1], ahead)
    assert monitor.given_forecast()[0] == "held"


def test_no_row_is_held_where_a_device_has_no_target():
    model = shaped("sensors only")
    codes = to_codes(model.codec, asset(model, 60))
    assert not code_levels(model.codec, codes).off.any()


def test_a_made_up_life_has_check_ups_of_each_length():
    model = shaped("liquid-13")
    off = code_levels(model.codec, to_codes(model.codec, whole_life(model))).off
    assert set(off.tolist()) >= set(range(9))


@needs_arm
@pytest.mark.slow
def test_the_emulated_core_holds_the_same_rows():
    model = shaped("liquid-13")
    values = with_blocks(model, [(60, 5, -0.1), (80, 12, 0.1)])
    board = EmulatedCore(arm.build(model).content)
    one, ahead = board.room((model.codec.inputs,), np.float32), board.room((model.spec.horizon,), np.float32)
    given_statuses = []
    for number, row in enumerate(values):
        board.poke(one, row)
        assert board.call("dlnet_push", number, one) == 0
        status = board.call("dlnet_forecast", ahead)
        given_statuses += [status] if status in GIVEN else []
    expected = given_as(device_path(model, values, np.arange(model.codec.window, ROWS + 1)))
    assert given_statuses == expected.tolist()
    assert HELD in given_statuses
