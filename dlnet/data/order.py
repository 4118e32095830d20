"""The order of rows: a column of cycle numbers or times that must rise, and what its gaps mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from dlnet.data import aliases
from dlnet.data.findings import Finding, Kind, counted, spans
from dlnet.errors import DataError

BEGINS = 10.0
"""Numbers that begin after so many usual steps are of a part, or of an asset that was not new."""

GAP = 1.5
"""A step of the numbers over this many usual steps (their median) leaves rows out."""


def order_like(names: Iterable[str]) -> str | None:
    """The first column whose name is that of a cycle number, such as ``Cycle_Index``, or of a date; None: none is."""
    names = list(names)
    return next(iter([*aliases.matching(names, aliases.CYCLES), *aliases.matching(names, aliases.DATES)]), None)


def positions(path: Path, column: pd.Series) -> pd.Series:
    """Numbers (float64) or times (datetime64 in UTC) of a column; the index is the line in the file.

    Raises:
        DataError: a field is empty, not finite, or neither a number nor an ISO date; names file, line and column.
    """
    values = parsed(column)
    wrong = values.isna().to_numpy() | np.isin(values.to_numpy(), [np.inf, -np.inf])
    if not wrong.any():
        return values
    i = int(wrong.argmax())
    text = str(column.iloc[i])
    what = "empty" if pd.isna(column.iloc[i]) or not text.strip() else f"{text!r} is no finite number and no ISO date"
    raise DataError(
        f"{path}: line {column.index[i]}, column {column.name!r}: {what}; write the {_word(values)} of the row, "
        "or delete the line"
    )


def are_dates(column: pd.Series) -> bool:
    """Whether a column holds ISO dates: at least one, and no number."""
    return not pd.api.types.is_numeric_dtype(column) and bool(
        pd.api.types.is_datetime64_any_dtype(values := parsed(column)) and values.notna().any()
    )


def parsed(column: pd.Series) -> pd.Series:
    """Numbers, or where there is none ISO dates in UTC; NaN or NaT where a field is neither."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.to_datetime(column, utc=True)
    texts = column.astype(str).where(column.notna())
    numbers = pd.to_numeric(texts, errors="coerce").astype(np.float64)
    if numbers.notna().any():  # a date among numbers is a fault
        return numbers
    return pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")


def _word(values: pd.Series) -> str:
    return "number" if values.dtype == np.float64 else "time"


def shown(value: object) -> str:
    """A number or time as a message shows it."""
    return value.isoformat() if isinstance(value, pd.Timestamp) else f"{value:.12g}"


def check_rising(path: Path, name: str, values: pd.Series) -> None:
    """Refuse a row that does not come after the one before it.

    Args:
        name: of the column. values: from ``positions``, of the rows of one asset in this file.

    Raises:
        DataError: a number falls, stands there twice or begins again; names file, line, both values and the remedy.
    """
    fault = falls(values)
    if fault is None:
        return
    line, earlier = values.index[fault], values.index[fault - 1]
    value, before = values.iloc[fault], values.iloc[fault - 1]
    what, remedy = _fault(values, fault)
    raise DataError(
        f"{path}: line {line}, column {name!r}: {shown(value)} after {shown(before)} (line {earlier}): {what}; {remedy}"
    )


def falls(values: pd.Series) -> int | None:
    """Position of the first row that does not come after the one before it; None: all rise."""
    wrong = np.flatnonzero(values.to_numpy()[1:] <= values.to_numpy()[:-1])
    return int(wrong[0]) + 1 if len(wrong) else None


def _fault(values: pd.Series, fault: int) -> tuple[str, str]:
    value, before = values.iloc[fault], values.iloc[fault - 1]
    if value == before:
        return "the same twice", "keep one of the two lines"
    if values.is_monotonic_decreasing:
        return "the newest row stands first", f"sort the file by this column, lowest {_word(values)} first"
    again = values.to_numpy()[1:][values.to_numpy()[1:] <= values.to_numpy()[:-1]]
    if fault > 1 and (again <= values.iloc[0]).all():
        return f"the {_word(values)}s begin again", (
            "give each part a file of its own and name them in data.csv.parts, or, if it is another one, name the "
            "column that tells them apart in data.csv.asset (params.yaml)"
        )
    return "out of order", f"sort the file by this column, as {_word(values)}s and not as text"


def hint(asset: str, name: str, column: pd.Series) -> Finding | None:
    """What a column that looks like a cycle number, and is not named in the settings, says of the order of rows."""
    values = parsed(column)
    if values.isna().any():
        return None
    after, before = values.to_numpy()[1:], values.to_numpy()[:-1]
    # Several rows can be of one day, but not of one cycle.
    wrong = np.concatenate([[False], after <= before if values.dtype == np.float64 else after < before])
    if not wrong.any():
        return None
    fault = int(wrong.argmax())
    return Finding(
        asset=asset,
        rows=spans(wrong),
        kind=Kind.ORDER,
        text=f"column {name!r} does not rise at {counted(wrong.sum(), 'row')}, first at line {values.index[fault]} "
        f"({shown(values.iloc[fault])} after {shown(values.iloc[fault - 1])}), so rows are probably not in order; "
        f"sort the file by it, and set data.csv.cycle: {name} so that it is checked",
    )


def gaps(asset: str, values: pd.Series, excluded: Sequence[float] = ()) -> list[Finding]:
    """Numbers that are left out, or that rise by more than one a row; times have no step and so no gaps.

    Args:
        values: rising, of all rows of the asset. excluded: numbers of rows that are no ageing cycles, and so no gap.
    """
    if values.dtype != np.float64 or len(values) < 2:
        return []
    late = _late(asset, values, excluded)
    steps, advice = np.diff(values.to_numpy()), "name the column in data.csv.time too, to put rows on an even grid"
    usual, found = float(np.median(steps)), late
    if not np.isclose(usual, 1.0):
        text = f"numbers rise by {usual:g} a row as a rule, and a row counts as one step; {advice}"
        found.append(Finding(asset=asset, rows=(), kind=Kind.CYCLE_GAP, text=text))
    steps = steps - usual * np.diff(np.searchsorted(np.unique(excluded), values.to_numpy()))
    wide = steps > GAP * usual
    if wide.any():
        i = int(np.where(wide, steps, 0.0).argmax())
        left_out = round(float((steps[wide] / usual - 1).sum()))
        text = (
            f"{counted(left_out, 'number')} left out in {counted(wide.sum(), 'place')}, most from "
            f"{values.iloc[i]:.12g} to {values.iloc[i + 1]:.12g}; rows on both sides count as neighbours; {advice}"
        )
        found.append(Finding(asset=asset, rows=spans(np.append(False, wide)), kind=Kind.CYCLE_GAP, text=text))
    return found


def _late(asset: str, values: pd.Series, excluded: Sequence[float]) -> list[Finding]:
    """Numbers that do not begin near the first cycle: earlier rows are in no file, or in that of another asset."""
    first = min([float(values.iloc[0]), *excluded])
    if first <= BEGINS * float(np.median(np.diff(values.to_numpy()))):
        return []
    text = (
        f"numbers begin at {first:.12g}: what came before is not known; if an earlier part has a file of its own, "
        "name both in data.csv.parts (params.yaml)"
    )
    return [Finding(asset=asset, rows=((1, 1),), kind=Kind.CYCLE_GAP, text=text)]
