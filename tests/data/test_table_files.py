"""The reader of table files: the same numbers in any dialect and format, and one line for what cannot be read."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zipfile
from datetime import datetime
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dlnet.data.csvfiles import Columns, read_rows
from dlnet.data.tablefiles import SUFFIXES, column_names, read_table
from dlnet.errors import DataError

NUMBERS = np.random.default_rng(3).normal(2.0, 0.1, 40).round(14)  # openpyxl writes 16 digits
NAMES = ["cycle", "Discharge Capacity (Ah)", "note"]
CASE = "cycle,capacity_ah\r1,1.9981\r2,1.9973\r3,1.9962\r"


def table(numbers=NUMBERS):
    cycles = np.arange(1, len(numbers) + 1)
    return pd.DataFrame(dict(zip(NAMES, (cycles, numbers, ["kept"] * len(numbers)), strict=True)))


def text(separator=",", decimal=".", end="\n", rows=None):
    rows = table() if rows is None else rows
    lines = [separator.join(f'"{name}"' for name in rows)]
    for values in rows.itertuples(index=False):
        fields = (repr(float(v)).replace(".", decimal) if isinstance(v, float) else str(v) for v in values)
        lines.append(separator.join(fields))
    return end.join(lines) + end


def workbook(rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def parquet(rows):
    content = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pandas(rows, preserve_index=False), content)
    return content.getvalue()


DIALECTS = {
    "LF": text().encode(),
    "CRLF": text(end="\r\n").encode(),
    "CR": text(end="\r").encode(),
    "byte-order mark": text().encode("utf-8-sig"),
    "UTF-16": text().encode("utf-16"),
    "UTF-16, other order": b"\xfe\xff" + text().encode("utf-16-be"),
    "UTF-16, CR, tabs": text("\t", end="\r").encode("utf-16"),
    "semicolons": text(";").encode(),
    "semicolons, decimal comma": text(";", ",").encode(),
    "tabs": text("\t").encode(),
    "tabs, decimal comma": text("\t", ",").encode(),
    "bars": text("|").encode(),
    "bars, decimal comma": text("|", ",").encode(),
    "stated separator": ("sep=;\r\n" + text(";", ",", "\r\n")).encode(),
    "comments above": ("# of the lab\n% second\n\n" + text()).encode(),
    "exported header": ("Test name: x\nOperator,Z\n\n" + text()).encode(),
    "no end of the last line": text().rstrip().encode(),
    "Excel": workbook([NAMES, *table().itertuples(index=False)]),
    "Parquet": parquet(table()),
}


def written(folder, content, name="cell.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def message(path, read=read_table):
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value).isprintable()
    assert str(caught.value).startswith(str(path))
    return str(caught.value)


@pytest.mark.parametrize("suffix", [".csv", ".txt", ".tsv"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_same_numbers_give_the_same_table_to_the_bit(tmp_path, dialect, suffix):
    read = read_table(written(tmp_path, DIALECTS[dialect], f"cell{suffix}"))
    assert list(read.columns) == NAMES
    assert read["cycle"].dtype == np.int64
    assert read[NAMES[1]].to_numpy().tobytes() == NUMBERS.tobytes()
    assert read["cycle"].tolist() == list(range(1, 41))
    assert read["note"].tolist() == ["kept"] * 40


@pytest.mark.parametrize("dialect", DIALECTS)
def test_names_of_columns_need_no_option(tmp_path, dialect):
    assert column_names(written(tmp_path, DIALECTS[dialect])) == NAMES


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers=st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=8))
def test_any_number_is_the_same_to_the_bit_in_every_format(tmp_path, numbers):
    rows = table(np.asarray([float(f"{number:.15g}") for number in numbers]))
    contents = [
        text(rows=rows),
        text(";", ",", "\r", rows),
        workbook([NAMES, *rows.itertuples(index=False)]),
        parquet(rows),
    ]
    first, *others = (read_table(written(tmp_path, content)) for content in contents)
    assert first[NAMES[1]].tolist() == rows[NAMES[1]].tolist()
    for other in others:
        pd.testing.assert_frame_equal(first, other, check_exact=True)


def test_a_file_with_carriage_returns_alone_is_read(tmp_path):
    rows = read_rows(written(tmp_path, CASE), Columns("capacity_ah", "Ah", None, {}), 1.0)
    assert rows["quantity"].tolist() == [1.9981, 1.9973, 1.9962]
    assert rows.index.tolist() == [2, 3, 4]


@pytest.mark.parametrize("header", ["x" * 200_000 + ",Q", '"a\nb",Q', '"a ""b""",Q', "a\x0b,Q", "\u2028,Q"])
def test_a_header_that_other_readers_refuse_is_read(tmp_path, header):
    path = written(tmp_path, f"{header}\n1.5,1.9\n")
    assert read_table(path)["Q"].tolist() == [1.9]
    assert column_names(path)[1] == "Q"


