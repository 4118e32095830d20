"""``data.csv.include`` names the rows that are ageing cycles; nothing but a comparison can be written there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_cells import data_params, write_cells

from dlnet.data.include import included
from dlnet.data.sources import load_assets
from dlnet.errors import DataError
from tasks import BATTERY

FILE = Path("cell.csv")


def table():
    columns = {
        "step": ["age", "rpt", "age", "age", None],
        "C rate": [1.0, 0.05, 1.0, np.nan, 2.0],
        "cycle": [1, 2, 3, 4, 5],
        "flag": ["yes", "no", "Yes ", "no", "yes"],
        "bit": [1, 0, 1, 0, 1],
        "truth": [True, False, True, False, True],
        "class": ["a", "a", "b", "b", "b"],
    }
    return pd.DataFrame(columns, index=range(2, 7))


@pytest.mark.parametrize(
    ("include", "rows"),
    [
        ("step == 'age'", [0, 2, 3]),
        ('step != "rpt"', [0, 2, 3]),
        ("`C rate` >= 1", [0, 2, 4]),
        ("`class` == 'b'", [2, 3, 4]),
        ("step == 'age' and `C rate` <= 1", [0, 2]),
        ("cycle < 2 or cycle > 4", [0, 4]),
        ("not cycle == 3", [0, 1, 3, 4]),
        ("2 <= cycle < 5", [1, 2, 3]),
        ("cycle % 2 == 1 and cycle * 2 - 1 > -cycle", [0, 2, 4]),
        ("cycle in [1, 5]", [0, 4]),
        ("cycle not in (1, 5)", [1, 2, 3]),
        ("step == '`x`' or cycle == 2", [1]),
        ("truth", [0, 2, 4]),
        ("flag", [0, 2, 4]),
        ("bit", [0, 2, 4]),
        ("truth and cycle > 1", [2, 4]),
        ("True", [0, 1, 2, 3, 4]),
    ],
)
def test_a_query_or_a_flag_chooses_rows(include, rows):
    assert np.flatnonzero(included(FILE, table(), include)).tolist() == rows


@pytest.mark.parametrize(
    ("include", "words"),
    [
        ("cycle >", "cannot be read"),
        ("cycle == 1; cycle", "cannot be read"),
        ("'" * 3, "cannot be read"),
        ("cycle", "column 'cycle' (data.csv.include): '2' is no flag"),
        ("step", "column 'step' (data.csv.include): 'age' is no flag"),
        ("cycle + 1", "is no comparison"),
        ("kind == 1", "no column 'kind', only 'step', 'C rate'"),
        ("step == 5", "are text and number"),
        ("step + 1 == 2", "is text, and cannot be reckoned with"),
        ("cycle.values == 1", "is not understood"),
        ("len(step) == 1", "is not understood"),
        ("__import__('os').system('true') == 0", "is not understood"),
        ("@cycle == 1", "cannot be read"),
        ("step[0] == 'age'", "is not understood"),
        ("cycle ** 9 == 1", "is not understood"),
        ("[c for c in cycle] == 1", "is not understood"),
        ("(lambda: cycle)() == 1", "is not understood"),
        ("cycle is 1", "only ==, !=, <, <=, >, >="),
        ("cycle & 1", "is not understood"),
        ("-" * 500 + "1 == cycle", "nested too deeply"),
        ("cycle == 1 or " * 100 + "cycle == 2", "longer than 1000 characters"),
        ("cycle > 99", "includes none of its 5 rows"),
    ],
)
def test_what_is_no_query_ends_in_one_line(include, words):
    with pytest.raises(DataError) as failure:
        included(FILE, table(), include)
    assert words in str(failure.value)
    assert str(failure.value).startswith("cell.csv: ")
    assert "\n" not in str(failure.value)


@settings(deadline=None)
@given(st.text("abcycle 0123()[]`'\"=<>!.@,+-*/%~&|^:;{}\\\n\0_", max_size=60))
def test_any_text_gives_rows_or_one_line(text):
    try:
        chosen = included(FILE, table(), text)
    except DataError as error:
        assert "\n" not in str(error)
    else:
        assert chosen.shape == (5,)


def folder_with_tests(folder):
    """Cells whose every eighth row is a reference test, marked in a column."""
    write_cells(folder)
    for path in folder.iterdir():
        rows = pd.read_csv(path)
        test = np.arange(len(rows)) % 8 == 3
        rows.assign(Q=rows["Q"] - 0.4 * test, kind=np.where(test, "rpt", "age")).to_csv(path, index=False)
    return folder


def test_rows_that_are_no_ageing_cycles_are_left_out_and_counted(tmp_path):
    folder = folder_with_tests(tmp_path / "cells")
    own, record = load_assets(data_params("csv", folder, include="kind == 'age'"), BATTERY)
    alone, _ = load_assets(data_params("csv", write_cells(tmp_path / "alone")), BATTERY)
    kept = alone[alone["row"] % 8 != 3]
    assert own["quantity"].tolist() == kept["quantity"].tolist()
    assert own.groupby("asset")["row"].max().tolist() == (kept.groupby("asset").size() - 1).tolist()
    found = [one for one in record.findings if one.kind.value == "rows not included"]
    assert len(found) == 6
    assert found[0].text.startswith("5 of 41 rows of the file are no ageing cycles")
    assert found[0].rows[0] == (4, 4)
    assert record.columns.include == "kind == 'age'"
