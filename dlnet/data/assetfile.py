"""The file of one asset: read, checked, and put on the task's grid of time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dlnet.config.quantities import Quantities
from dlnet.data import grid, schema
from dlnet.data.csvfiles import QUANTITY, TIME, Columns, read_rows


@dataclass(frozen=True)
class AssetFile:
    """Rows of one asset, one a step of time.

    Attributes:
        rows: ``quantity`` in the task's unit, and features. notes: what readers of results should know.
    """

    rows: pd.DataFrame
    notes: tuple[str, ...]


def read_asset_file(path: Path, columns: Columns, quantities: Quantities, nominal: float) -> AssetFile:
    """Read the file of one asset.

    Args:
        nominal: quantity of a new asset, in the task's unit; 1 where the target is no share of it.

    Raises:
        DataError: a column is missing, a value is invalid, or time does not rise; names file, line and column.
    """
    rows = read_rows(path, columns, quantities.target.units[columns.unit])
    schema.check_rows(path, rows, columns, quantities.target, nominal)
    if columns.time is None:
        return AssetFile(rows.reset_index(drop=True), ())
    time = rows.pop(TIME).to_numpy()
    points = (QUANTITY,) if columns.labels == "check_up" else ()
    regular = grid.regular(path, rows, time, quantities.time.step, quantities.time.largest_gap, points)
    if not regular.gaps:
        return AssetFile(regular.table, ())
    return AssetFile(regular.table, (grid.describe(path.stem, regular.gaps, quantities.time.unit),))
