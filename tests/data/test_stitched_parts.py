"""One asset in several files and several in one: grouped, stitched, renumbered, overlaps used once, all listed."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from synthetic_cells import data_params, life

from dlnet.data.findings import Kind
from dlnet.data.partnames import asset_of_file
from dlnet.data.sources import load_assets
from dlnet.errors import DataError
from tasks import BATTERY

PARTS = r"(?P<asset>.+)_part\d+"


def whole(seed=1, rows=60):
    capacity, slope = life(rows, seed)
    return pd.DataFrame({"cycle": np.arange(1, rows + 1), "Q": capacity, "dV/dt": slope, "cell": f"cell-{seed}"})


def written(folder, files):
    folder.mkdir(exist_ok=True)
    for name, table in files.items():
        table.to_csv(folder / name, index=False)
    return folder


def load(folder, **csv):
    return load_assets(data_params("csv", folder, **csv), BATTERY)


def same_rows(table, asset, expected):
    rows = table[table["asset"] == asset]
    np.testing.assert_array_equal(rows["quantity"], expected["Q"])
    np.testing.assert_array_equal(rows["slope"], expected["dV/dt"])
    assert rows["row"].tolist() == list(range(len(expected)))


def kinds(source, kind):
    return [finding.text for finding in source.findings if finding.kind is kind]


def refused(folder, *fragments, **csv):
    with pytest.raises(DataError) as caught:
        load(folder, **{"cycle": "cycle", "parts": PARTS} | csv)
    message = str(caught.value)
    assert "\n" not in message
    for fragment in fragments:
        assert fragment in message


def test_several_cells_in_one_file_are_told_apart_by_a_column(tmp_path):
    mixed = pd.concat([whole(1), whole(2, 50), whole(10, 45)]).sort_values("cycle", kind="stable")
    table, source = load(written(tmp_path / "cells", {"all.csv": mixed}), asset="cell", cycle="cycle")
    assert list(dict.fromkeys(table["asset"])) == ["cell-1", "cell-2", "cell-10"]
    same_rows(table, "cell-2", whole(2, 50))
    assert "all.csv holds 3 cells." in source.notes


def test_numbers_of_channels_are_names(tmp_path):
    rows = pd.concat([whole(1).assign(cell=7), whole(2).assign(cell=12)])
    table, _ = load(written(tmp_path / "cells", {"all.csv": rows}), asset="cell")
    assert set(table["asset"]) == {"7", "12"}


def test_an_empty_name_is_refused_with_its_line(tmp_path):
    rows = whole().assign(cell=["a", None, *["a"] * 58])
    refused(
        written(tmp_path / "cells", {"all.csv": rows}), "all.csv: line 3", "'cell': empty", asset="cell", parts=None
    )


def test_parts_are_put_together_in_the_order_of_their_cycles(tmp_path):
    one = whole()
    files = {"c_part1.csv": one[40:], "c_part2.csv": one[:25], "c_part3.csv": one[25:40]}
    table, source = load(written(tmp_path / "cells", files), cycle="cycle", parts=PARTS)
    same_rows(table, "c", one)
    assert kinds(source, Kind.FILES) == [
        "stitched from 3 files: c_part2.csv (25 rows), c_part3.csv (15 rows), c_part1.csv (20 rows)"
    ]


def test_without_a_cycle_parts_stand_in_natural_order_and_the_report_says_so(tmp_path):
    one = whole()
    files = {"c_part10.csv": one[40:], "c_part2.csv": one[:40]}
    table, source = load(written(tmp_path / "cells", files), parts=PARTS)
    same_rows(table, "c", one)
    assert "in the order of their names" in kinds(source, Kind.FILES)[0]


def test_parts_that_overlap_with_nothing_to_order_them_are_refused(tmp_path):
    one = whole()
    folder = written(tmp_path / "cells", {"c_part1.csv": one[:45], "c_part2.csv": one[20:]})
    refused(folder, "c_part2.csv: 25 of its rows stand in", "c_part1.csv too", "data.csv.cycle", cycle=None)


def test_rows_that_stand_in_two_parts_are_used_once(tmp_path):
    one = whole()
    files = {"c_part1.csv": one[:35], "c_part2.csv": one[25:]}
    table, source = load(written(tmp_path / "cells", files), cycle="cycle", parts=PARTS)
    same_rows(table, "c", one)
    assert kinds(source, Kind.CUT) == ["10 rows of c_part2.csv (lines 2-11) stand in an earlier part too: used once"]


def test_rows_of_one_number_that_differ_are_refused(tmp_path):
    one = whole()
    other = one[25:].assign(Q=one["Q"] + 0.01)
    folder = written(tmp_path / "cells", {"c_part1.csv": one[:35], "c_part2.csv": other})
    refused(folder, "c_part2.csv: line 2: 26 has other values than at", "c_part1.csv: line 27")


def test_parts_whose_numbers_interleave_are_refused(tmp_path):
    one = whole()
    folder = written(tmp_path / "cells", {"c_part1.csv": one[::2], "c_part2.csv": one[1::2]})
    refused(folder, "c_part2.csv", "overlap with", "c_part1.csv", "stands in one of them alone")


def test_numbers_that_begin_again_in_numbered_files_are_continued(tmp_path):
    one = whole()
    second, third = one[20:45].assign(cycle=range(1, 26)), one[45:].assign(cycle=range(1, 16))
    files = {"c_part1.csv": one[:20], "c_part2.csv": second, "c_part10.csv": third}
    table, source = load(written(tmp_path / "cells", files), cycle="cycle", parts=PARTS)
    same_rows(table, "c", one)
    assert kinds(source, Kind.RENUMBERED) == [
        "numbers of c_part2.csv begin at 1 again: continued from 21",
        "numbers of c_part10.csv begin at 1 again: continued from 46",
    ]
    assert not kinds(source, Kind.CYCLE_GAP)


def test_parts_that_begin_alike_but_for_a_missing_value_are_one_and_the_same(tmp_path):
    one = whole()
    one.loc[0, "dV/dt"] = np.nan
    table, source = load(
        written(tmp_path / "cells", {"c_part1.csv": one[:20], "c_part2.csv": one, "d.csv": whole(2)}),
        cycle="cycle",
        parts=PARTS,
    )
    assert (table["asset"] == "c").sum() == len(one)
    assert not kinds(source, Kind.RENUMBERED)


def test_numbers_that_begin_again_where_names_say_no_order_are_refused(tmp_path):
    one = whole()
    files = {"c_warm.csv": one[:20], "c_after.csv": one[20:].assign(cycle=range(1, 41))}
    folder = written(tmp_path / "cells", files)
    refused(folder, "it is not clear which part of 'c' comes first", parts=r"(?P<asset>c)_.*")


def test_another_new_cell_is_not_taken_for_the_second_part(tmp_path):
    old = whole(1, 60)
    old["Q"] -= np.linspace(0, 0.4, 60)
    folder = written(tmp_path / "cells", {"c_part1.csv": old, "c_part2.csv": whole(2, 50)})
    refused(folder, "c_part2.csv: the numbers begin again, and so does the quantity")


def test_a_file_that_the_pattern_does_not_match_is_a_cell_of_its_own_and_named(tmp_path):
    one = whole()
    files = {"c_part1.csv": one[:20], "c_part2.csv": one[20:], "d.csv": whole(2)}
    table, source = load(written(tmp_path / "cells", files), cycle="cycle", parts=PARTS)
    same_rows(table, "d", whole(2))
    assert any(
        text.startswith("data.csv.parts matches 1 name not") and "d.csv" in text for text in kinds(source, Kind.FILES)
    )


def test_parts_in_folders_of_a_year_are_one_cell(tmp_path):
    one, folder = whole(), tmp_path / "cells"
    for year, rows in (("2023", one[:20]), ("2024", one[20:])):
        folder.mkdir(exist_ok=True)
        written(folder / year, {"c.csv": rows})
    table, _ = load(folder, cycle="cycle", parts="(?P<asset>.+)")
    same_rows(table, "c", one)
    assert set(table["group"]) == {"all"}


def test_a_column_and_a_pattern_name_the_cell_together(tmp_path):
    folder = tmp_path / "cells"
    files = {
        f"rig{rig}_part{part}.csv": pd.concat([whole(rig * 10 + i).assign(cell=i)[rows] for i in (1, 2)])
        for rig in (1, 2)
        for part, rows in ((1, slice(0, 30)), (2, slice(30, 60)))
    }
    table, _ = load(written(folder, files), cycle="cycle", parts=PARTS, asset="cell")
    assert set(table["asset"]) == {"rig1-1", "rig1-2", "rig2-1", "rig2-2"}
    same_rows(table, "rig2-1", whole(21))


def test_parts_without_a_pattern_that_overlap_are_refused_with_a_hint(tmp_path):
    one = whole()
    folder = written(tmp_path / "cells", {"a.csv": one[:45], "b.csv": one[25:]})
    refused(folder, "b.csv: the same measurements as", "data.csv.parts", parts=None)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(", "is no regular expression"),
        ("(.+)_p", "has no group"),
        ("(?P<asset>" + "a" * 200 + ")", "longer"),
        ("(?P<asset>(a+)+)", "forever"),
        ("(?P<asset>.+)(?=b)", "forever"),
        ("(?P<asset>.*.*.*.*.*)", "forever"),
        ("(?P<asset>.+)" + "(?:x|x)" * 16, "forever"),
    ],
)
def test_a_pattern_of_no_use_is_refused(tmp_path, pattern, words):
    with pytest.raises(ValidationError, match=words):
        data_params("csv", tmp_path, parts=pattern)


@pytest.mark.parametrize("pattern", ["(?P<asset>.*.*.*.*)!", "(?P<asset>.*.*.*)(?:_|_|_)(?:_|_)(?:_|_)_?!"])
@pytest.mark.parametrize("name", ["_" * 96 + ".csv", "_" * 250 + ".csv"])
def test_a_pattern_that_is_taken_answers_at_once(name, pattern):
    begun = process_time()
    assert asset_of_file(Path(name), data_params("csv", parts=pattern).csv.parts) is None
    assert process_time() - begun < 2


def test_no_name_of_over_a_hundred_characters_matches():
    assert asset_of_file(Path("a" * 96 + ".csv"), "(?P<asset>.+)") == "a" * 96
    assert asset_of_file(Path("a" * 97 + ".csv"), "(?P<asset>.+)") is None
