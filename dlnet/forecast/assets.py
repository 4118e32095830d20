"""Rows of assets, from their files or from tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dlnet.data import csvfiles
from dlnet.data.assetfile import Piece, asset_rows
from dlnet.data.findings import Finding
from dlnet.data.ownnames import own_nominal
from dlnet.data.partnames import asset_of_file, unmatched
from dlnet.data.tablefiles import NOTES, read_table
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
        path: of its file, or of the first one.
        rows: ``quantity``, if it is in the file, and the model's features, oldest first; those before the first target
            are left out where the model needs it. What was not measured is NaN.
        notes: what readers of results should know. findings: what is odd about the rows.
    """

    name: str
    path: Path
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
    table = table_of(path, model)
    parts = _parts(table, asset_column(table.rows.columns, model, layout))
    name, rows = next(parts)
    second = next(parts, None)
    if second is not None:
        many = model.document.quantities.asset.many
        raise DataError(f"{path}: holds several {many}, such as {name!r} and {second[0]!r}; give a file of one")
    return asset_of(name, [(path, rows)], model, layout)


def lined(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the number of each line as index, as if it stood in a file below a header."""
    return table.set_axis(pd.RangeIndex(FIRST_LINE, len(table) + FIRST_LINE))


@dataclass(frozen=True)
class Table:
    """A table of one asset or of several.

    Attributes:
        path: of the file, for messages. name: of the asset, where no column names it; with one, ``before`` stands
            before the name in that column.
    """

    path: Path
    name: str
    rows: pd.DataFrame
    before: str = ""


def table_of(path: Path, model: Looks) -> Table:
    """Read a file; which asset it belongs to, its name says as it did in training.

    Raises:
        DataError: it cannot be read.
    """
    pattern, table = model.document.data.columns.parts, read_table(path)
    matched = asset_of_file(path, pattern)
    name = printable(path.stem if matched is None else matched)
    if matched is None:
        table.attrs[NOTES].append(unmatched(path))
    return Table(path, name, table, "" if pattern is None else f"{name}-")


def each_asset(tables: Sequence[Table], model: Looks, layout: FileLayout = AS_TRAINED) -> Iterator[Asset | Refused]:
    """The assets in tables, one after the other; one that cannot be used does not stop the rest.

    Rows that stand under one name in several tables are stitched.
    """
    found: dict[str, list[tuple[Path, pd.DataFrame]]] = {}
    for table in tables:
        for name, rows in _parts(table, asset_column(table.rows.columns, model, layout)):
            found.setdefault(name, []).append((table.path, rows))
    for name, own in found.items():
        try:
            yield asset_of(name, own, model, layout)
        except DataError as error:
            yield Refused(name, own[0][0], str(error))


def _parts(table: Table, column: str | None) -> Iterator[tuple[str, pd.DataFrame]]:
    """Names of the assets in a table, and their rows; an asset's rows need not stand together."""
    if column is None or table.rows.empty:
        yield table.name, table.rows
        return
    for value, rows in table.rows.groupby(column, sort=False, dropna=False):
        yield table.before + printable(str(value)), rows


def asset_of(name: str, tables: Sequence[tuple[Path, pd.DataFrame]], model: Looks, layout: FileLayout) -> Asset:
    """One asset, from its rows in files; the index of a table is the line in the file.

    Raises:
        DataError: a column is missing, a value is invalid, or the rows of several files do not fit.
    """
    quantities = model.document.quantities
    pieces = [_piece(path, table, model, layout) for path, table in tables]
    read = asset_rows(name, pieces, quantities, BY_OPTIONS)
    rows = read.rows
    if model.uses_target:  # of rows before the first target nobody knows the health, and a board refuses them
        rows = rows[rows[csvfiles.QUANTITY].notna().cummax()].reset_index(drop=True)
    return Asset(name, tables[0][0], rows, pieces[0].nominal, read.notes, read.findings)


def _piece(path: Path, table: pd.DataFrame, model: Looks, layout: FileLayout) -> Piece:
    columns, target = columns_of(list(table.columns), model, layout), model.document.quantities.target
    stated = layout.nominal or own_nominal(path, table, columns, target)
    # A file of shares needs no nominal value: its rows are the target itself.
    share = columns.unit in target.shares and columns.target is not None
    return Piece(path, table, columns, stated or (1.0 if share else nominal_of(model, layout)))
