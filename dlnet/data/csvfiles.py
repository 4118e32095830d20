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

from dlnet.config.quantities import Labels
from dlnet.errors import DataError


@dataclass(frozen=True)
class Columns:
    """Columns of a file to read.

    Attributes:
        target: column of the task's quantity, None: not read. unit: of that column.
        time: column of the time, None: one row a step.
        features: name in the table -> name in the file.
        labels: ``check_up``: only rows whose target is not empty measured it; ``all``: each row has one.
    """

    target: str | None
    unit: str
    time: str | None
    features: Mapping[str, str]
    labels: Labels = "all"

    def name_in_file(self, name: str) -> str:
        """Name in the file of a column of the table."""
        return {**self.features, QUANTITY: self.target, TIME: self.time}[name] or name

    @property
    def names(self) -> list[str]:
        """Columns of the table that is read, in order."""
        own = {QUANTITY: self.target, TIME: self.time}
        return [*(name for name, column in own.items() if column is not None), *self.features]


QUANTITY, TIME = "quantity", "time"
"""Columns of the table: the task's quantity, and the time of a row."""


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
    text = _text(path)
    header = [name.strip() for name in next(csv.reader(io.StringIO(text)))]
    _check_header(path, header, columns)
    table = _parse(path, text, header)
    if table.empty:
        raise DataError(f"{path}: a header but no rows; put one row below it for each step of time, or delete the file")
    out = pd.DataFrame({name: _numbers(path, table[columns.name_in_file(name)]) for name in columns.names})
    if QUANTITY in out:
        out[QUANTITY] *= factor
    return out


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