def test_the_index_is_the_line_in_the_file(tmp_path):
    path = written(tmp_path, '# one\n\ncycle,note,Q\n1,"two\nlines",1.9\n2,,1.8\n')
    assert read_table(path).index.tolist() == [4, 6]
    assert read_table(path).attrs["header"] == 3


def test_what_was_skipped_above_the_header_is_noted(tmp_path):
    for above, lines in (
        ("# one\n", "line 1"),
        ("# one\n% two\n", "lines 1 to 2"),
        ("Test: 1\nBy: Z\n\n", "lines 1 to 2"),
    ):
        path = written(tmp_path, above + "cycle,Q\n1,1.9\n2,1.8\n")
        assert read_table(path).attrs["notes"] == [f"{path}: skipped above the header: {lines}."]
        assert list(read_table(path)) == ["cycle", "Q"]


def test_a_comment_right_above_the_numbers_is_their_header(tmp_path):
    assert list(read_table(written(tmp_path, "# by Z\n# cycle,Q\n1,1.9\n2,1.8\n"))) == ["cycle", "Q"]


def test_decimal_commas_in_names_do_not_count_as_separators(tmp_path):
    read = read_table(written(tmp_path, "Zeit, h;Q, Ah\n1,5;1,9\n2,5;1,8\n"))
    assert {name: read[name].tolist() for name in read} == {"Zeit, h": [1.5, 2.5], "Q, Ah": [1.9, 1.8]}


def test_dates_and_truth_values_are_text_in_every_format(tmp_path):
    rows = [["date", "flag", "Q"], [datetime(2024, 3, 1), True, 1.9]]
    excel = read_table(written(tmp_path, workbook(rows)))
    assert excel.iloc[0].tolist() == ["2024-03-01", "True", 1.9]
    assert read_table(written(tmp_path, "date,flag,Q\n2024-03-01,True,1.9\n"))["flag"].tolist() == ["True"]
    own = pd.DataFrame({"date": [pd.Timestamp(2024, 3, 1)], "flag": [True], "Q": [1.9]})
    assert read_table(written(tmp_path, parquet(own))).iloc[0].tolist() == ["2024-03-01", "True", 1.9]


