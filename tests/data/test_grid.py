"""Rows on a regular grid: against np.interp, exact lines, a device's loop over the rows, and bounds on the error."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import fmean

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlnet.data.grid import MAX_ROWS, NAMED_GAPS, TOLERANCE, Gap, Regular, describe, regular
from dlnet.errors import DataError

PATH = Path("pumps/pump-03.csv")
PARTS = 1009
"""Times are drawn in 1009ths of a step: on a grid point, or further from it than the tolerance."""

steps = st.sampled_from([1.0, 0.1, 1 / 3, 24.0, 7e-3])
starts = st.sampled_from([0.0, 1.0, -5.3, 1e5])
distances = st.integers(1, 4 * PARTS)
sparse_distances = st.integers(PARTS, 4 * PARTS)
dense_distances = st.integers(1, PARTS)
seeds = st.integers(0, 2**31)
quick = settings(max_examples=30, deadline=None)


def rows(distance, least=1, most=60):
    return st.lists(distance, min_size=least, max_size=most)


def at(drawn, start=0.0, step=1.0):
    """Times of a first row and of one more row for each distance."""
    return start + np.concatenate([[0], np.cumsum(drawn)]) / PARTS * step


def measured(time, *columns):
    return pd.DataFrame(
        {f"c{i}": column for i, column in enumerate(columns)}, index=pd.RangeIndex(2, len(time) + 2), dtype=np.float64
    )


def on_grid(time, *columns, step=1.0, largest_gap=1e9) -> Regular:
    return regular(PATH, measured(time, *columns), np.asarray(time, np.float64), step, largest_gap)


def noise(seed, size):
    return np.random.default_rng(seed).uniform(-1, 1, size)


@quick
@given(st.integers(1, 300), starts, steps, seeds, st.sampled_from(["product", "sum", "decimals"]))
def test_an_evenly_spaced_file_keeps_its_values(count, start, step, seed, way):
    k = np.arange(count)
    time = {
        "product": start + k * step,
        "sum": np.cumsum(np.concatenate([[start], np.full(count - 1, step)])),
        "decimals": np.array([float(f"{value:.9f}") for value in start + k * step]),
    }[way]
    values = noise(seed, (2, count))
    out = on_grid(time, *values, step=step, largest_gap=step)
    np.testing.assert_array_equal(out.table.to_numpy(), values.T)
    assert out.table.index.equals(pd.RangeIndex(count))
    assert (out.table.dtypes == np.float64).all()
    assert out.gaps == ()


@quick
@given(rows(sparse_distances), starts, steps, seeds)
def test_rows_sparser_than_the_grid_are_interpolated(drawn, start, step, seed):
    values = noise(seed, len(drawn) + 1)
    out = on_grid(at(drawn, start, step), values, step=step)
    position = at(drawn)
    grid = np.arange(sum(drawn) // PARTS + 1)
    np.testing.assert_allclose(out.table["c0"], np.interp(grid, position, values), rtol=0, atol=1e-8)


def test_every_second_cycle_comes_out_on_every_cycle():
    out = on_grid([1, 3, 5], [2.0, 1.0, 4.0])
    assert out.table["c0"].tolist() == [2.0, 1.5, 1.0, 2.5, 4.0]


@quick
@given(rows(distances), steps, st.floats(-10, 10), st.floats(-10, 10))
def test_a_straight_line_stays_the_same_line(drawn, step, level, slope):
    position = at(drawn)
    out = on_grid(position * step, level + slope * position, step=step)
    truth = level + slope * np.arange(sum(drawn) // PARTS + 1)
    scale = abs(level) + abs(slope) * position[-1]
    np.testing.assert_allclose(out.table["c0"], truth, rtol=0, atol=1e-12 * scale)


def device(time, values, step):
    """What docs/data.md tells a device to do, row by row, with plain sums; the end of the file is the last row."""
    grid, collected, edge = [values[0]], [], -math.inf
    node = (time[0], values[0])

    def close(rows):
        nonlocal node
        new = fmean(t for t, _ in rows), fmean(y for _, y in rows)
        while (point := time[0] + len(grid) * step) <= new[0] + TOLERANCE * step:
            share = (point - node[0]) / (new[0] - node[0])
            grid.append(node[1] + share * (new[1] - node[1]))
        node = new

    for row in list(zip(time, values, strict=True))[1:-1]:
        if collected and row[0] > edge + TOLERANCE * step:
            close(collected)
            collected = []
        if not collected:
            edge = time[0] + math.ceil((row[0] - time[0]) / step - TOLERANCE) * step
        collected.append(row)
    if collected:
        close(collected)
    close([(time[-1], values[-1])])
    return grid


@quick
@given(rows(st.one_of(distances, st.integers(1, PARTS // 4))), steps, seeds)
def test_a_device_that_sees_one_row_after_the_other_gets_the_same(drawn, step, seed):
    time, values = at(drawn, 0.0, step), noise(seed, len(drawn) + 1)
    out = on_grid(time, values, step=step)
    np.testing.assert_allclose(out.table["c0"], device(time.tolist(), values.tolist(), step), rtol=0, atol=1e-8)


@quick
@given(rows(distances, least=3), st.data(), seeds)
def test_a_grid_point_is_final_one_step_after_the_first_row_behind_it(drawn, data, seed):
    time, values = at(drawn), noise(seed, len(drawn) + 1)
    cut = data.draw(st.integers(2, len(time)))
    now = on_grid(time[:cut], values[:cut]).table["c0"].to_numpy()
    later = on_grid(time, values).table["c0"].to_numpy()
    final = [k for k in range(len(now)) if any(k < row and row + 1 < time[cut - 1] for row in time)]
    np.testing.assert_array_equal(now[final], later[final])


@quick
@given(st.integers(3, 200), st.floats(0.01, 1.5), st.floats(0, 0.1), seeds)
def test_half_the_rows_of_a_life_give_nearly_the_same(count, frequency, error, seed):
    k = np.arange(2 * count + 1)
    curve = np.cos(frequency * k)
    values = curve + error * noise(seed, len(k))
    whole = on_grid(k, values).table["c0"]
    half = on_grid(k[::2], values[::2]).table["c0"]
    np.testing.assert_array_equal(half[::2], values[::2])
    bound = np.abs(np.diff(curve, 2)).max() / 2 + 2 * error
    assert np.abs(whole - half).max() <= bound * (1 + 1e-12) + 1e-15


@pytest.mark.parametrize(("distance", "width"), [(dense_distances, 2.0), (distances, 6.0)])
def test_values_are_within_the_bound_of_the_true_curve(distance, width):
    @quick
    @given(rows(distance), st.floats(0.1, 3), st.floats(0, 0.1), seeds)
    def check(drawn, frequency, error, seed):
        time = at(drawn)
        out = on_grid(time, np.cos(frequency * time) + error * noise(seed, len(time))).table["c0"]
        truth = np.cos(frequency * np.arange(len(out)))
        assert np.abs(out - truth).max() <= frequency**2 * width**2 / 8 + error + 1e-12

    check()


@pytest.mark.parametrize("keep", [1, 2])
def test_rows_denser_than_the_grid_are_averaged(keep):
    per_step = 8
    time = (np.arange(4000 * per_step) / per_step)[::keep]
    values = np.random.default_rng(0).normal(0, 1, len(time))
    out = on_grid(time, values).table["c0"][1:-1]
    # Two steps of rows with weights that fall with the distance of their step's mean from the grid point.
    n = per_step / keep
    near, far = 1 / 2 - 1 / (2 * n), 1 / 2 + 1 / (2 * n)
    assert out.std() == pytest.approx(math.sqrt((near**2 + far**2) / n), rel=0.05)


@quick
@given(rows(distances), seeds, st.permutations(range(4)))
def test_columns_do_not_mix(drawn, seed, order):
    time = at(drawn)
    table = measured(time, *noise(seed, (4, len(time))))
    names = [f"c{i}" for i in order]
    whole = regular(PATH, table, time, 1.0, 1.0).table
    pd.testing.assert_frame_equal(regular(PATH, table[names], time, 1.0, 1.0).table, whole[names], check_exact=True)


@quick
@given(rows(distances), steps, seeds, st.integers(-30, 30))
def test_the_unit_of_time_does_not_matter(drawn, step, seed, power):
    time, values = at(drawn, 3.0, step), noise(seed, len(drawn) + 1)
    once = on_grid(time, values, step=step, largest_gap=2 * step)
    c = 2.0**power
    other = on_grid(c * time, values, step=c * step, largest_gap=2 * c * step)
    pd.testing.assert_frame_equal(once.table, other.table, check_exact=True)
    assert other.gaps == tuple(Gap(c * gap.start, c * gap.end) for gap in once.gaps)


def test_one_row():
    out = on_grid([7.0], [3.0])
    assert out.table["c0"].tolist() == [3.0]
    assert out.gaps == ()


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ([5.0, 5.5], [1.0]),
        ([5.0, 6.0], [1.0, 2.0]),
        ([5.0, 7.0], [1.0, 1.5, 2.0]),
        ([5.0, 7.5], [1.0, 1.4, 1.8]),
        ([5.0, 5.0 + 1e-9], [1.5]),  # both on the first grid point
        ([5.0, 7.0 - TOLERANCE / 2], [1.0, 1.5, 2.0]),
        ([5.0, 7.0 - TOLERANCE * 2], [1.0, pytest.approx(1.5, rel=1e-5)]),
    ],
)
def test_two_rows(time, expected):
    assert on_grid(time, [1.0, 2.0]).table["c0"].tolist() == expected


def test_a_step_longer_than_the_file_leaves_the_first_row():
    assert on_grid([0.0, 1.0, 2.0], [4.0, 5.0, 6.0], step=10.0).table["c0"].tolist() == [4.0]


def test_equal_values_stay_exact():
    time = np.sort(np.random.default_rng(0).uniform(0, 50, 1000))
    assert set(on_grid(time, np.full(1000, 0.1)).table["c0"]) == {0.1}


def test_gaps_are_named_and_bridged_by_a_straight_line():
    time = np.array([0.0, 1.0, 2.0, 7.0, 8.0, 14.0])
    out = on_grid(time, [0.0, 0.0, 0.0, 5.0, 5.0, -1.0], largest_gap=5.0)
    assert out.gaps == (Gap(8.0, 14.0),)
    assert out.table["c0"].tolist() == pytest.approx([0, 0, 0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0, -1], abs=1e-12)
    assert on_grid(time, time, largest_gap=4.9).gaps == (Gap(2.0, 7.0), Gap(8.0, 14.0))


def test_a_distance_of_exactly_the_largest_gap_is_none_whatever_its_rounding():
    time = np.cumsum(np.full(1000, 0.3))
    assert on_grid(time, time, step=0.1, largest_gap=0.3).gaps == ()
    assert len(on_grid(time, time, step=0.1, largest_gap=0.2999).gaps) == 999


BAD = {
    "twice the same": ([0, 1, 1, 2], "line 4: time 1.0, the same as line 3 (1.0); keep one of them"),
    "falling": ([0, 1, 0.5, 2], "line 4: time 0.5 is before that of line 3 (1.0); put the oldest row first"),
    "empty": ([0, np.nan, 1, 2], "line 3: time is nan; write a plain number"),
    "infinite": ([0, 1, 2, np.inf], "line 5: time is inf"),
    "too many": ([0, 1, 2, 1e7], "times from 0.0 to 10000000.0 are more than 10000000 rows at a step of 1.0"),
    "overflow": ([-1e308, 0, 1, 1e308], "are more than 10000000 rows"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_times_name_the_line(case):
    time, message = BAD[case]
    with pytest.raises(DataError) as error:
        on_grid(time, [1.0, 2.0, 3.0, 4.0])
    assert str(error.value).startswith(f"{PATH}: {message}" if "line" in message else f"{PATH}: times")
    assert message in str(error.value)


def test_a_bad_value_names_line_and_column():
    with pytest.raises(DataError, match=r"pump-03.csv: line 3: column 'c1' is inf"):
        on_grid([0, 1], [1.0, 2.0], [1.0, np.inf])


def test_a_grid_point_beside_a_value_that_is_missing_has_none():
    out = on_grid([0, 1.5, 3, 4], [1.0, 2.0, 3.0, 4.0], [1.0, np.nan, 3.0, 4.0]).table
    assert np.isfinite(out["c0"]).all()
    assert np.isnan(out["c1"]).tolist() == [False, True, True, False, False]


def test_rows_of_a_step_without_a_value_do_not_spoil_its_mean():
    out = on_grid([0, 0.5, 0.75, 1, 2], [1.0, 2.0, np.nan, 6.0, 8.0]).table["c0"]
    assert out.iloc[[0, 2]].tolist() == [1, 8]
    assert np.isfinite(out.iloc[1])


def test_what_is_known_in_some_rows_only_is_never_interpolated():
    table = pd.DataFrame({"known": [1.0, np.nan, np.nan, 4.0]}, index=pd.RangeIndex(2, 6))
    out = regular(PATH, table, np.array([0, 0.5, 2, 7.4]), 1.0, 10.0, ["known"]).table["known"]
    assert out.dropna().to_dict() == {0: 1.0, 7: 4.0}


def test_the_largest_grid_is_made():
    assert len(on_grid([0, MAX_ROWS - 1], [0.0, 1.0]).table) == MAX_ROWS


def test_gaps_are_described_in_one_line():
    one = describe("pump-03", [Gap(120.0, 157.0)], "hours")
    assert one == "pump-03: no rows between 120 and 157 hours; bridged by a straight line."
    two = describe("pump-03", [Gap(0.1 + 0.2, 1.5), Gap(1234567.0, 1234570.5)], "hours")
    assert two == "pump-03: no rows between 0.3 and 1.5, 1234567 and 1234570.5 hours; bridged by straight lines."
    many = describe("a", [Gap(10.0 * i, 10.0 * i + 5) for i in range(NAMED_GAPS + 7)], "cycles")
    assert "40 and 45 cycles and in 7 more gaps; bridged" in many
    assert "50 and" not in many
