"""Tables in text files: encoding, line ends, what stands above the header, separator, decimal mark."""

from __future__ import annotations

import codecs
import io
import re
import warnings
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dlnet.errors import DataError
from dlnet.files import printable

SEPARATORS = ("\t", ";", "|", ",")
"""In this order, where the lines of a file allow several: a comma also stands in names and in numbers."""

SAMPLE = 100  # lines that the header and the separator are looked for in
SHOWN = 40  # characters of a field in a message

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
          (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip
_STATED = re.compile(r'"?sep=([\t;|,])"?')  # the first line of some spreadsheets
_QUOTED = re.compile(r'"[^"]*"')
_NUMBER = re.compile(r'"?[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d+)?"?')
_EXPECTED = re.compile(r"Expected \d+ fields in line (\d+), saw (\d+)")


@dataclass(frozen=True)
class Found:
    """Where the table of a text stands, and how it is written.

    Attributes:
        names: of the columns. lines: of the text, without line ends. header, first: index of the line in which the
            header begins, and of the first line below it. separator: of the fields. notes: on what was skipped.
    """

    names: tuple[str, ...]
    lines: list[str]
    header: int
    first: int
    separator: str
    notes: tuple[str, ...]


def decode(name: str, content: bytes) -> str:
    """Text of a file: UTF-8, or UTF-16 or UTF-32 with a byte-order mark.

    Raises:
        DataError: it is none of these; the message begins with ``name`` and the line.
    """
    mark, encoding = next(((mark, kind) for mark, kind in _MARKS if content.startswith(mark)), (b"", "utf-8"))
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        before = content[len(mark) : error.start]
        line = (
            len(before.splitlines() or [b""]) + before.endswith((b"\n", b"\r")) if encoding.startswith("utf-8") else 1
        )
        stated = "UTF-8" if encoding.startswith("utf-8") else encoding.upper()
        raise DataError(
            f"{name}: line {line}: not {stated} text (byte 0x{content[min(error.start, len(content) - 1)]:02x}); "
            "save the file as CSV in UTF-8"
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError(f"{name}: line {line}: a NUL character, so not UTF-8 text; save the file as CSV in UTF-8")
    return text


def find(name: str, text: str, separator: str | None = None) -> Found:
    """Find the header of the table in a text.

    Blank lines, comments (``#``, ``%``), ``sep=;`` and lines of fewer fields above the header are skipped. A comment
    right above numbers, with as many names as they are, is the header.

    Args:
        separator: of the fields, None: the one that fits the lines.

    Raises:
        DataError: there is no header, or it cannot be read.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").rstrip().split("\n")
    if lines == [""]:
        raise DataError(f"{name}: empty; put a header and rows in it, or delete it")
    start = next((i for i, line in enumerate(lines) if not _is_skipped(line)), None)
    if start is None:
        raise DataError(f"{name}: only comments; put a header and rows in it, or delete it")
    for line in lines[:start]:
        separator = separator or ((match := _STATED.fullmatch(line.strip())) and match[1])
    separator = separator or _separator(lines[start:])
    header = _header(lines, start, separator)
    first = _end_of_record(lines, header) + 1
    written = "\n".join(lines[header:first]).lstrip()
    if _is_comment(written):
        written = written.lstrip("#%").lstrip()
    names = _names(f"{name}: line {header + 1}", written, separator)
    above = [i for i in range(header) if lines[i].strip() and not _STATED.fullmatch(lines[i].strip())]
    notes = (f"{name}: skipped above the header: {_listed(above)}.",) if above else ()
    return Found(names, lines, header, first, separator, notes)


def parse(name: str, text: str, separator: str | None = None) -> pd.DataFrame:
    """The table of a text, as ``tablefiles.read_table`` returns it.

    Raises:
        DataError: as ``find``; a line is longer than the header; numbers can be read in more than one way.
    """
    found = find(name, text, separator)
    below = found.lines[found.first :]
    body = "\n".join(below)
    decimal = _decimal(name, body, found)
    table = _read(name, body, found, decimal)
    table.index = _numbered(name, below, found.first + 1, len(table))
    table = pd.DataFrame({column: _plain(table[column]) for column in table.columns})
    last = len(found.names) - 1
    if last and not found.names[last] and table[last].notna().any():
        line = table[last].first_valid_index()
        raise DataError(f"{name}: line {line}: a value below no name, or a decimal comma; {_POINT}")
    kept = [i for i, column in enumerate(found.names) if column or table[i].notna().any()]
    table = table[kept]
    table.columns = pd.Index([found.names[i] for i in kept], dtype=object)
    table.attrs = {"notes": list(found.notes), "header": found.header + 1}
    return table


def whole_or_float(column: pd.Series) -> pd.Series:
    """Numbers as int64, where all are whole, exact and none is missing, else as float64."""
    values = column.to_numpy(np.float64, na_value=np.nan)
    with np.errstate(invalid="ignore"):
        whole = values.size > 0 and bool((np.abs(values) < 2**53).all()) and bool((values == np.floor(values)).all())
    return pd.Series(values.astype(np.int64) if whole else values, index=column.index, name=column.name)


def _plain(column: pd.Series) -> pd.Series:
    if pd.api.types.is_bool_dtype(column):
        return column.astype(str)
    return whole_or_float(column) if pd.api.types.is_numeric_dtype(column) else column


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith(("#", "%"))


def _is_skipped(line: str) -> bool:
    return not line.strip() or _is_comment(line) or _STATED.fullmatch(line.strip()) is not None


def _count(line: str, separator: str) -> int:
    """Number of fields of a line."""
    return (_QUOTED.sub("", line) if '"' in line else line).count(separator) + 1


def _filled(line: str, separator: str) -> int:
    """Number of fields of a line, without empty ones at its end: spreadsheets write titles with those."""
    return _count(line.rstrip().rstrip(separator + " ") if separator != "\t" else line.rstrip(), separator)


def _separator(lines: list[str]) -> str:
    """The first separator that splits most lines into as many fields as the first one, and into more than one."""
    sample = [line for line in lines[1:SAMPLE] if not _is_skipped(line)]
    for separator in SEPARATORS:
        fields = _count(lines[0], separator)
        if fields > 1 and 2 * sum(_count(line, separator) == fields for line in sample) >= len(sample):
            return separator
    for separator in SEPARATORS:  # lines above the header
        fields, times = Counter(_count(line, separator) for line in sample).most_common(1)[0] if sample else (1, 0)
        if fields > 1 and 2 * times >= len(sample) and _preamble_end(lines, separator, fields):
            return separator
    return max(reversed(SEPARATORS), key=lambda separator: _count(lines[0], separator))


def _preamble_end(lines: list[str], separator: str, fields: int) -> int:
    """How many lines stand above the first one of ``fields`` fields, if that one can be a header; else 0."""
    for i, line in enumerate(lines[:SAMPLE]):
        if not _is_skipped(line) and _filled(line, separator) == fields:
            return 0 if _has_number(line, separator) else i
    return 0


def _has_number(line: str, separator: str) -> bool:
    return any(_NUMBER.fullmatch(field.strip()) for field in line.split(separator))


def _header(lines: list[str], start: int, separator: str) -> int:
    """Index of the line of the header; ``start``: of the first line that is no comment."""
    line, fields = lines[start], _filled(lines[start], separator)
    above = start - 1
    if above >= 0 and _is_comment(lines[above]) and _has_number(line, separator):
        comment = lines[above]
        if _filled(comment, separator) == fields and not _has_number(comment.strip().lstrip("#%"), separator):
            return above
    sample = [line for line in lines[start + 1 : start + SAMPLE] if not _is_skipped(line)]
    if sample and line.count('"') % 2 == 0:
        wanted, times = Counter(_count(line, separator) for line in sample).most_common(1)[0]
        if wanted > fields and 2 * times >= len(sample):
            return start + _preamble_end(lines[start:], separator, wanted)
    return start


def _end_of_record(lines: list[str], start: int) -> int:
    """Index of the last line of a record: a quoted field can hold line breaks."""
    quotes = 0
    for i in range(start, min(start + SAMPLE, len(lines))):
        quotes += lines[i].count('"')
        if quotes % 2 == 0:
            return i
    return start


def _names(where: str, header: str, separator: str) -> tuple[str, ...]:
    try:
        row = pd.read_csv(
            io.StringIO(header), sep=separator, header=None, dtype=str, keep_default_na=False, skipinitialspace=True
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{where}: no header that can be read (a quote that is not closed?); correct it") from error
    return tuple(" ".join(str(name).strip().split("\n")) for name in row.iloc[0])


def _listed(lines: list[int]) -> str:
    """Lines, given from 0, for a note."""
    first, last = lines[0] + 1, lines[-1] + 1
    return f"line {first}" if first == last else f"lines {first} to {last}"


_POINT = "write numbers with a decimal point, or separate columns by semicolons"


def _read(name: str, body: str, found: Found, decimal: str) -> pd.DataFrame:
    """What stands below the header, with columns 0, 1, ..."""
    count = len(found.names)
    header = found.separator.join(map(str, range(count)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                io.StringIO(f"{header}\n{body}" + "\n" * bool(body)),
                sep=found.separator,
                decimal=decimal,
                header=0,
                names=list(range(count)),
                index_col=False,
                skip_blank_lines=False,
                skipinitialspace=True,
                low_memory=False,
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
        raise DataError(f"{name}: not a table of {count} columns ({_reason(str(error), found)}") from error


def _reason(error: str, found: Found) -> str:
    """What a parser's message says, with lines of the file, and what to do."""
    advice = "give every line as many fields as the header"
    commas = f"; if commas are decimal: {_POINT}" if found.separator == "," else ""
    if match := _EXPECTED.search(error):
        return f"line {int(match[1]) + found.first - 1} has {match[2]} fields); {advice}{commas}"
    if "EOF inside string" in error:
        return f"a quote is not closed); close it, or {advice}"
    longer = next(
        (i for i in range(found.first, len(found.lines)) if _count(found.lines[i], found.separator) > len(found.names)),
        found.first,
    )
    fields = _count(found.lines[longer], found.separator)
    return f"line {longer + 1} has {fields} fields); {advice}{commas}"


def _numbered(name: str, below: list[str], first: int, records: int) -> pd.Index:
    """Line of each record; one with a line break in quotes covers several."""
    if len(below) == records:
        return pd.RangeIndex(first, first + records)
    odd = np.array([line.count('"') % 2 for line in below], dtype=np.int64)
    starts = np.flatnonzero((np.cumsum(odd) - odd) % 2 == 0) if below != [""] else np.array([], dtype=np.int64)
    if len(starts) != records:
        raise DataError(f'{name}: {records} rows in {len(below)} lines; close or remove the quotes (") in the fields')
    return pd.Index(starts + first)


def _decimal(name: str, body: str, found: Found) -> str:
    """The decimal mark of a file; with commas between fields, a point.

    Raises:
        DataError: the file has both, or marks that may group thousands.
    """
    if found.separator == ",":
        return "."
    comma, point = _pattern(found.separator, r"\d*,\d+"), _pattern(found.separator, r"\d*\.\d+")
    grouped = _pattern(found.separator, r"\d{1,3}(?:(?:,\d{3})+\.\d+|(?:\.\d{3})+,\d+|(?:,\d{3}){2,}|(?:\.\d{3}){2,})")
    if match := grouped.search(body):
        raise _ambiguous(name, body, found, match, "groups thousands")
    if not (with_comma := comma.search(body)):
        return "."
    if "." in body and (with_point := point.search(body)):
        other = f"has a decimal comma, and line {_line(body, found, with_point)} a point ({with_point[1]!r})"
        raise _ambiguous(name, body, found, with_comma, other)
    thousands = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
    if found.separator != ";" and all(thousands.fullmatch(match[1]) for match in comma.finditer(body)):
        raise _ambiguous(name, body, found, with_comma, "may be a decimal number, or group thousands")
    return ","


def _pattern(separator: str, number: str) -> re.Pattern[str]:
    """A field that is such a number and nothing else."""
    mark = re.escape(separator)
    return re.compile(rf'(?:^|{mark}) *"?([+-]?{number}(?:[eE][+-]?\d+)?)"? *(?={mark}|$)', re.MULTILINE)


def _line(body: str, found: Found, match: re.Match[str]) -> int:
    return body.count("\n", 0, match.start(1)) + found.first + 1


def _ambiguous(name: str, body: str, found: Found, match: re.Match[str], why: str) -> DataError:
    shown = printable(match[1][:SHOWN])
    return DataError(
        f"{name}: line {_line(body, found, match)}: {shown!r} {why}; write all numbers with a decimal point and "
        "without marks between thousands"
    )
