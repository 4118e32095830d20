"""Rows of assets, from their files or from tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dlnet.data import csvfiles
from dlnet.data.assetfile import asset_rows
from dlnet.data.findings import Finding
from dlnet.data.ownnames import own_nominal
from dlnet.data.tablefiles import read_table
from dlnet.errors import DataError
from dlnet.files import printable
from dlnet.forecast.layout import (
    AS_TRAINED,
    BY_OPTIONS,
    FileLayout,
    Looks,
    asset_column,
    check_layout,
    columns_of,
    nominal_of,
)

Floats = npt.NDArray[np.floating[Any]]
FIRST_LINE = 2  # of a table's rows, below its header


@dataclass(frozen=True)
class Asset:
    """Rows of one asset as read from its file.

    Attributes:
        rows: ``quantity``, if it is in the file, and the model's features, oldest first; those before the first target
            are left out where the model needs it. What was not measured is NaN.
        notes: what readers of results should know. findings: what is odd about the rows.
    """

    name: str
    rows: pd.DataFrame
    nominal: float
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def has_target(self) -> bool:
        """Whether the quantity is in the file; a model of track ``sensors_only`` does not need it."""
        return csvfiles.QUANTITY in self.rows

    @property
    def target(self) -> Floats:
        """(rows,) the target; NaN where the file has none."""
        if not self.has_target:
            return np.full(len(self.rows), np.nan)
        return self.rows[csvfiles.QUANTITY].to_numpy() / self.nominal


@dataclass(frozen=True)
class Refused:
    """An asset, or a whole file, that cannot be used, and the reason in one line."""

    name: str
    path: Path
    reason: str


def read_asset(path: Path, model: Looks, layout: FileLayout = AS_TRAINED) -> Asset:
    """Read the rows of one asset, with the columns that the model was trained on unless ``layout`` names others.

    Raises:
        DataError: there is no such file, it holds several assets, a column is missing, or a value is invalid.
    """
    check_layout(model, layout)
    table = read_table(path)
    parts = _parts(path.stem, table, asset_column(table.columns, model, layout))
    name, rows = next(parts)
    second = next(parts, None)
    if second is not None:
        many = model.document.quantities.asset.many
        raise DataError(f"{path}: holds several {many}, such as {name!r} and {second[0]!r}; give a file of one")
    return asset_of(path, name, rows, model, layout)


def lined(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the number of each line as index, as if it stood in a file below a header."""
    return table.set_axis(pd.RangeIndex(FIRST_LINE, len(table) + FIRST_LINE))


def each_asset(
    path: Path, name: str, table: pd.DataFrame, model: Looks, layout: FileLayout = AS_TRAINED
) -> Iterator[Asset | Refused]:
    """The assets in a table, one after the other; one that cannot be used does not stop the rest.

    Args:
        path: of the file, for messages. name: of the asset, where no column names it.
    """
    for asset, rows in _parts(name, table, asset_column(table.columns, model, layout)):
        try:
            yield asset_of(path, asset, rows, model, layout)
        except DataError as error:
            yield Refused(asset, path, str(error))


def _parts(name: str, table: pd.DataFrame, column: str | None) -> Iterator[tuple[str, pd.DataFrame]]:
    """Names of the assets in a table, and their rows; an asset's rows need not stand together."""
    if column is None or table.empty:
        yield name, table
        return
    for value, rows in table.groupby(column, sort=False, dropna=False):
        yield printable(str(value)), rows


def asset_of(path: Path, name: str, table: pd.DataFrame, model: Looks, layout: FileLayout) -> Asset:
    """One asset, from its rows in a table whose index is the line in the file ``path``.

    Raises:
        DataError: a column is missing, or a value is invalid.
    """
    columns = columns_of(list(table.columns), model, layout)
    quantities = model.document.quantities
    stated = layout.nominal or own_nominal(path, table, columns, quantities.target)
    # A file of shares needs no nominal value: its rows are the target itself.
    share = columns.unit in quantities.target.shares and columns.target is not None
    nominal = stated or (1.0 if share else nominal_of(model, layout))
    read = asset_rows(path, name, table, columns, quantities, nominal, BY_OPTIONS)
    rows = read.rows
    if model.uses_target:  # of rows before the first target nobody knows the health, and a board refuses them
        rows = rows[rows[csvfiles.QUANTITY].notna().cummax()].reset_index(drop=True)
    return Asset(name, rows, nominal, read.notes, read.findings)
