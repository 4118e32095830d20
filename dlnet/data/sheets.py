"""Excel workbooks (.xlsx) as text, so that one parser reads all tables."""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from typing import Any

from dlnet.errors import DataError
from dlnet.files import CHUNK, LARGEST

SEPARATOR = ","
MOST_CELLS = 50_000_000
"""Cells of a sheet, from the first to the last row and column that hold one; calamine takes memory for all of them."""

_PLACE = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
_SHEET = re.compile(r"xl/worksheets/[^/]*\.xml")


def as_text(name: str, content: bytes) -> str:
    """The first sheet that is not empty, as comma-separated text with one line a row.

    Numbers are written so that they are read back bit for bit. Line breaks within a cell become blanks.

    Raises:
        DataError: no workbook, damaged, too large, without a filled sheet, or with several: ``name`` begins the line.
    """
    import python_calamine  # only for workbooks

    _check(name, content)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        found = [sheet for sheet in book.sheet_names if book.get_sheet_by_name(sheet).end is not None]
        if not found:
            raise DataError(f"{name}: a workbook without rows; put a header and rows in its first sheet")
        if len(found) > 1:
            listed = ", ".join(map(repr, found[:5]))
            raise DataError(f"{name}: {len(found)} sheets hold rows ({listed}); save the one that counts as a file")
        rows = book.get_sheet_by_name(found[0]).to_python(skip_empty_area=False)
    except python_calamine.PasswordError as error:
        raise DataError(f"{name}: protected by a password; save it without one") from error
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise DataError(f"{name}: not an Excel workbook that can be read; save it again as .xlsx or CSV") from error
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    for row in rows:
        cells = [_cell(value) for value in row]
        if any(cell != "" for cell in cells):
            lines.writerow(cells)
        else:
            out.write("\n")
    return out.getvalue()


def _cell(value: Any) -> Any:
    return " ".join(re.split(r"[\r\n]+", value)) if isinstance(value, str) else value


def _check(name: str, content: bytes) -> None:
    """Raise ``DataError`` unless the archive is whole, and its parts and sheets fit the memory."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
            if sum(part.file_size for part in parts) > LARGEST:
                raise DataError(f"{name}: over {LARGEST:,} bytes when unpacked; save the sheet that counts as CSV")
            for part in parts:
                _check_part(name, archive, part)
            if "xl/workbook.xml" not in archive.namelist():
                raise DataError(f"{name}: a ZIP archive without a workbook; unpack it, or save a sheet as .xlsx or CSV")
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise DataError(f"{name}: damaged, or not an Excel workbook; save it again as .xlsx or CSV") from error


def _check_part(name: str, archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Read a part to its end, which compares its checksum, so that its size is what the archive states."""
    rows = columns = 0
    with archive.open(part) as stream:
        rest = b""
        while block := stream.read(CHUNK):
            if not _SHEET.fullmatch(part.filename):
                continue
            for column, row in _PLACE.findall(rest + block):
                rows, columns = max(rows, int(row)), max(columns, _number(column))
            rest = block[-32:]
    if rows * columns > MOST_CELLS:
        raise DataError(f"{name}: a sheet of {rows:,} rows and {columns:,} columns; clear cells far from the table")


def _number(letters: bytes) -> int:
    """Number of a column: A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = 26 * number + letter - ord("A") + 1
    return number
