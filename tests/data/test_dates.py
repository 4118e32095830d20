"""Times that are ISO dates, in text, Parquet and workbooks: read as the numbers that they stand for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic_cells import data_params, life

from dlnet.data.sources import load_assets
from dlnet.errors import DataError
from tasks import BATTERY

DAYS = BATTERY.model_copy(update={"time": BATTERY.time.model_copy(update={"unit": "day"})})
HOURS = DAYS.model_copy(update={"time": DAYS.time.model_copy(update={"unit": "h", "step": 24.0, "largest_gap": 240.0})})
START = pd.Timestamp("2024-02-20T08:30:00")


def cell(days):
    capacity, slope = life(len(days), 1)
    return pd.DataFrame({"when": START + pd.to_timedelta(days, unit="D"), "Q": capacity, "dV/dt": slope})


def write(table, path):
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".parquet":
        table.to_parquet(path)
    elif path.suffix == ".xlsx":
        table.to_excel(path, index=False)
    else:
        table.to_csv(path, index=False)
    return path.parent


def load(folder, quantities=DAYS):
    return load_assets(data_params("csv", folder, time="when"), quantities)


UNEVEN = np.sort(np.random.default_rng(0).choice(np.arange(0, 90, 0.25), 40, replace=False))


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".xlsx"])
@pytest.mark.parametrize("quantities", [DAYS, HOURS], ids=["days", "hours"])
def test_dates_give_the_rows_of_the_numbers_that_they_stand_for(tmp_path, suffix, quantities):
    dates = cell(UNEVEN)
    numbers = dates.assign(when=UNEVEN * (24 if quantities is HOURS else 1))
    found = load(write(dates, tmp_path / f"dates/c{suffix}"), quantities)[0]
    expected = load(write(numbers, tmp_path / "numbers/c.csv"), quantities)[0]
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9)
    assert len(found) > 80


def test_dates_with_zones_count_in_utc(tmp_path):
    texts = ["2024-03-01T01:00:00+01:00", "2024-03-02T00:00:00Z", "2024-03-02T23:00:00-01:00"]
    found = load(write(cell(np.arange(3.0)).assign(when=texts), tmp_path / "cells/c.csv"))[0]
    assert found["quantity"].tolist() == cell(np.arange(3.0))["Q"].tolist()


def test_a_date_of_a_far_year_is_a_gap_and_no_crash(tmp_path):
    texts = ["2024-03-01", "2024-03-02", "2524-03-03"]
    _, source = load(write(cell(np.arange(3.0)).assign(when=texts), tmp_path / "cells/c.csv"))
    assert any("2524-03-03" in note for note in source.notes)


def test_a_gap_between_dates_is_named_by_its_dates(tmp_path):
    notes = load(write(cell(np.r_[0:20.0, 40:60.0]), tmp_path / "cells/c.csv"))[1].notes
    assert "c: no rows between 2024-03-10T08:30:00 and 2024-03-31T08:30:00; bridged by a straight line." in notes


@pytest.mark.parametrize(
    ("row", "text", "words"),
    [
        (3, "2024-02-20T08:30:00", "'when': 2024-02-20T08:30:00+00:00 after 2024-02-22"),
        (3, "soon", "line 5, column 'when': 'soon' is no finite number and no ISO date"),
        (3, "", "line 5, column 'when': empty; write the time of the row"),
        (3, "12.5", "is not a number"),
        (3, "21.02.2024", "'21.02.2024' is no finite number and no ISO date"),
    ],
)
def test_a_date_that_cannot_be_is_one_line(tmp_path, row, text, words):
    table = cell(np.arange(10.0)).astype({"when": str})
    table.loc[row, "when"] = text
    with pytest.raises(DataError) as caught:
        load(write(table, tmp_path / "cells/c.csv"))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_where_a_step_is_no_time_dates_are_refused_with_the_remedy(tmp_path):
    with pytest.raises(DataError, match=r"c\.csv: line 2 .*'when': a date, but .* one cycle, which is no unit of time"):
        load(write(cell(np.arange(10.0)), tmp_path / "cells/c.csv"), BATTERY)
