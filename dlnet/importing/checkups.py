"""Rows that look like check-ups, and the column that tells them from ageing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dlnet.config.quantities import Quantities
from dlnet.importing.proposal import Choices, Section

NEAR = 41
"""Rows whose median is the level that a row is compared with: more than twice the longest check-up."""

FLOORS = 3.0
"""A row is off that level by more than so many floors of cleaning."""

LEAST = 3
"""Rows off their level that are worth a line."""

MOST_KINDS = 12
"""Values of a column that can be a kind of row."""

AGREES = 0.9
"""A column tells check-ups apart if so large a share of its rows, and of the rows off their level, agree."""

MOST = 0.5
"""Check-ups are at most so large a share of all rows."""


def off_level(values: pd.Series, floor: float) -> pd.Series:
    """Which values leave the median of the ``NEAR`` around them by more than ``floor``: 1, 0, or NaN near the ends."""
    measured = values.dropna()
    level = measured.rolling(NEAR, center=True).median()
    off = ((measured - level).abs() > floor).astype(np.float64).where(level.notna())
    return off.reindex(values.index)


def check_ups_section(
    assets: Mapping[str, pd.DataFrame], quantities: Quantities, target: str, scale: float, choices: Choices,
    free: list[str],
) -> Section | None:  # fmt: skip
    """Which rows are ageing cycles.

    Args:
        assets: asset -> rows as in its files. target: column. scale: of one unit of the target in that column.
        free: columns with no other meaning.
    """
    without, options = {"data.csv.include": None}, "--include QUERY"
    if choices.include is not None:
        lines = (("rows taken", f"{choices.include} (as stated)"),)
        return Section("Check-ups", lines, {"data.csv.include": choices.include}, without, options)
    rows = pd.concat(assets.values(), ignore_index=True)
    floor = FLOORS * quantities.cleaning.target * scale
    off = pd.concat([off_level(table[target], floor) for table in assets.values()], ignore_index=True)
    if off.sum() < LEAST:
        return None
    found = ("rows off their level", f"{int(off.sum()):,} of {len(rows):,}")
    include = next((query for name in free if (query := _query(rows[name], off))), None)
    how = "no column explains them; cleaning leaves out short blocks" if include is None else include
    return Section("Check-ups", (found, ("rows taken", how)), {"data.csv.include": include}, without, options)


def _query(column: pd.Series, off: pd.Series) -> str | None:
    """The query that takes the other rows, if the column tells both apart."""
    kinds = column.dropna().unique()
    if not 2 <= len(kinds) <= MOST_KINDS:
        return None
    shares = off.groupby(column, sort=False).mean()
    special = sorted(shares.index[shares >= AGREES])
    chosen = column.isin(special)
    if not special or chosen.mean() > MOST or off[chosen].sum() < AGREES * off.sum():
        return None
    return " and ".join(f"`{column.name}` != {_constant(value)}" for value in special)


def _constant(value: object) -> str:
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    return f"{value:g}" if isinstance(value, (int, float, np.number)) else repr(str(value))
