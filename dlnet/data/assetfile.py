"""The file of one asset: read, checked, and put on the task's grid of time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dlnet.config.quantities import Quantities
from dlnet.data import grid, schema
from dlnet.data.csvfiles import IN_PARAMS, TIME, Columns, Settings, rows_of
from dlnet.data.ownnames import own_names, own_nominal
from dlnet.data.tablefiles import read_table


@dataclass(frozen=True)
class AssetFile:
    """Rows of one asset, one a step of time.

    Attributes:
        rows: ``quantity`` in the task's unit, and features. notes: what readers of results should know.
        nominal: quantity of the asset when new: as its file states it under the project's own names, else as given.
    """

    rows: pd.DataFrame
    notes: tuple[str, ...]
    nominal: float


def read_asset_file(path: Path, columns: Columns, quantities: Quantities, nominal: float) -> AssetFile:
    """Read the file of one asset.

    Args:
        nominal: quantity of a new asset, in the task's unit; 1 where the target is no share of it.

    Raises:
        DataError: a column is missing, a value is invalid, or time does not rise; names file, line and column.
    """
    table = read_table(path)
    own = own_names(table.columns, columns, quantities.target)
    stated = own_nominal(path, table, own, quantities.target)
    return asset_rows(path, path.stem, table, own, quantities, stated or nominal)


def asset_rows(
    path: Path,
    name: str,
    table: pd.DataFrame,
    columns: Columns,
    quantities: Quantities,
    nominal: float,
    settings: Settings = IN_PARAMS,
) -> AssetFile:
    """The asset ``name`` in a table whose index is the line in the file ``path``; else as ``read_asset_file``."""
    rows = rows_of(path, table, columns, quantities.target.units[columns.unit], settings)
    schema.check_rows(path, rows, columns, quantities.target, nominal, settings)
    notes = tuple(table.attrs.get("notes", ()))
    if columns.time is None:
        return AssetFile(rows.reset_index(drop=True), notes, nominal)
    time = rows.pop(TIME).to_numpy()
    regular = grid.regular(path, rows, time, quantities.time.step, quantities.time.largest_gap)
    gaps = (grid.describe(name, regular.gaps, quantities.time.unit),) if regular.gaps else ()
    return AssetFile(regular.table, (*notes, *gaps), nominal)
