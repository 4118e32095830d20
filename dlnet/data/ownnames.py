"""Files that carry the project's own names of columns: they need no mapping, wherever a file is read.

They are those of ``assets.parquet`` (``quantity``, ``nominal``, the task's features), and those with a unit, such as
``capacity_ah`` and ``nominal_ah``.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from dlnet.config.quantities import Target
from dlnet.data.csvfiles import ASSET, QUANTITY, Columns
from dlnet.errors import DataError
from dlnet.files import printable

NOMINAL = "nominal"

CYCLES_TABLE = ("cell", "cycle", "capacity_ah")
"""First columns of a table that ``dlnet data cycles`` wrote."""


def plain_name(text: str) -> str:
    """Words as the name of a column: lower case, joined by underscores."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def own_names(header: Collection[str], columns: Columns, target: Target) -> Columns:
    """The columns to read of a file: those that are mapped, or, where it lacks the target's, the project's own.

    Args:
        header: names of the file's columns.
    """
    if columns.target in header:
        return columns
    features = {
        name: name if column not in header and name in header else column for name, column in columns.features.items()
    }
    unit_of = own_units(QUANTITY, target) | own_units(target.quantity, target) | own_shares(target)
    own = next((name for name in unit_of if name in header), None)
    if own is None:
        return replace(columns, features=features)
    # The project's own tables stand on the grid of time, and name the asset of a row.
    time, cycle = (column if column in header else None for column in (columns.time, columns.cycle))
    asset = columns.asset
    if asset is None and columns.parts is None:
        asset = own_asset(header)
    if tuple(header)[: len(CYCLES_TABLE)] == CYCLES_TABLE:
        cycle = cycle or CYCLES_TABLE[1]
    include = None if own == QUANTITY else columns.include  # the project's own table holds included rows alone
    return replace(
        columns,
        target=own,
        unit=unit_of[own],
        time=time,
        cycle=cycle,
        asset=asset,
        include=include,
        features=features,
    )


def own_asset(header: Collection[str]) -> str | None:
    """The column that names the asset of a row in the project's own tables, None: the header is not one of theirs."""
    if ASSET in header:
        return ASSET
    return CYCLES_TABLE[0] if tuple(header)[: len(CYCLES_TABLE)] == CYCLES_TABLE else None


def own_shares(target: Target) -> dict[str, str]:
    """The project's own names for a column of the target itself, a share of the nominal value -> their unit."""
    name = plain_name(target.symbol)
    return {name: "1", f"{name}_percent": "%"} if target.over_nominal else {}


def own_units(name: str, target: Target) -> dict[str, str]:
    """The project's own names for a column of the quantity -> the unit that each stands for."""
    named = {f"{plain_name(name)}_{plain_name(unit)}": unit for unit in target.units}
    return {name: target.unit, **named} if name in (QUANTITY, NOMINAL) else named


def own_nominal(path: Path, table: pd.DataFrame, columns: Columns, target: Target) -> float | None:
    """Quantity of the asset when new, in the task's unit, as its own file states it; None: it does not.

    A column of that name counts only beside a target that has the project's own name, too.

    Raises:
        DataError: it is not one number above zero on all rows.
    """
    own = own_units(QUANTITY, target) | own_units(target.quantity, target)
    units = own_units(NOMINAL, target)
    name = next((name for name in units if name in table.columns), None)
    if not target.over_nominal or columns.target not in own or name is None or table.empty:
        return None
    values = table[name]
    first = values.iloc[0]
    where = f"{printable(str(path))}: line {values.index[0]}, column {name!r}"
    if not isinstance(first, (int, float, np.number)) or not 0 < first < np.inf:
        raise DataError(f"{where}: {str(first)[:40]!r} is no quantity of a new asset; correct it or delete the column")
    if (other := values != first).any():
        line = values.index[int(other.to_numpy().argmax())]
        raise DataError(
            f"{where}: {first:g}, but {values[line]} on line {line}; write one value on all rows of an asset"
        )
    return float(first) * target.units[units[name]]
