"""A user's own folder: what is read from it, and the error for each kind of bad input."""

from __future__ import annotations

import re
import shutil

import numpy as np
import pandas as pd
import pytest
from synthetic_cells import data_params, life, write_cells

from dlnet.data.sources import load_assets
from dlnet.errors import ConfigError, DataError
from tasks import BATTERY


def edit(line, old, new):
    """A change of one field in a line (from 1) of cell-2.csv."""

    def change(folder):
        path = folder / "cell-2.csv"
        lines = path.read_text().splitlines()
        fields = lines[line - 1].split(",")
        fields[old] = new
        lines[line - 1] = ",".join(fields)
        path.write_text("\n".join(lines) + "\n")

    return change


def scale(factor):
    def change(folder):
        table = pd.read_csv(folder / "cell-2.csv")
        table.assign(Q=table["Q"] * factor).to_csv(folder / "cell-2.csv", index=False)

    return change


def write(content):
    return lambda folder: (folder / "cell-2.csv").write_bytes(content)


def copy(name):
    def change(folder):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(folder / "cell-1.csv", folder / name)

    return change


def namesake(folder):
    (folder / "more").mkdir()
    capacity, slope = life(50, 99)
    pd.DataFrame({"Q": capacity, "dV/dt": slope}).to_csv(folder / "more" / "cell-1.csv", index=False)


def empty(folder):
    for path in folder.iterdir():
        path.unlink()


def file_for_folder(folder):
    shutil.rmtree(folder)
    folder.write_text("Q,dV/dt\n1.9,0.1\n")


LINE_3 = "cell-2.csv: line 3 (data row 2), column "
BAD = {
    "missing column": (edit(1, 1, "Qd"), ["cell-2.csv: line 1: no column 'Q'", "'Qd'", "correct the header"]),
    "missing feature": (edit(1, 2, "slope"), ["cell-2.csv: line 1: no column 'dV/dt'"]),
    "blanks": (write(b"Q dV/dt\n1 2\n"), ["no column 'Q'", "separate columns by commas, semicolons or tabs"]),
    "column twice": (edit(1, 0, "Q"), ["cell-2.csv: line 1: column 'Q' occurs 2 times"]),
    "text in a capacity": (edit(3, 1, "n/v"), [LINE_3 + "'Q': 'n/v' is not a number"]),
    "text in a feature": (edit(3, 2, "high"), [LINE_3 + "'dV/dt': 'high' is not a number"]),
    "a truth value": (edit(3, 1, "True"), [LINE_3 + "'Q': 'True' is not a number"]),
    "NaN capacity": (edit(3, 1, "NaN"), [LINE_3 + "'Q': empty, or not a number"]),
    "blank line": (
        write(b"Q,dV/dt\n1.9,0.1\n\n1.8,0.1\n"),
        [LINE_3 + "'Q': empty", "delete the line"],
    ),
    "infinite": (edit(3, 1, "inf"), [LINE_3 + "'Q': infinite"]),
    "infinite feature": (edit(3, 2, "-inf"), [LINE_3 + "'dV/dt': infinite"]),
    "negative capacity": (edit(3, 1, "-1.9"), [LINE_3 + "'Q': a capacity of -1.9 Ah is not above zero"]),
    "zero capacity": (edit(3, 1, "0"), [LINE_3 + "'Q': a capacity of 0 Ah is not above zero"]),
    "one value in mAh": (
        edit(3, 1, "1900"),
        [LINE_3 + "'Q': a capacity of 1900 Ah is 950 x the nominal 2 Ah"],
    ),
    "column in mAh": (
        scale(1000),
        ["cell-2.csv: line 2", "'Q'", "set data.csv.unit: mAh", "more lines like it"],
    ),
    "column in kAh": (
        scale(0.001),
        ["cell-2.csv: line 2", "'Q'", "check data.csv.unit and data.csv.nominal"],
    ),
    "same content": (copy("z.csv"), ["z.csv: the same content as", "cell-1.csv; delete one"]),
    "same content below": (copy("more/other.csv"), ["other.csv: the same content as", "cell-1.csv"]),
    "same name": (namesake, ["more/cell-1.csv: the same name as", "rename one"]),
    "empty file": (write(b"\n \n"), ["cell-2.csv: empty; put a header"]),
    "header only": (write(b"Q,dV/dt\n"), ["cell-2.csv: a header but no rows"]),
    "Latin-1": (
        write("Q,dV/dt\n1.9,0.1\n1.9,0.1 \xb0C\n".encode("latin-1")),
        ["cell-2.csv: line 3: not UTF-8", "0xb0"],
    ),
    "UTF-16 without a mark": (
        write("Q,dV/dt\n1.9,0.1\n".encode("utf-16-le")),
        ["cell-2.csv: line 1: a NUL character, so not UTF-8 text"],
    ),
    "long line": (
        write(b"Q,dV/dt\n1.9,0.1\n1.9,0.1,7\n"),
        ["cell-2.csv: not a table of 2 columns", "line 3"],
    ),
    "all lines long": (write(b"Q,dV/dt\n1.9,0.1,7\n1.9,0.1,7\n"), ["cell-2.csv: not a table of 2 columns"]),
    "a file in place of the folder": (file_for_folder, ["cells: a file, and data.path (params.yaml) names a folder"]),
    "empty folder": (empty, ["cells: no file of a table in it (.csv, "]),
    "missing folder": (shutil.rmtree, ["cells: no such folder; data.path must name a folder"]),
}


