"""Columns of an asset's file as numbers. Errors name file, line and column."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from dlnet.config.data import Pattern
from dlnet.config.quantities import Labels
from dlnet.data.dates import SECONDS, since_1970
from dlnet.data.order import are_dates, check_rising, positions
from dlnet.data.tablefiles import read_table
from dlnet.errors import DataError
from dlnet.files import printable


@dataclass(frozen=True)
class Columns:
    """Columns of a file to read.

    Attributes:
        target: column of the task's quantity, None: not read. unit: of that column.
        time: column of the time, None: one row a step.
        features: name in the table -> name in the file.
        cycle: column of the number or time that orders rows, None: rows stand in order.
        asset: column that names the asset of a row, None: a file holds one.
        parts: pattern of names of files with a group ``asset``: those of one asset are its parts, None: none.
        include: rows that are ageing cycles, see ``dlnet.data.include``, None: all.
        labels: ``check_up``: only rows whose target is not empty measured it; ``all``: each row has one.
    """

    target: str | None
    unit: str
    time: str | None
    features: Mapping[str, str]
    cycle: str | None = None
    asset: str | None = None
    parts: Pattern | None = None
    include: str | None = None
    labels: Labels = "all"

    def name_in_file(self, name: str) -> str:
        """Name in the file of a column of the table."""
        return {**self.features, **self._own}[name] or name

    @property
    def names(self) -> list[str]:
        """Columns of the table that is read, in order."""
        return [*(name for name, column in self._own.items() if column is not None), *self.features]

    @property
    def _own(self) -> dict[str, str | None]:
        return {ASSET: self.asset, CYCLE: self.cycle, QUANTITY: self.target, TIME: self.time}


ASSET, CYCLE, QUANTITY, TIME = "asset", "cycle", "quantity", "time"
"""Columns of the table: name of the asset, number that orders rows, the task's quantity, and the time of a row."""

LONGEST_NAME = 200
"""Characters of an asset's name."""

TARGET = "target"  # name of the quantity in settings and options

SHOWN = 60  # characters of a field in a message


@dataclass(frozen=True)
class Settings:
    """Where a user says what the columns of a file are, for messages.

    Attributes:
        column: that a name of the table is another column. unit: that the quantity is in a unit. unit_name,
            nominal_name: of the settings.
    """

    column: str
    unit: str
    unit_name: str
    nominal_name: str


IN_PARAMS = Settings(
    "name the right column in data.csv (params.yaml)",
    "set data.csv.unit: {unit} (params.yaml)",
    "data.csv.unit",
    "data.csv.nominal",
)


def same_names(target: str, unit: str, features: Iterable[str]) -> Columns:
    """Columns of files whose features have their own names, with one row a step of time."""
    return Columns(target, unit, None, {name: name for name in features})


def location(path: Path, line: int, column: str, rows: pd.Index | None = None) -> str:
    """Position of a field for an error message: file, line, row below the header (both from 1), column.

    Args:
        rows: lines of all rows; None: they begin below a header on line 1.
    """
    row = line - 1 if rows is None else int(rows.get_loc(line)) + 1
    return f"{printable(str(path))}: line {line} (data row {row}), column {column!r}"


def read_rows(path: Path, columns: Columns, factor: float) -> pd.DataFrame:
    """Read the file of one asset.

    Args:
        factor: value of the quantity's unit in the task's.

    Returns:
        ``columns.names``, float64, as rows stand in the file; the index is the line in the file. An empty field is
        NaN: whether values make sense is checked by ``dlnet.data.schema``.

    Raises:
        DataError: as ``tablefiles.read_table``; a column is missing or there twice, there is no row, or text where
            a number is expected.
    """
    return rows_of(path, read_table(path), columns, factor)


def rows_of(
    path: Path,
    table: pd.DataFrame,
    columns: Columns,
    factor: float,
    settings: Settings = IN_PARAMS,
    unit_of_time: str = "",
) -> pd.DataFrame:
    """The columns of a table from ``tablefiles.read_table`` that are used, as ``read_rows`` returns them.

    Args:
        unit_of_time: of the task: times that are ISO dates count in it, from the beginning of 1970.
    """
    _check_header(path, table, columns, settings)
    if table.empty:
        raise DataError(f"{path}: a header but no rows; put one row below it for each step of time, or delete the file")
    parse: dict[str, Callable[[Path, pd.Series], pd.Series]] = {
        ASSET: _names,
        CYCLE: positions,
        TIME: partial(_times, unit=unit_of_time),
    }
    out = pd.DataFrame(
        {name: parse.get(name, _numbers)(path, table[columns.name_in_file(name)]) for name in columns.names},
        index=table.index,
    )
    if QUANTITY in out:
        out[QUANTITY] *= factor
    return out


