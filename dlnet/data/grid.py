"""Rows measured at any time, put on an even grid of time.

1. The grid begins at the first row and has one point each ``step``, up to the last row.
2. Rows nearest to the same grid point become one: the mean of their times and of their values.
3. A grid point gets the straight line between the two rows of 2. around it; beyond the outermost ones it goes on.

So rows on the grid stay as they are, to the bit, and a quantity that changes evenly is exact at any sampling. A device
follows the same rule: it pushes the mean of what it measured within half a step before and after a full step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from dlnet.errors import DataError

MOST_ROWS = 10_000_000
"""Rows of one asset, at most: more mean that the step is wrong."""

NEAR = 1e-6
"""Share of a step below which a time counts as that of a grid point."""

SHOWN = 3
"""Gaps that a note names; the others are counted."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Gap:
    """A stretch without rows, in the task's unit of time: times of the rows around it."""

    start: float
    end: float


@dataclass(frozen=True)
class Regular:
    """Rows on the grid, and the gaps that were bridged by a straight line."""

    table: pd.DataFrame
    gaps: tuple[Gap, ...]


def regular(table: pd.DataFrame, time: Floats, step: float, largest_gap: float, file: str = "rows") -> Regular:
    """Put the rows of one asset on the grid.

    Args:
        table: (n rows) of floats; its index is the line in the file, for messages.
        time: (n,) of each row. step: of the grid, > 0. largest_gap: longer ones are reported. All in the same unit.
        file: for messages.

    Raises:
        DataError: a time is not finite or does not rise, or the grid would have more than ``MOST_ROWS`` points.
    """
    _check(table, time, file)
    span = (time[-1] - time[0]) / step
    if span >= MOST_ROWS:
        raise DataError(
            f"{file}: time goes from {time[0]:g} to {time[-1]:g}, {span:.3g} steps of {step:g}: is the column in "
            "another unit than the task (time, in tasks/NAME.yaml)?"
        )
    points = np.arange(int(np.floor(span + NEAR)) + 1)
    at, values = _merged((time - time[0]) / step, table.to_numpy(np.float64))
    lines = [_line(points, at, column) for column in values.T]
    out = pd.DataFrame(dict(zip(table.columns, lines, strict=True)))
    long = np.flatnonzero(np.diff(time) > largest_gap * (1 + NEAR))
    return Regular(out, tuple(Gap(float(time[i]), float(time[i + 1])) for i in long))


def describe(asset: str, gaps: Sequence[Gap], unit: str) -> str:
    """One line that names the gaps of an asset; ``unit``: of time."""
    named = ", ".join(f"{gap.start:g} to {gap.end:g}" for gap in gaps[:SHOWN])
    more = f" and {len(gaps) - SHOWN} more" if len(gaps) > SHOWN else ""
    return f"{asset}: no rows in {named}{more} {unit}; bridged by a straight line."


def _check(table: pd.DataFrame, time: Floats, file: str) -> None:
    wrong = np.flatnonzero(~np.isfinite(time))
    if wrong.size:
        raise DataError(f"{file}: line {table.index[wrong[0]]}: the time is not a finite number; correct or delete it")
    falling = np.flatnonzero(np.diff(time) <= 0)
    if falling.size:
        i = int(falling[0])
        what = "the time of the row before again" if time[i + 1] == time[i] else f"after {time[i]:g}"
        raise DataError(
            f"{file}: line {table.index[i + 1]}: time {time[i + 1]:g}, {what}; sort the rows, oldest first, each once"
        )


def _merged(at: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Rows nearest to the same grid point as one: times in steps (m,) and values (m, columns)."""
    nearest = np.floor(at + 0.5)
    starts = np.flatnonzero(np.diff(nearest, prepend=-1.0))
    count = np.diff(starts, append=len(at))
    when = np.add.reduceat(at, starts) / count
    on_grid = np.abs(when - nearest[starts]) < NEAR
    merged = np.add.reduceat(values, starts, axis=0) / count[:, None]
    return np.where(on_grid, nearest[starts], when), merged


def _line(points: npt.NDArray[np.int64], at: Floats, values: Floats) -> Floats:
    """Straight lines through (at, values), at the grid's points; the outermost lines go on."""
    if len(at) == 1:
        return np.full(len(points), values[0])
    inside = np.interp(points, at, values)
    for end, (a, b) in ((points < at[0], (0, 1)), (points > at[-1], (-2, -1))):
        slope = (values[b] - values[a]) / (at[b] - at[a])
        inside[end] = values[a] + slope * (points[end] - at[a])
    return np.asarray(inside)