UNSTATED = "tasks/battery.yaml states no unit of slope: firmware and cards show '?'."


@pytest.mark.parametrize("name", BAD)
def test_a_bad_input_is_an_error_of_one_line(tmp_path, name):
    change, fragments = BAD[name]
    folder = write_cells(tmp_path / "cells")
    change(folder)
    with pytest.raises(DataError) as caught:
        load_assets(data_params("csv", folder), BATTERY)
    message = str(caught.value)
    assert "\n" not in message
    for fragment in fragments:
        assert fragment in message


def test_a_column_in_ah_declared_as_mah_is_named(tmp_path):
    folder = write_cells(tmp_path / "cells")
    with pytest.raises(DataError, match=r"cell-1.csv: line 2 .*'Q'.* 2.0\d* mAh is .* set data.csv.unit: Ah"):
        load_assets(data_params("csv", folder, unit="mAh"), BATTERY)


@pytest.mark.parametrize("name", ["health", "target", "SoH", "time", "asset", "row", "nominal", "quantity"])
def test_a_reserved_name_is_rejected_for_a_feature(tmp_path, name):
    folder = write_cells(tmp_path / "cells")
    with pytest.raises(ConfigError, match=rf"data.csv.features: the name '{name}' is reserved"):
        load_assets(data_params("csv", folder, features={name: "dV/dt"}), BATTERY)


def test_cells_are_read_unchanged_in_natural_order(tmp_path):
    folder = write_cells(tmp_path / "cells", count=11)
    table, source = load_assets(data_params("csv", folder), BATTERY)
    assert list(table.columns) == ["asset", "group", "row", "nominal", "quantity", "slope"]
    assert list(dict.fromkeys(table["asset"])) == [f"cell-{i}" for i in range(1, 12)]
    third = table[table["asset"] == "cell-3"]
    np.testing.assert_allclose(third["quantity"], life(43, 3)[0], rtol=1e-15)
    np.testing.assert_allclose(third["slope"], life(43, 3)[1], rtol=1e-15)
    assert third["row"].tolist() == list(range(43))
    assert source.content() == {
        "source": "csv",
        "simulated": False,
        "label": "own cells: cells",
        "task": "battery",
        "assets": 11,
        "rows": sum(range(41, 52)),
        "nominal": [2.0],
        "notes": [UNSTATED],
        "findings": [],
        "columns": {"target": "Q", "unit": "Ah", "time": None, "features": {"slope": "dV/dt"}, "labels": "all"}
        | dict.fromkeys(("cycle", "asset", "parts", "include")),
    }


def test_milliampere_hours_become_ampere_hours(tmp_path):
    folder = write_cells(tmp_path / "cells", count=1)
    scaled = pd.read_csv(folder / "cell-1.csv")
    scaled.assign(Q=scaled["Q"] * 1000).to_csv(folder / "cell-1.csv", index=False)
    table, _ = load_assets(data_params("csv", folder, unit="mAh"), BATTERY)
    np.testing.assert_allclose(table["quantity"], life(41, 1)[0], rtol=1e-12)


def test_a_folder_of_folders_gives_groups(tmp_path):
    write_cells(tmp_path / "cells" / "cold", count=1)
    (tmp_path / "cells" / "cold" / "cell-1.csv").rename(tmp_path / "cells" / "cold" / "a.csv")
    write_cells(tmp_path / "cells", count=3).joinpath("cell-1.csv").unlink()
    table, _ = load_assets(data_params("csv", tmp_path / "cells"), BATTERY)
    groups = table.groupby("asset", sort=False)["group"].first().to_dict()
    assert groups == {"cell-2": "all", "cell-3": "all", "a": "cold"}


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbfQ,dV/dt\n1.9,0.1\n", b"Q, dV/dt\r\n1.9, 0.1\r\n\r\n\r\n", b'"Q","dV/dt"\n"1.9","0.1"'],
    ids=["byte-order mark", "spaces and Windows line ends", "quotes, no end of line"],
)
def test_harmless_variants_are_read(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    table, _ = load_assets(data_params("csv", tmp_path), BATTERY)
    assert table[["quantity", "slope"]].to_numpy().tolist() == [[1.9, 0.1]]


def test_no_feature_need_be_mapped(tmp_path):
    table, _ = load_assets(data_params("csv", write_cells(tmp_path / "cells"), features={}), BATTERY)
    assert list(table.columns) == ["asset", "group", "row", "nominal", "quantity"]


def test_error_counts_the_other_bad_lines(tmp_path):
    folder = write_cells(tmp_path / "cells")
    for line in (3, 5, 8):
        edit(line, 1, "-1")(folder)
    with pytest.raises(DataError, match=re.escape("(2 more lines like it)")):
        load_assets(data_params("csv", folder), BATTERY)
