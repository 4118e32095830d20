"""The one reader of table files: text in any common dialect, Excel workbooks (.xlsx) and Parquet.

The content of a file decides how it is read, not its name. The same numbers give the same table, bit for bit, whatever
the file's line ends, encoding, separator, decimal mark and format.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from dlnet.data import sheets, texttables
from dlnet.errors import DataError
from dlnet.extras import named_extras
from dlnet.files import LARGEST, at_most, printable

if TYPE_CHECKING:
    import pyarrow

SUFFIXES = (".csv", ".tsv", ".txt", ".xlsx", ".parquet")
"""Ends of names of files that hold a table, in lower case."""

PARQUET, ZIP, OLD_EXCEL = b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf": "7-Zip",
    b"\x28\xb5\x2f\xfd": "Zstandard",
}
"""First bytes of packed files, and what packed them."""
NOTES, HEADER, METADATA = "notes", "header", "metadata"  # keys of a table's attrs

SAVE_AGAIN = "save it again, as Parquet or CSV"


def read_table(path: Path) -> pd.DataFrame:
    """Read a file that holds one table with a header.

    Returns:
        Columns named as in the header, without blanks around a name; the index is the line in the file (the row of the
        sheet; in Parquet, where the header has none, the first row is line 2). A column of plain numbers, written with
        the file's decimal mark, is int64 where all are whole and none is missing, else float64; all others are text. An
        empty field is NaN. ``attrs``: ``notes``, lines on what was skipped, ``header``, the line of the header, and
        ``metadata`` of a Parquet file (bytes to bytes).

    Raises:
        DataError: there is no such file, it cannot be read, is larger than 1 GiB, is no table, or can be read in more
            than one way; names file and line, in one line.
    """
    content = _content(path)
    if _is_parquet(path, content):
        return _frame(path, _arrow(path))
    text = _text(path, content)
    return texttables.parse(_name(path), text, sheets.SEPARATOR if _is_workbook(content) else None)


def column_names(path: Path) -> list[str]:
    """Names of the columns as ``read_table`` gives them.

    Raises:
        DataError: as there, save for what stands below the header.
    """
    content = _content(path)
    if _is_parquet(path, content):
        with parquet_errors(path, SAVE_AGAIN):
            import pyarrow.parquet

            return [name.strip() for name in pyarrow.parquet.read_schema(path).names]
    text = _text(path, content)
    return list(texttables.find(_name(path), text, sheets.SEPARATOR if _is_workbook(content) else None).names)


def _name(path: Path) -> str:
    return printable(str(path))


def _content(path: Path) -> bytes:
    """Bytes of a plain file; of a Parquet file only the first ones."""
    name = _name(path)
    if path.is_dir():
        raise DataError(f"{name}: a folder; name a file in it")
    if not path.exists():
        raise DataError(f"{name}: no such file")
    if not path.is_file():
        raise DataError(f"{name}: not a plain file; name one that is")
    try:
        if path.stat().st_size > LARGEST:
            raise DataError(f"{name}: over {LARGEST:,} bytes; split it, or leave out columns that are not used")
        with path.open("rb") as stream:
            start = stream.read(len(PARQUET))
            return start if start == PARQUET else start + at_most(stream, LARGEST)
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror}); check its permissions") from error


def _is_parquet(path: Path, content: bytes) -> bool:
    if content.startswith(PARQUET):
        return True
    if path.suffix.lower() == ".parquet":
        raise DataError(f"{_name(path)}: not a Parquet file; {SAVE_AGAIN}")
    return False


def _is_workbook(content: bytes) -> bool:
    return content.startswith(ZIP)


def _text(path: Path, content: bytes) -> str:
    """The file's text; of a workbook, its sheet as text."""
    name = _name(path)
    if _is_workbook(content):
        return sheets.as_text(name, content)
    if content.startswith(OLD_EXCEL):
        raise DataError(f"{name}: an old Excel file (.xls), or one with a password; save it as .xlsx or CSV")
    packed = next((by for mark, by in PACKED.items() if content.startswith(mark)), None)
    if packed is not None:
        raise DataError(f"{name}: packed with {packed}; unpack it")
    if path.suffix.lower() == ".xlsx":
        raise DataError(f"{name}: not an Excel workbook; save it as .xlsx, or as CSV under that name")
    return texttables.decode(name, content)


@contextmanager
def parquet_errors(path: Path, remedy: str) -> Iterator[None]:
    """Context in which a Parquet file is read.

    Raises:
        DataError: the file is missing, cannot be read, or is not Parquet.
    """
    with named_extras():
        import pyarrow  # not needed for a forecast from a CSV

    name = _name(path)
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{name}: no such file; {remedy}") from error
    except (pyarrow.ArrowException, OSError, ValueError) as error:  # also of a damaged header, or of pandas' notes
        if path.is_dir():
            raise DataError(
                f"{name}: a folder, where one Parquet file is wanted; for a folder of your own set data.source: csv"
            ) from error
        if isinstance(error, OSError) and error.strerror:
            raise DataError(f"{name}: cannot be read ({error.strerror}); correct its permissions") from error
        raise DataError(f"{name}: not a Parquet file; {remedy}") from error


def read_parquet(path: Path, remedy: str, most: int = LARGEST) -> pyarrow.Table:
    """Content of a Parquet file of at most ``most`` rows, and bytes in a group of rows.

    Raises:
        DataError: as ``parquet_errors``, or the file states more rows or bytes.
    """
    with parquet_errors(path, remedy):
        import pyarrow.parquet

        with pyarrow.parquet.ParquetFile(path) as file:
            sizes = file.metadata
            groups = (sizes.row_group(i).total_byte_size for i in range(sizes.num_row_groups))
            if max(sizes.num_rows, *groups) > most:
                raise DataError(f"{_name(path)}: states {sizes.num_rows:,} rows, or over {most:,} bytes; {remedy}")
            return file.read()


def _arrow(path: Path) -> pyarrow.Table:
    return read_parquet(path, SAVE_AGAIN)


def _frame(path: Path, table: pyarrow.Table) -> pd.DataFrame:
    """An Arrow table as ``read_table`` gives it: numbers, or text that reads as in a CSV file."""
    import pyarrow
    import pyarrow.types as kinds

    columns = []
    with parquet_errors(path, SAVE_AGAIN):
        for column in table.columns:
            kind = column.type.value_type if kinds.is_dictionary(column.type) else column.type
            number = kinds.is_integer(kind) or kinds.is_floating(kind) or kinds.is_decimal(kind)
            series = column.cast(pyarrow.float64() if kinds.is_decimal(kind) else kind).to_pandas()
            columns.append(texttables.whole_or_float(series) if number else _as_text(series))
    out = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=range(table.num_rows))
    out.columns = pd.Index([str(name).strip() for name in table.column_names], dtype=object)
    out.index = pd.RangeIndex(2, len(out) + 2)
    out.attrs = {NOTES: [], HEADER: 1, METADATA: table.schema.metadata or {}}
    return out


def _as_text(column: pd.Series) -> pd.Series:
    return column.astype(str).where(column.notna(), np.nan).astype("str")
