"""Reads one CSV file per asset as a table. Errors name file, line and column."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dlnet.data.order import positions
from dlnet.errors import DataError


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
    """

    target: str | None
    unit: str
    time: str | None
    features: Mapping[str, str]
    cycle: str | None = None
    asset: str | None = None
    parts: str | None = None

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


def same_names(target: str, unit: str, features: Iterable[str]) -> Columns:
    """Columns of files whose features have their own names, with one row a step of time."""
    return Columns(target, unit, None, {name: name for name in features})


def location(path: Path, line: int, column: str) -> str:
    """Position of a field for an error message: file, line, row below the header (both from 1), column."""
    return f"{path}: line {line} (data row {line - 1}), column {column!r}"


def read_rows(path: Path, columns: Columns, factor: float) -> pd.DataFrame:
    """Read the file of one asset.

    Args:
        factor: value of the quantity's unit in the task's.

    Returns:
        ``columns.names``, float64, as rows stand in the file; the index is the line in the file. An empty field is
        NaN: whether values make sense is checked by ``dlnet.data.schema``.

    Raises:
        DataError: the file is not UTF-8, empty, lacks a column or has it twice, has a line of another length
            than the header, or has text where a number is expected.
    """
    return rows_of(path, read_table(path), columns, factor)


def rows_of(path: Path, table: pd.DataFrame, columns: Columns, factor: float) -> pd.DataFrame:
    """The rows that ``read_rows`` reads, of a table that is read already; errors of columns as there."""
    _check_header(path, list(table.columns), columns)
    if table.empty:
        raise DataError(f"{path}: a header but no rows; put one row below it for each step of time, or delete the file")
    parse = {ASSET: _names, CYCLE: positions}
    out = pd.DataFrame(
        {name: parse.get(name, _numbers)(path, table[columns.name_in_file(name)]) for name in columns.names}
    )
    if QUANTITY in out:
        out[QUANTITY] *= factor
    return out


def read_table(path: Path) -> pd.DataFrame:
    """All columns of a file, named as in its header; the index is the line in the file."""
    text = _text(path)
    return _parse(path, text, [name.strip() for name in next(csv.reader(io.StringIO(text)))])


def _names(path: Path, column: pd.Series) -> pd.Series:
    """Names of assets: text, or whole numbers as text."""
    whole = pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all()
    texts = (column.astype("Int64") if whole else column).astype(str).str.strip()
    empty = (column.isna() | (texts == "")).to_numpy()
    odd = empty | ~texts.map(str.isprintable).to_numpy() | (texts.str.len() > LONGEST_NAME).to_numpy()
    if not odd.any():
        return texts
    line = int(column.index[int(odd.argmax())])
    what = "empty" if empty[odd.argmax()] else f"a control character, or over {LONGEST_NAME} characters"
    raise DataError(f"{location(path, line, str(column.name))}: {what}; write the name of the row's asset")


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig").rstrip()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path}: line {line}: not UTF-8 text (byte 0x{content[error.start]:02x}); save the file as CSV in UTF-8"
        ) from error
    if not text:
        raise DataError(f"{path}: empty; put a header and rows in it, or delete it")
    return text + "\n"


def _check_header(path: Path, header: list[str], columns: Columns) -> None:
    for name in map(columns.name_in_file, columns.names):
        if header.count(name) > 1:
            raise DataError(f"{path}: line 1: column {name!r} occurs {header.count(name)} times; keep one of them")
        if name not in header:
            present = ", ".join(map(repr, header[:20]))
            hint = (
                "separate the columns by commas" if len(header) == 1 else "correct the header, or name the right column"
            )
            raise DataError(f"{path}: line 1: no column {name!r}, only {present}; {hint}")


def _parse(path: Path, text: str, header: list[str]) -> pd.DataFrame:
    """Parse below the header; the index is the line in the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                io.StringIO(text),
                header=0,
                names=list(range(len(header))),
                index_col=False,
                skip_blank_lines=False,
                skipinitialspace=True,
                low_memory=False,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        reason = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        raise DataError(
            f"{path}: not a table of {len(header)} columns ({reason}); give every line as many fields as the header"
        ) from error
    table.columns = pd.Index(header)
    table.index = pd.RangeIndex(2, len(table) + 2)
    return table


def _numbers(path: Path, column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column.astype(np.float64)
    texts = column.astype(str).where(column.notna())
    wrong = texts.notna() & pd.to_numeric(texts, errors="coerce").isna()
    line = int(wrong.index[int(wrong.to_numpy().argmax())])
    raise DataError(
        f"{location(path, line, str(column.name))}: {texts[line]!r} is not a number; "
        "write a plain number (with a decimal point) or delete the line"
    )
