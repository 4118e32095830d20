"""Damaged tables and odd names of a user's files end in one line."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from dlnet.config.data import CsvParams
from dlnet.data import tablefiles
from dlnet.data.documents import TableLabel
from dlnet.data.own import asset_files
from dlnet.data.schema import read_label, read_table, write_table
from dlnet.errors import DataError, DLNetError

ROWS = 40
LABEL = TableLabel(task="battery", label="x", simulated=False, notes=())


@pytest.fixture
def table(tmp_path):
    rows = pd.DataFrame({"asset": "a", "group": "g", "row": np.arange(ROWS, dtype=np.int64), "nominal": 1.1})
    rows["quantity"], rows["feature"] = np.linspace(1, 0.8, ROWS), np.arange(ROWS) * 0.1
    write_table(tmp_path / "t.parquet", rows, LABEL)
    return tmp_path / "t.parquet"


def damaged(content, rng):
    if rng.random() < 0.2:
        return content[: rng.integers(len(content))]
    out = bytearray(content)
    first = 0 if rng.random() < 0.4 else len(out) // 2  # the second half is the description of the table
    for _ in range(rng.integers(1, 4)):
        out[rng.integers(first, len(out))] ^= 1 << int(rng.integers(8))
    return bytes(out)


def test_a_small_file_takes_little_memory(tmp_path):
    (tmp_path / "a.csv").write_text("capacity\n1.1\n1.0\n")
    tablefiles.read_table(tmp_path / "a.csv")  # imports what it needs
    tracemalloc.start()
    tablefiles.read_table(tmp_path / "a.csv")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_a_damaged_table_is_read_or_refused_in_one_line(table):
    content, rng, refused = table.read_bytes(), np.random.default_rng(0), 0
    for _ in range(250):
        table.write_bytes(damaged(content, rng))
        for read in (read_table, read_label):
            try:
                read(table)
            except DLNetError as error:
                refused += 1
                assert str(error).isprintable()
    assert refused > 200


def test_a_table_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "t.parquet").mkdir()
    with pytest.raises(DataError, match=r"t\.parquet: "):
        read_table(tmp_path / "t.parquet")


def test_a_table_beyond_the_memory_is_refused_unread(table, monkeypatch):
    monkeypatch.setattr("dlnet.data.schema.LARGEST", 39)
    with pytest.raises(DataError, match="states 40 rows"):
        read_table(table)


@pytest.mark.parametrize("name", ["a\nb.csv", "\x1b[2J.csv", "deep\t/c.csv"])
def test_a_control_character_in_the_name_of_a_file_is_refused(tmp_path, name):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    with pytest.raises(DataError, match="a control character in its name; rename it") as caught:
        asset_files(tmp_path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("text", ["a\nb", "\x1b[2J", "\u2028", "x" * 301])
def test_a_label_is_one_line(text):
    with pytest.raises(ValidationError):
        TableLabel(task="battery", label=text, simulated=False, notes=())
    with pytest.raises(ValidationError):
        CsvParams(target="Q", unit=None, nominal=None, time=None, features={text: "I"})


def test_a_note_is_one_line_of_any_length():
    assert TableLabel(task="battery", label="x", simulated=False, notes=("n" * 5000,)).notes
    with pytest.raises(ValidationError):
        TableLabel(task="battery", label="x", simulated=False, notes=("a\nb",))
