"""Rows put on an even grid of time, compared with closed forms and with NumPy's interpolation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnet.data.grid import Gap, describe, regular
from dlnet.errors import DataError

seeds = st.integers(0, 10_000)


def table(**columns: np.ndarray) -> pd.DataFrame:
    frame = pd.DataFrame(columns)
    frame.index = pd.RangeIndex(2, len(frame) + 2)
    return frame


def irregular(seed: int, rows: int) -> tuple[np.random.Generator, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng, np.cumsum(rng.uniform(0.05, 2.5, rows)) + rng.uniform(-50, 50)


@given(seeds, st.sampled_from([1.0, 0.1, 0.25, 24.0, 1 / 3]), st.integers(2, 80))
def test_rows_on_the_grid_stay_as_they_are(seed: int, step: float, rows: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, 2))
    given_table = table(a=values[:, 0], b=values[:, 1])
    time = rng.uniform(-9, 9) + np.arange(rows) * step
    out = regular(given_table, time, step, step)
    np.testing.assert_array_equal(out.table.to_numpy(), values)
    assert list(out.table.columns) == ["a", "b"]
    assert out.gaps == ()


@given(seeds, st.integers(2, 60))
def test_a_quantity_that_changes_evenly_is_exact_at_any_sampling(seed: int, rows: int) -> None:
    rng, time = irregular(seed, rows)
    slope, level = rng.normal(size=2)
    out = regular(table(a=level + slope * time), time, 1.0, 10.0).table["a"].to_numpy()
    expected = level + slope * (time[0] + np.arange(len(out)))
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-12 * (abs(level) + abs(slope) * np.abs(time).max()) * 50)


@given(seeds, st.integers(2, 40))
def test_sparse_rows_are_joined_by_straight_lines(seed: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    time = np.cumsum(rng.integers(1, 6, rows)).astype(float)
    values = rng.normal(size=rows)
    out = regular(table(a=values), time, 1.0, 10.0).table["a"].to_numpy()
    np.testing.assert_allclose(out, np.interp(np.arange(time[0], time[-1] + 1), time, values), atol=1e-12)


@given(seeds)
def test_dense_rows_are_averaged(seed: int) -> None:
    """Four readings around each full hour: their mean has half the noise."""
    rng = np.random.default_rng(seed)
    time = (np.arange(30)[:, None] + np.array([-0.3, -0.1, 0.1, 0.3])).ravel() + 100.3
    values = rng.normal(size=len(time))
    out = regular(table(a=values), time, 1.0, 5.0).table["a"].to_numpy()
    bins = np.floor(time - time[0] + 0.5).astype(int)
    means = np.array([values[bins == k].mean() for k in range(bins[-1] + 1)])
    centres = np.array([(time - time[0])[bins == k].mean() for k in range(bins[-1] + 1)])
    inner = slice(1, len(out) - 1)
    np.testing.assert_allclose(out[inner], np.interp(np.arange(len(out)), centres, means)[inner], atol=1e-12)


@given(seeds, st.integers(20, 80))
def test_half_the_rows_lie_within_the_stated_bound(seed: int, rows: int) -> None:
    """docs/data.md: the difference is at most an eighth of the squared gap times the largest second derivative."""
    rng = np.random.default_rng(seed)
    time, curvature = np.arange(rows, dtype=float), rng.uniform(1e-6, 1e-3)
    life = 1 - 0.002 * time - curvature * time**2 / 2
    every = regular(table(a=life), time, 1.0, 10.0).table["a"].to_numpy()
    kept = np.sort(rng.choice(np.arange(1, rows - 1), (rows - 2) // 2, replace=False))
    chosen = np.concatenate([[0], kept, [rows - 1]])
    half = regular(table(a=life[chosen]), time[chosen], 1.0, 1e9).table["a"].to_numpy()
    gap = np.diff(time[chosen]).max()
    assert np.abs(half - every).max() <= curvature * gap**2 / 8 + 1e-12


@given(seeds, st.integers(2, 30), st.integers(-30, 30))
def test_another_unit_of_time_changes_nothing(seed: int, rows: int, exponent: int) -> None:
    rng, time = irregular(seed, rows)
    values, scale = table(a=rng.normal(size=rows)), 2.0**exponent
    one, other = regular(values, time, 1.0, 1.5), regular(values, time * scale, scale, 1.5 * scale)
    np.testing.assert_array_equal(one.table, other.table)
    assert [(gap.start * scale, gap.end * scale) for gap in one.gaps] == [(g.start, g.end) for g in other.gaps]


def test_longer_gaps_are_named() -> None:
    out = regular(table(a=np.array([1.0, 2.0, 12.0, 13.0, 23.0])), np.array([0.0, 1.0, 11.0, 12.0, 22.5]), 1.0, 10.0)
    assert out.gaps == (Gap(12.0, 22.5),)  # 10 is not longer than 10
    assert len(out.table) == 23


def test_the_note_names_the_first_gaps_and_counts_the_others() -> None:
    gaps = [Gap(10.0 * i, 10.0 * i + 5.5) for i in range(5)]
    assert describe("pump-03", gaps[:1], "hours") == "pump-03: no rows in 0 to 5.5 hours; bridged by a straight line."
    expected = "pump-03: no rows in 0 to 5.5, 10 to 15.5, 20 to 25.5 and 2 more hours; bridged by a straight line."
    assert describe("pump-03", gaps, "hours") == expected


def test_one_row_stays_one_row() -> None:
    assert regular(table(a=np.array([3.0])), np.array([7.0]), 1.0, 1.0).table["a"].tolist() == [3.0]


def test_rows_within_one_step_become_one() -> None:
    assert len(regular(table(a=np.array([3.0, 5.0])), np.array([7.0, 7.2]), 1.0, 1.0).table) == 1


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([0, 2, 1], "cell.csv: line 4: time 1, after 2; sort the rows, oldest first, each once"),
        ([0, 2, 2], "cell.csv: line 4: time 2, the time of the row before again; sort the rows"),
        ([0, np.nan, 2], "cell.csv: line 3: the time is not a finite number"),
        ([0, 1, np.inf], "cell.csv: line 4: the time is not a finite number"),
        ([0, 1, 1e9], "cell.csv: time goes from 0 to 1e\\+09, 1e\\+09 steps of 1: is the column in another unit"),
    ],
)
def test_a_time_that_cannot_be_used_is_refused(times: list[float], message: str) -> None:
    with pytest.raises(DataError, match=message):
        regular(table(a=np.arange(3.0)), np.array(times, float), 1.0, 10.0, "cell.csv")