REFUSED = {
    "decimal commas between commas": ("cycle,Q\n1,1,998\n2,1,997\n", ["line 2 has 3 fields", "if commas are decimal"]),
    "one column of decimal commas": ("Q\n1,998\n1,997\n", ["line 2 has 2 fields", "separate columns by semicolons"]),
    "a decimal comma below no name": ("cycle,Q,\n1,1,998\n2,1,997\n", ["line 2: a value below no name, or a decimal"]),
    "both decimal marks": ("cycle;Q;V\n1;1,998;3.6\n", ["line 2: '1,998' has a decimal comma, and line 2 a point"]),
    "grouped thousands": ("cycle;Q\n1;1.998,5\n2;1.997,5\n", ["line 2: '1.998,5' groups thousands"]),
    "thousands or decimals": ("cycle\tQ\n1\t1,998\n2\t1,997\n", ["line 2: '1,998' may be a decimal number, or group"]),
    "Latin-1": ("cycle,Q\n1,1.9\n2,1.8 °C\n".encode("latin-1"), ["line 3: not UTF-8 text (byte 0xb0)", "in UTF-8"]),
    "Latin-1, CR": ("cycle,Q\r1,1.9\r2,1.8 °C\r".encode("latin-1"), ["line 3: not UTF-8 text"]),
    "UTF-16 without a mark": ("cycle,Q\n1,1.9\n".encode("utf-16-le"), ["line 1: a NUL character"]),
    "half a UTF-16 character": (b"\xff\xfea\0,\0b", ["not UTF-16 text"]),
    "a NUL": (b"cycle,Q\n1,1.9\n2,\x001.8\n", ["line 3: a NUL character"]),
    "an open quote": ('cycle,Q\n1,"1.9\n2,1.8\n', ["a quote is not closed"]),
    "an open quote in the header": ('"cycle,Q\n1,1.9\n2,1.8\n', ["line 1: no header that can be read"]),
    "a long line behind a comment": ("# x\ncycle,Q\n1,1.9\n2,1.8,3\n", ["line 4 has 3 fields"]),
    "nothing": ("\ufeff \n\r\n", ["empty; put a header"]),
    "comments alone": ("# cycle\n% Q\n", ["only comments"]),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ["an old Excel file (.xls), or one with a password"]),
    "an archive": (b"PK\x03\x04 and more", ["damaged, or not an Excel workbook"]),
    "a damaged Parquet file": (b"PAR1 and more", ["not a Parquet file; save it again"]),
    "an empty workbook": (workbook([]), ["a workbook without rows"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_in_one_way_is_refused_in_one_line(tmp_path, name):
    content, fragments = REFUSED[name]
    found = message(written(tmp_path, content))
    for fragment in fragments:
        assert fragment in found


@pytest.mark.parametrize(
    "content", ["Q;n\n1.234,5;1\n", "Q;n\n1.234.567;1\n", "Q\tn\n1,234,567\t1\n", "Q|n\n1,234.5|1\n"]
)
def test_marks_between_thousands_are_refused(tmp_path, content):
    assert "line 2" in message(written(tmp_path, content))


@pytest.mark.parametrize("suffix", [".xlsx", ".parquet"])
def test_a_text_under_the_name_of_another_format_is_refused(tmp_path, suffix):
    assert "not a" in message(written(tmp_path, CASE, f"cell{suffix}"))


def test_a_workbook_of_several_filled_sheets_is_refused_by_their_names(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["Q"])
    book.create_sheet("more").append(["Q"])
    book.save(tmp_path / "cell.xlsx")
    assert "2 sheets hold rows ('Sheet', 'more')" in message(tmp_path / "cell.xlsx")


def test_a_cell_far_from_the_table_does_not_take_the_memory(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["Q"])
    book.active.cell(1_048_576, 16_384, 1.0)
    book.save(tmp_path / "cell.xlsx")
    assert "1,048,576 rows and 16,384 columns" in message(tmp_path / "cell.xlsx")


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "cell.xlsx", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a", "w") as part:
        for _ in range(1025):
            part.write(bytes(1 << 20))
    assert "bytes when unpacked" in message(tmp_path / "cell.xlsx")


def test_a_folder_a_missing_file_and_a_device_are_named(tmp_path):
    assert message(tmp_path).endswith("a folder; name a file in it")
    assert message(tmp_path / "x.csv").endswith("no such file")
    assert message(Path("/dev/null")).endswith("not a plain file; name one that is")


def test_a_file_beyond_the_memory_is_refused_unread(tmp_path):
    with written(tmp_path, CASE).open("ab") as stream:
        stream.truncate(2**30 + 1)
    assert "over 1,073,741,824 bytes" in message(tmp_path / "cell.csv")


def test_a_comment_between_rows_is_named(tmp_path):
    path = written(tmp_path, "Q\n1.9\n# paused\n1.8\n")
    found = message(path, lambda path: read_rows(path, Columns("Q", "Ah", None, {}), 1.0))
    assert found == f"{path}: line 3 (data row 2), column 'Q': '# paused' is not a number; a comment? delete the line"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("cycle Q\n1 1.9\n2 1.8\n", "the file has one column: separate columns by commas, semicolons or tabs"),
        ("cycle,q\n1,1.9\n", "'q' is close: correct the header"),
        ("Name,x\ncycle,Q\n1,1.9\n", "line 2 seems to be the header: delete the lines above it"),
        ("cycle,Q\n-,Ah\n1,1.9\n", "'Ah' is not a number; write a plain number (with a decimal point) or delete the"),
        ('cycle,Q\n1,"1,998"\n', "'1,998' is not a number; write numbers with a decimal point and without marks"),
    ],
    ids=["one column", "another case", "lines above", "a row of units", "a quoted decimal comma"],
)
def test_a_column_that_cannot_be_used_comes_with_its_remedy(tmp_path, content, words):
    assert words in message(written(tmp_path, content), lambda path: read_rows(path, Columns("Q", "Ah", None, {}), 1.0))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=60)
    | st.text("aQ1.,;\t|\"'#%\r\n +-eE\x0b\u2028", max_size=60).map(str.encode)
    | st.text(max_size=30).map(lambda text: text.encode("utf-16", "surrogatepass")),
    suffix=st.sampled_from(SUFFIXES),
)
@example(content=b"PK\x05\x06" + bytes(18), suffix=".xlsx")
def test_any_bytes_are_a_table_or_one_line(tmp_path, content, suffix):
    path = written(tmp_path, content, f"cell{suffix}")
    for read in (read_table, column_names):
        try:
            read(path)
        except DataError as error:
            assert str(error).isprintable()


