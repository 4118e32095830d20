"""Reads one CSV file per cell as a table with one row per cycle. Errors name file, line and column."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from dlnet.errors import DataError

UNITS: Mapping[str, float] = {"Ah": 1.0, "mAh": 1e-3}
"""Unit of a capacity column -> its value in Ah."""


@dataclass(frozen=True)
class Columns:
    """Columns of a file to read: ``capacity`` in ``unit``, and ``features`` (name in the table -> name in the file)."""

    capacity: str
    unit: Literal["Ah", "mAh"]
    features: Mapping[str, str]

    def name_in_file(self, name: str) -> str:
        """Name in the file of a column of the table."""
        return self.capacity if name == "capacity_ah" else self.features[name]


def same_names(features: Iterable[str]) -> Columns:
    """Columns of the published files and of the simulated fleet: capacity in Ah, features under their own names."""
    return Columns("capacity", "Ah", {name: name for name in features})


def location(path: Path, line: int, column: str) -> str:
    """Position of a field for an error message: file, line, row below the header (both from 1), column."""
    return f"{path}: line {line} (data row {line - 1}), column {column!r}"


def read_cycles(path: Path, columns: Columns) -> pd.DataFrame:
    """Read one cell.

    Returns:
        Columns ``capacity_ah`` (Ah) and the features, float64, one row a cycle; the index is the line in the
        file. An empty field is NaN: whether values make sense is checked by ``dlnet.data.schema``.

    Raises:
        DataError: the file is not UTF-8, empty, lacks a column or has it twice, has a line of another length
            than the header, or has text where a number is expected.
    """
    text = _text(path)
    header = [name.strip() for name in next(csv.reader(io.StringIO(text)))]
    _check_header(path, header, columns)
    table = _parse(path, text, header)
    if table.empty:
        raise DataError(f"{path}: a header but no rows; put one row a cycle below it, or delete the file")
    names = ["capacity_ah", *columns.features]
    out = pd.DataFrame({name: _numbers(path, table[columns.name_in_file(name)]) for name in names})
    out["capacity_ah"] *= UNITS[columns.unit]
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
        raise DataError(f"{path}: empty; put a header and one row a cycle in it, or delete it")
    return text + "\n"


def _check_header(path: Path, header: list[str], columns: Columns) -> None:
    for name in [columns.capacity, *columns.features.values()]:
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
