"""Check-ups: short blocks off the level leave inputs and targets, and no sound row beside them changes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_cells import SOURCE, cells_table, clean_params, split_params, task_params

from dlnet.data.clean import LONGEST, Levels, clean_inputs, clean_targets, find_levels
from dlnet.data.prepare import prepare
from dlnet.data.report import describe, markdown
from tasks import BATTERY

FLOOR, ROWS, SLOPE = 0.006, 200, 3e-4
NAMES = ["slope"]


def life(seed=0, rows=ROWS):
    return 1 - SLOPE * np.arange(rows) + np.random.default_rng(seed).normal(0, 5e-4, rows)


def with_block(start, length, size, seed=0):
    """A life with a block off its level, and a mask of it."""
    health, block = life(seed), np.zeros(ROWS, bool)
    block[start : start + length] = True
    return health + size * block, block


def levels(health):
    return find_levels(health, 6, 3.0, FLOOR)


def causal(health, features=None, track="with_target"):
    features = np.zeros((len(health), 1)) if features is None else features
    return clean_inputs(health, features, NAMES, clean_params(), BATTERY, track=track)


sizes = st.floats(0.02, 0.3).flatmap(lambda size: st.sampled_from([size, -size]))
starts = st.integers(LONGEST + 2, ROWS - 40)


@settings(deadline=None)
@given(starts, st.integers(1, LONGEST), sizes, st.integers(0, 99))
def test_a_block_holds_the_last_sound_value_and_sound_rows_stay_as_they_are(start, length, size, seed):
    health, block = with_block(start, length, size, seed)
    cleaned = causal(health)[0]
    assert (cleaned[~block] == health[~block]).all()
    assert (cleaned[block] == health[start - 1]).all()


@settings(deadline=None)
@given(starts, st.integers(LONGEST + 1, 15), sizes, st.integers(0, 99))
def test_a_longer_block_is_a_new_level_after_ten_rows_and_the_way_back_takes_none(start, length, size, seed):
    health, _ = with_block(start, length, size, seed)
    cleaned = causal(health)[0]
    held = np.zeros(ROWS, bool)
    held[start : start + LONGEST] = True
    assert (cleaned[held] == health[start - 1]).all()
    assert (cleaned[~held] == health[~held]).all()


@settings(deadline=None)
@given(st.integers(0, LONGEST), st.integers(1, LONGEST), sizes, st.integers(0, 99))
def test_among_the_first_rows_nothing_is_held(start, length, size, seed):
    health, _ = with_block(start, length, size, seed)
    assert (causal(health)[0] == health).all()


@settings(deadline=None)
@given(st.integers(1, LONGEST), sizes)
def test_a_block_at_the_end_is_held_until_more_is_known(length, size):
    health, block = with_block(ROWS - length, length, size)
    assert (causal(health)[0][block] == health[~block][-1]).all()
    assert np.array_equal(levels(health).check_ups, block)
    assert np.isnan(clean_targets(health, clean_params(), BATTERY)[block]).all()


@settings(deadline=None)
@given(starts, st.integers(1, LONGEST), sizes, st.integers(0, 99))
def test_targets_lose_the_block_and_nothing_beside_it(start, length, size, seed):
    health, block = with_block(start, length, size, seed)
    cleaned = clean_targets(health, clean_params(), BATTERY)
    assert np.array_equal(np.isnan(cleaned), block)
    assert np.abs(cleaned - health)[~block].max() <= FLOOR


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.0, 1e-3, 0.01, 0.3, -0.2]), min_size=1, max_size=60), st.data())
def test_rows_ahead_never_change_the_cleaned_past(steps, data):
    health, now = 1 + np.array(steps), data.draw(st.integers(1, len(steps)))
    future = 1 + np.array(data.draw(st.lists(st.sampled_from([0.0, 0.01, -0.2]), max_size=20)))
    later = np.concatenate([health[:now], future])
    for after, before in zip(causal(later, later[:, None]), causal(health, health[:, None]), strict=True):
        assert (after[:now] == before[:now]).all()


def test_targets_look_ahead_too():
    health = 1 - SLOPE * np.arange(ROWS)
    health[0] -= 0.1
    assert clean_targets(health, clean_params(), BATTERY)[0] == pytest.approx(1, abs=FLOOR)


@pytest.mark.parametrize("slope", [0.001, 0.003, 0.005])
def test_a_fast_decline_after_a_knee_is_followed_without_delay(slope):
    rng, rows = np.random.default_rng(0), np.arange(160)
    health = 1 - SLOPE * rows - slope * np.maximum(rows - 60, 0) + rng.normal(0, 3e-4, 160)
    assert (causal(health)[0] == health).all()


def test_a_block_that_wear_goes_on_beneath_is_recognised_when_it_comes_back():
    health = 1 - 0.003 * np.arange(120)
    health[60:70] -= 0.2
    cleaned = causal(health)[0]
    assert (cleaned[70:] == health[70:]).all()
    assert (cleaned[60:70] == health[59]).all()


def test_features_of_a_held_row_hold_too_where_the_device_sees_the_target():
    health, block = with_block(80, 5, -0.1)
    feature = 2 - 0.001 * np.arange(ROWS)
    feature[block] += 7
    cleaned = causal(health, feature[:, None])[1][:, 0]
    assert (cleaned[block] == feature[79]).all()
    assert (cleaned[~block] == feature[~block]).all()
    alone = causal(health, feature[:, None], "sensors_only")[1][:, 0]
    assert (alone[83:85] == feature[83:85]).all()


def test_check_ups_are_held_rows_that_came_back_and_those_at_the_end():
    off = np.array([0, 1, 2, 0, 1, 0, 0, 1, 2])
    begins = np.array([False] * 5 + [True] + [False] * 3)
    assert Levels(off, begins).check_ups.tolist() == [False, True, True, False, False, False, False, True, True]


def table_with_check_ups():
    table = cells_table()
    at = (table["asset"] == "c2") & table["row"].between(30, 34)
    quiet = table.groupby("asset")["quantity"].transform(lambda one: 2 - 0.0005 * np.arange(len(one)))
    return table.assign(quantity=quiet - 0.2 * at), at.to_numpy()


def test_the_report_names_the_rows_of_a_check_up():
    table, at = table_with_check_ups()
    out = prepare(table, SOURCE, BATTERY, clean_params(), split_params(), task_params())
    assert [(one.asset, one.rows, one.kind.value) for one in out.task.findings] == [("c2", ((31, 35),), "check-up")]
    report = describe(out, clean_params(), split_params())
    assert "SoH left its level once and came back, 5 cycles in all: left out of inputs and targets" in markdown(
        report, BATTERY, []
    )
    assert np.array_equal(out.rows["target"].isna(), at)
    held = out.rows.loc[at, "health"].unique()
    assert held == pytest.approx([1 - 0.00025 * 29])


def test_a_cell_without_check_ups_has_no_finding():
    table = table_with_check_ups()[0]
    quiet = pd.concat([table[table["asset"] != "c2"]], ignore_index=True)
    out = prepare(quiet, SOURCE, BATTERY, clean_params(), split_params(), task_params())
    assert out.task.findings == ()


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("slope", [0.001, 0.003, 0.006])
def test_on_steep_wear_sound_rows_beside_a_block_stay_as_they_are(slope, side):
    rng, spoiled = np.random.default_rng(0), 0
    for seed in range(60):
        start, length = int(rng.integers(40, ROWS - 40)), int(rng.integers(1, LONGEST + 1))
        health, block = with_block(start, length, side * rng.uniform(0.02, 0.3), seed)
        health += (SLOPE - slope) * np.arange(ROWS)
        spoiled += not np.array_equal(levels(health).off > 0, block)
    assert spoiled <= 1


@pytest.mark.parametrize("gap", [1, 11])
def test_values_missing_after_a_check_up_hold_those_of_the_last_sound_row(gap):
    health, feature = life(), 2 - 0.001 * np.arange(ROWS)
    health[80:83] -= 0.1
    feature[80:83] += 7
    health[83 : 83 + gap], feature[83 : 84 + gap] = np.nan, np.nan
    cleaned, kept = causal(health, feature[:, None])
    assert (cleaned[80 : 83 + gap] == health[79]).all()
    assert (kept[80 : 84 + gap, 0] == feature[79]).all()
    assert (cleaned[83 + gap :] == health[83 + gap :]).all()