@pytest.mark.parametrize("dialect", ["Excel", "Parquet", "UTF-16", "semicolons, decimal comma"])
def test_a_damaged_file_is_a_table_or_one_line(tmp_path, dialect):
    rng, refused = np.random.default_rng(0), 0
    for _ in range(120):
        damaged = bytearray(DIALECTS[dialect])
        for place in rng.integers(0, len(damaged), 3):
            damaged[place] ^= 1 << int(rng.integers(8))
        try:
            read_table(written(tmp_path, bytes(damaged)))
        except DataError as error:
            refused += 1
            assert str(error).isprintable()
    assert refused or not dialect.startswith(("Excel", "Parquet"))


def test_a_sheet_of_damaged_markup_is_a_table_or_one_line(tmp_path):
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(io.BytesIO(DIALECTS["Excel"])) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for _ in range(120):
        with zipfile.ZipFile(tmp_path / "cell.xlsx", "w") as archive:
            for name, part in parts.items():
                damaged = bytearray(part)
                for place in rng.integers(0, len(damaged), 2 if re.search("sheet1|workbook|Strings", name) else 0):
                    damaged[place] ^= 1 << int(rng.integers(7))
                archive.writestr(name, bytes(damaged))
        try:
            read_table(tmp_path / "cell.xlsx")
        except DataError as error:
            assert str(error).isprintable()


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress, lzma.compress], ids=["gzip", "bzip2", "xz"])
def test_a_packed_file_is_named_as_such(tmp_path, packed):
    path = tmp_path / "cell.csv"
    path.write_bytes(packed(b"Q,I\n1,2\n"))
    with pytest.raises(DataError, match=r"cell.csv: packed with (gzip|bzip2|xz); unpack it"):
        read_table(path)


TITLES = {
    "padded": "Report,,\nOperator,Bob,\n\nNo,Q,I\n1,1.9,3\n2,1.8,4\n",
    "padded with semicolons": "Report;;\nOperator;Bob;\n;;\nNo;Q;I\n1;1.9;3\n2;1.8;4\n",
    "with a number": "Nominal,2.0,\nNo,Q,I\n1,1.9,3\n2,1.8,4\n",
}


@pytest.mark.parametrize("name", TITLES)
def test_titles_as_wide_as_the_table_are_skipped_and_noted(tmp_path, name):
    path = tmp_path / "cell.csv"
    path.write_text(TITLES[name])
    table = read_table(path)
    assert list(table.columns) == ["No", "Q", "I"]
    assert table["Q"].tolist() == [1.9, 1.8]
    assert "skipped above the header" in table.attrs["notes"][0]


def test_titles_in_a_workbook_are_skipped_and_noted(tmp_path):
    book = openpyxl.Workbook()
    for row in (["Cycling report"], ["Operator", "Bob"], [], ["No", "Q", "I"], [1, 1.9, 3], [2, 1.8, None]):
        book.active.append(row)
    book.save(tmp_path / "cell.xlsx")
    table = read_table(tmp_path / "cell.xlsx")
    assert list(table.columns) == ["No", "Q", "I"]
    assert table.index.tolist() == [5, 6]
    assert table["I"].isna().tolist() == [False, True]
