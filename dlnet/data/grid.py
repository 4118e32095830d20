"""Puts rows that are not evenly spaced on the regular grid of a task: one row a cycle, an hour or a flight."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dlnet.errors import DataError

TOLERANCE = 1e-6
"""In steps: a row this close to a grid point counts as on it. Covers the rounding of times that were added up."""

MAX_ROWS = 10_000_000
"""Rows that a grid can have. A larger one is most often a wrong unit of the times."""

NAMED_GAPS = 5
"""Gaps that ``describe`` names one by one."""


@dataclass(frozen=True)
class Gap:
    """A stretch without rows: times of the measured rows before and after it, in the unit of the file's times."""

    start: float
    end: float


@dataclass(frozen=True)
class Regular:
    """A table on the grid.

    Attributes:
        table: (K, F) float64, row k at the time ``time[0] + k * step``; the index is k.
        gaps: distances between two rows that were longer than allowed, in the order of time.
    """

    table: pd.DataFrame
    gaps: tuple[Gap, ...]


def regular(
    path: Path,
    table: pd.DataFrame,
    time: np.ndarray,
    step: float,
    largest_gap: float,
    points: Collection[str] = (),
) -> Regular:
    """Put measured rows on the grid ``time[0] + k * step``, from the first row to the last.

    The rows of one step, ``time[0] + (k - 1) * step < t <= time[0] + k * step``, become one node: the mean of their
    times and the mean of their values. The first and the last row are nodes of their own. A grid point lies on the
    straight line between the nodes before and after it. So rows on the grid keep their values, rows with at most one
    in each step are interpolated, denser rows are averaged, and a straight line stays the same line.

    Let W be the time from the first to the last row of the two nodes around a grid point, M the largest second
    derivative of the true curve and e the largest error of a row. Then the value of the grid point is at most
    ``M * W**2 / 8 + e`` from the curve: weights of its rows are positive, sum to 1 and have the grid point as their
    mean time.

    A value that was not measured is NaN: a node is the mean of those that were, and a grid point beside a node without
    any has none. Columns of ``points`` are not interpolated: each value belongs to the grid point nearest to its row.

    Args:
        path: the file, for messages.
        table: (n, F) float64, n >= 1, one measurement a row; the index is the line in the file.
        time: (n,) times of the rows.
        step: distance of the grid points, > 0, in the unit of ``time``.
        largest_gap: a longer distance between two rows is listed as a gap, > 0, in the unit of ``time``.
        points: names of columns that are known in some rows only.

    Raises:
        DataError: a time or value is infinite, times do not rise, or the grid would have over ``MAX_ROWS`` rows.
    """
    values = table.to_numpy(np.float64)
    _check_known(path, table.index, "time", time, ~np.isfinite(time))
    for position, name in enumerate(table.columns):
        _check_known(path, table.index, f"column {name!r}", values[:, position], np.isinf(values[:, position]))
    check_rising(path, table.index, time)
    steps = _steps(path, time, step)
    nodes, means = _nodes(steps, values)
    grid = np.arange(int(steps[-1]) + 1)
    columns = {
        name: _at_points(len(grid), steps, values[:, position])
        if name in points
        else np.interp(grid, nodes, means[:, position])
        for position, name in enumerate(table.columns)
    }
    before = np.flatnonzero(np.diff(steps) > largest_gap / step + TOLERANCE)
    gaps = tuple(Gap(float(time[i]), float(time[i + 1])) for i in before)
    return Regular(pd.DataFrame(columns, index=pd.RangeIndex(len(grid)), columns=table.columns), gaps)


def describe(asset: str, gaps: Sequence[Gap], unit: str, shown: Callable[[float], str] | None = None) -> str:
    """One line that names the gaps of an asset; the first ``NAMED_GAPS`` one by one, then how many more there are.

    Args:
        asset: its name.
        gaps: at least one.
        unit: of the times. shown: a time as text, without unit; None: times are numbers.
    """
    text = shown or "{:.12g}".format
    after = "" if shown else f" {unit}"
    named = ", ".join(f"{text(gap.start)} and {text(gap.end)}" for gap in gaps[:NAMED_GAPS])
    more = f" and in {len(gaps) - NAMED_GAPS} more gaps" if len(gaps) > NAMED_GAPS else ""
    line = "a straight line" if len(gaps) == 1 else "straight lines"
    return f"{asset}: no rows between {named}{after}{more}; bridged by {line}."


def _check_known(path: Path, lines: pd.Index, what: str, values: np.ndarray, faulty: np.ndarray) -> None:
    wrong = np.flatnonzero(faulty)
    if len(wrong):
        raise DataError(
            f"{path}: line {lines[wrong[0]]}: {what} is {values[wrong[0]]}; write a plain number or delete the line"
        )


def check_rising(path: Path, lines: pd.Index, time: np.ndarray) -> None:
    """Refuse times (n,) that do not rise from row to row; ``lines`` are those in the file.

    Raises:
        DataError: names file, both lines and both times.
    """
    wrong = np.flatnonzero(time[1:] <= time[:-1])
    if not len(wrong):
        return
    i = int(wrong[0]) + 1
    earlier, later = float(time[i - 1]), float(time[i])
    if later == earlier:
        raise DataError(
            f"{path}: line {lines[i]}: time {later!r}, the same as line {lines[i - 1]} ({earlier!r}); keep one of them"
        )
    raise DataError(
        f"{path}: line {lines[i]}: time {later!r} is before that of line {lines[i - 1]} ({earlier!r}); "
        "put the oldest row first"
    )


def _steps(path: Path, time: np.ndarray, step: float) -> np.ndarray:
    """(n,) times in steps since the first row; rows on a grid point within ``TOLERANCE`` have its whole number."""
    with np.errstate(over="ignore"):  # an infinite number of steps is refused below
        steps = (time - time[0]) / step
    if steps[-1] + TOLERANCE >= MAX_ROWS:
        raise DataError(
            f"{path}: times from {float(time[0])!r} to {float(time[-1])!r} are more than {MAX_ROWS} rows at a step of "
            f"{step!r}; check the unit of the times, or choose a larger step"
        )
    whole = np.rint(steps)
    return np.where(np.abs(steps - whole) <= TOLERANCE, whole, steps)


def _nodes(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean times (N,), strictly rising, and mean values (N, F) of the rows of each step and of the last row."""
    bins = np.ceil(steps)
    bins[steps == steps[-1]] += 1
    starts = np.flatnonzero(np.diff(bins, prepend=-1))
    counts = np.diff(starts, append=len(bins))
    return _means(steps[:, None], starts, counts)[:, 0], _means(values, starts, counts)


def _at_points(count: int, steps: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(count,) mean of the values of the rows nearest to each grid point, NaN where none has one."""
    known = np.isfinite(values)
    nearest = np.minimum(np.rint(steps[known]).astype(np.int64), count - 1)
    sums, counts = (np.bincount(nearest, weights, count) for weights in (values[known], None))
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _means(values: np.ndarray, starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(N, F) means of N runs of rows of (n, F), summed as distances from its first row: equal rows stay exact.

    NaN does not count; a run without any value has none.
    """
    if np.isnan(values).any():
        known = np.isfinite(values)
        counted = np.add.reduceat(known.astype(np.float64), starts, axis=0)
        sums = np.add.reduceat(np.where(known, values, 0.0), starts, axis=0)
        return np.where(counted > 0, sums / np.maximum(counted, 1), np.nan)
    first = values[starts]
    sums = np.add.reduceat(values - np.repeat(first, counts, axis=0), starts, axis=0)
    return first + sums / counts[:, None]