def _times(path: Path, column: pd.Series, unit: str) -> pd.Series:
    """Times in the task's unit: numbers, or ISO dates, which must rise."""
    if not are_dates(column):
        return _numbers(path, column)
    if unit not in SECONDS:
        where = location(path, int(column.index[0]), str(column.name), column.index)
        raise DataError(
            f"{where}: a date, but a step of time of this task is one {unit}, which is no unit of time; if the column "
            "orders rows, name it as cycle in place of time, else write numbers"
        )
    moments = positions(path, column)
    check_rising(path, str(column.name), moments)
    return since_1970(moments, unit)


def _names(path: Path, column: pd.Series) -> pd.Series:
    """Names of assets: text, or whole numbers as text."""
    whole = pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all()
    texts = (column.astype("Int64") if whole else column).astype(str).str.strip().where(column.notna(), "")
    empty = (texts == "").to_numpy()
    odd = empty | ~texts.map(str.isprintable).to_numpy() | (texts.str.len() > LONGEST_NAME).to_numpy()
    if not odd.any():
        return texts
    line = int(column.index[int(odd.argmax())])
    what = "empty" if empty[odd.argmax()] else f"a control character, or over {LONGEST_NAME} characters"
    raise DataError(f"{location(path, line, str(column.name))}: {what}; write the name of the row's asset")


def _check_header(path: Path, table: pd.DataFrame, columns: Columns, settings: Settings) -> None:
    header, where = list(table.columns), f"{printable(str(path))}: line {table.attrs.get('header', 1)}"
    for own in columns.names:
        name = columns.name_in_file(own)
        if header.count(name) > 1:
            raise DataError(f"{where}: column {name!r} occurs {header.count(name)} times; keep one of them")
        if name not in header:
            present = ", ".join(map(repr, header[:20]))
            raise DataError(
                f"{where}: no column {name!r}, only {present}; {_header_advice(name, own, table, settings)}"
            )


def _header_advice(name: str, own: str, table: pd.DataFrame, settings: Settings) -> str:
    header, right = list(map(str, table.columns)), settings.column.format(name=TARGET if own == QUANTITY else own)
    below = table.index[(table.head(100) == name).any(axis=1).reindex(table.index, fill_value=False)]
    if len(below):
        return f"line {below[0]} seems to be the header: delete the lines above it"
    if len(header) == 1:
        return f"the file has one column: separate columns by commas, semicolons or tabs, or {right}"
    if close := difflib.get_close_matches(name.lower(), map(str.lower, header), 1, 0.8):
        like = next(one for one in header if one.lower() == close[0])
        return f"{like!r} is close: correct the header, or {right}"
    return f"correct the header, or {right}"


def _numbers(path: Path, column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        return column.astype(np.float64)
    numbers = pd.to_numeric(column, errors="coerce")
    wrong = column.notna() & numbers.isna()
    wrong = wrong if wrong.any() else column.notna()  # numbers as text in a file whose columns have types
    line = int(wrong.index[int(wrong.to_numpy().argmax())])
    text = str(column[line])
    where = location(path, line, str(column.name), column.index)
    raise DataError(f"{where}: {text[:SHOWN]!r} is not a number; {_advice(text, line, wrong)}")


def _advice(text: str, line: int, wrong: pd.Series) -> str:
    """What to do about a field that is no number."""
    if text.lstrip().startswith(("#", "%")):
        return "a comment? delete the line"
    if re.fullmatch(r"\s*[+-]?[\d.,' ]*[.,' ]\d+\s*", text):
        return "write numbers with a decimal point and without marks between thousands"
    if line == wrong.index[0] and wrong.sum() == 1:
        return "write a plain number (with a decimal point) or delete the line (a row of units?)"
    return "write a plain number (with a decimal point) or delete the line"
