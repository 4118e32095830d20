"""The order of rows: a column of cycles that must rise, and what stands in the report where none is named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic_cells import data_params, life

from dlnet.data import order
from dlnet.data.findings import Kind
from dlnet.data.sources import load_assets
from dlnet.errors import ConfigError, DataError
from tasks import BATTERY


def written(folder, rows, name="cell-1.csv"):
    folder.mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv(folder / name, index=False)
    return folder


def cell(cycles, count=40):
    capacity, slope = life(count, 1)
    return pd.DataFrame({"No": cycles, "Q": capacity, "dV/dt": slope})


def findings(folder, **csv):
    return load_assets(data_params("csv", folder, **csv), BATTERY)[1].findings


NUMBERS = np.arange(1, 41)
AS_TEXT = sorted(NUMBERS, key=str)
DATES = [f"2024-01-{day:02d}T00:00:00" for day in range(1, 31)] + [
    f"2024-02-{day:02d}T00:00:00" for day in range(1, 11)
]

WRONG = {
    "sorted as text": (AS_TEXT, ["line 13", "2 after 19 (line 12)", "sort the file by this column, as numbers"]),
    "newest first": (NUMBERS[::-1], ["line 3", "39 after 40 (line 2)", "the newest row stands first"]),
    "begin again": (np.r_[1:21, 1:21], ["line 22", "1 after 20 (line 21)", "begin again", "data.csv.parts"]),
    "one twice": (np.r_[1:21, 20:40], ["line 22", "20 after 20 (line 21)", "the same twice", "keep one"]),
    "two exchanged": (np.r_[1, 3, 2, 4:41], ["line 4", "2 after 3 (line 3)", "out of order"]),
    "empty": ([1, None, *range(3, 41)], ["line 3", "column 'No': empty"]),
    "infinite": ([1, np.inf, *range(3, 41)], ["line 3", "'inf' is no finite number"]),
    "text": (["1", "two", *map(str, range(3, 41))], ["line 3", "'two' is no finite number and no ISO date"]),
    "dates, newest first": (DATES[::-1], ["line 3", "2024-02-09T00:00:00", "the newest row stands first"]),
    "one of the dates": ([DATES[1], DATES[0], *DATES[2:]], ["line 3", "after 2024-01-02", "out of order"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_numbers_that_do_not_rise_are_refused_in_one_line(tmp_path, name):
    cycles, fragments = WRONG[name]
    folder = written(tmp_path / "cells", cell(cycles))
    with pytest.raises(DataError) as caught:
        load_assets(data_params("csv", folder, cycle="No"), BATTERY)
    message = str(caught.value)
    assert "\n" not in message
    for fragment in ["cell-1.csv: line", "'No'", *fragments]:
        assert fragment in message


@pytest.mark.parametrize("cycles", [NUMBERS, NUMBERS / 4, DATES], ids=["numbers", "hours", "dates"])
def test_rows_in_order_are_read_as_without_the_column(tmp_path, cycles):
    folder = written(tmp_path / "cells", cell(cycles))
    with_it = load_assets(data_params("csv", folder, cycle="No"), BATTERY)[0]
    pd.testing.assert_frame_equal(with_it, load_assets(data_params("csv", folder), BATTERY)[0])


def test_rows_that_are_no_ageing_cycles_leave_no_numbers_out(tmp_path):
    rows = cell(NUMBERS).assign(kind=np.where((NUMBERS < 25) & (NUMBERS % 10 != 5), "ageing", "test"))
    folder = written(tmp_path / "cells", rows[NUMBERS != 18])
    found = findings(folder, cycle="No", include="kind == 'ageing' or No > 24")
    (gap,) = [one for one in found if one.kind == Kind.CYCLE_GAP]
    assert gap.text.startswith("1 number left out in 1 place, most from 17 to 19;")


def test_tests_before_the_first_ageing_cycle_are_known(tmp_path):
    folder = written(tmp_path / "cells", cell(NUMBERS))
    assert [one.kind for one in findings(folder, cycle="No", include="No > 20")] == [Kind.NOT_INCLUDED]


def test_numbers_left_out_are_counted(tmp_path):
    folder = written(tmp_path / "cells", cell(np.r_[1:11, 21:51]))
    (found,) = findings(folder, cycle="No")
    assert (found.kind, found.rows) == (Kind.CYCLE_GAP, ((11, 11),))
    assert "10 numbers left out in 1 place, most from 10 to 21" in found.text


def test_numbers_that_rise_by_ten_are_named(tmp_path):
    (found,) = findings(written(tmp_path / "cells", cell(NUMBERS * 10)), cycle="No")
    assert "numbers rise by 10 a row" in found.text


def test_numbers_without_a_gap_say_nothing(tmp_path):
    assert findings(written(tmp_path / "cells", cell(NUMBERS)), cycle="No") == ()


def test_a_column_that_looks_like_cycles_and_does_not_rise_is_reported(tmp_path):
    folder = written(tmp_path / "cells", cell(AS_TEXT).rename(columns={"No": "Cycle_Index"}))
    (found,) = findings(folder)
    assert found.kind is Kind.ORDER
    assert "column 'Cycle_Index' does not rise at 4 rows, first at line 13 (2 after 19)" in found.text
    assert "set data.csv.cycle: Cycle_Index" in found.text


@pytest.mark.parametrize("name", ["cycle", "Cycle_Index", "Zyklus", "cycle number", "CYCLE NO.", "n_cycle", "cycleID"])
def test_names_of_cycle_numbers_are_known(name):
    assert order.order_like(["Q", name]) == name


@pytest.mark.parametrize("name", ["capacity", "cycle_capacity", "temperature", "recycled"])
def test_other_names_are_not_taken_for_cycle_numbers(name):
    assert order.order_like([name]) is None


def test_a_feature_cannot_have_the_name_of_the_cycle(tmp_path):
    folder = written(tmp_path / "cells", cell(NUMBERS))
    with pytest.raises(ConfigError, match="the name 'cycle' is reserved"):
        load_assets(data_params("csv", folder, features={"cycle": "dV/dt"}), BATTERY)
