"""What a folder is taken for, and the error for each kind that is not clear."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_folders import life, renamed, small_project, write_lives

from dlnet.data import tablefiles
from dlnet.data.findings import Kind
from dlnet.data.sources import load_assets
from dlnet.errors import DataError
from dlnet.importing import Choices, Proposal, Settings, look
from dlnet.importing.look import with_values


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return small_project(tmp_path)


def values(proposal: Proposal) -> Mapping[str, Any]:
    return proposal.values()


def lines(proposal: Proposal, title: str) -> dict[str, str]:
    return dict(next(section for section in proposal.sections if section.title == title).lines)


def test_a_plain_folder_is_read_without_options(settings):
    proposal = look(write_lives(Path("cells")), settings, Choices())
    assert values(proposal) == {
        "task.name": "battery",
        "data.source": "csv",
        "data.path": "cells",
        "data.csv.asset": None,
        "data.csv.parts": None,
        "data.csv.target": "Qd",
        "data.csv.unit": "Ah",
        "data.csv.nominal": 2.0,
        "data.csv.cycle": "Cycle",
        "data.csv.time": None,
        "data.csv.labels": "all",
        "data.csv.include": None,
        "data.csv.features": {"voltage mean": "voltage mean", "CV Q": "CV Q"},
        "task.with_target.features": ["voltage mean", "CV Q"],
        "task.with_target.relative": ["CV Q", "voltage mean"],
        "task.sensors_only.features": ["voltage mean", "CV Q"],
        "task.sensors_only.relative": ["CV Q", "voltage mean"],
    }


def test_looking_changes_neither_the_folder_nor_the_project(settings):
    write_lives(Path("cells"))
    before = {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}
    look(Path("cells"), settings, Choices())
    assert {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("column", "factor", "unit", "how"),
    [
        ("Discharge Capacity (mAh)", 1000, "mAh", "from the column's name"),
        ("QDischarge_mA_h", 1000, "mAh", "from the column's name"),
        ("capacity_ah", 1, "Ah", "from the column's name"),
        ("Entladekapazitaet", 1000, "mAh", "a guess"),
        ("capacity", 1, "Ah", "a guess"),
    ],
)
def test_the_unit_is_that_of_the_name_else_that_of_the_size(settings, column, factor, unit, how):
    folder = write_lives(
        Path("cells"), lambda table: table.assign(Qd=table["Qd"] * factor).rename(columns={"Qd": column})
    )
    proposal = look(folder, settings, Choices())
    assert (values(proposal)["data.csv.target"], values(proposal)["data.csv.unit"]) == (column, unit)
    assert values(proposal)["data.csv.nominal"] == 2.0
    assert how in lines(proposal, "Target")["unit"]


def test_a_guessed_nominal_value_is_called_a_guess_and_its_rounding_is_stated(settings):
    proposal = look(write_lives(Path("cells"), nominal=4.93), settings, Choices())
    assert values(proposal)["data.csv.nominal"] == 4.9
    assert "a guess" in lines(proposal, "Target")["capacity of a new cell"]
    assert "rounded to two digits" in lines(proposal, "Target")["capacity of a new cell"]


def test_formation_does_not_move_the_nominal_value(settings):
    def formation(table):
        return table.assign(Qd=table["Qd"].where(table["Cycle"] > 4, table["Qd"] * 1.3))

    assert values(look(write_lives(Path("cells"), formation), settings, Choices()))["data.csv.nominal"] == 2.0


def test_a_column_of_the_nominal_value_is_taken(settings):
    folder = write_lives(Path("cells"), lambda table: table.assign(**{"Nominal Capacity (mAh)": 2150}))
    proposal = look(folder, settings, Choices())
    assert values(proposal)["data.csv.nominal"] == pytest.approx(2.15)
    assert "from column" in lines(proposal, "Target")["capacity of a new cell"]


def test_options_win_over_what_is_found(settings):
    folder = write_lives(Path("cells"), lambda table: table.assign(other=table["Qd"] * 0.9, count=table["Cycle"]))
    chosen = values(look(folder, settings, Choices(target="other", unit="Ah", nominal=1.9, cycle="count")))
    assert [chosen[f"data.csv.{key}"] for key in ("target", "unit", "nominal", "cycle")] == [
        "other",
        "Ah",
        1.9,
        "count",
    ]


def test_a_feature_in_another_unit_is_listed_and_not_taken(settings):
    proposal = look(write_lives(Path("cells"), renamed(CV_Q="cv_q_mah")), settings, Choices())
    assert values(proposal)["data.csv.features"] == {"voltage mean": "voltage mean"}
    assert "is in mAh, and the task states Ah" in lines(proposal, "Features")["CV Q"]


def test_features_are_found_by_other_names_and_by_option(settings):
    change = renamed(voltage_mean="v_mean", CV_Q="something")
    proposal = look(write_lives(Path("cells"), change), settings, Choices(features={"CV Q": "something"}))
    assert values(proposal)["data.csv.features"] == {"voltage mean": "v_mean", "CV Q": "something"}


def test_columns_without_a_meaning_are_listed(settings):
    folder = write_lives(Path("cells"), lambda table: table.assign(ir=0.1, operator="me"))
    assert lines(look(folder, settings, Choices()), "Features")["not read"] == "'ir', 'operator'"


def test_cells_without_features_are_read(settings):
    folder = write_lives(Path("cells"), lambda table: table[["Cycle", "Qd"]])
    chosen = values(look(folder, settings, Choices()))
    assert chosen["data.csv.features"] == {}
    assert chosen["task.with_target.features"] == []


def test_a_column_of_the_asset_is_found(settings):
    table = pd.concat([life(seed).assign(Cell=f"c{seed}") for seed in range(1, 7)])
    Path("cells").mkdir()
    table.to_csv("cells/all.csv", index=False)
    proposal = look(Path("cells"), settings, Choices())
    assert values(proposal)["data.csv.asset"] == "Cell"
    assert lines(proposal, "Files and assets")["assets"].startswith("6:")


@pytest.mark.parametrize("name", ["cell-{}_part{}.csv", "cell-{} Teil {}.csv", "cell-{}_2024-0{}-01.csv"])
def test_parts_of_an_asset_are_found_by_their_names(settings, name):
    Path("cells").mkdir()
    for seed in range(1, 7):
        whole = life(seed)
        for part, rows in enumerate((whole[:30], whole[30:]), 1):
            rows.to_csv(Path("cells") / name.format(seed, part), index=False)
    proposal = look(Path("cells"), settings, Choices())
    assert values(proposal)["data.csv.parts"] is not None
    assert lines(proposal, "Files and assets")["assets"].startswith("6:")
    assert {finding.kind for finding in proposal.findings} == {Kind.FILES}  # each stitched, none left alone
    assert all("stitched" in finding.text for finding in proposal.findings)


def test_parts_of_one_asset_among_whole_ones_are_found(settings):
    write_lives(Path("cells"))
    Path("cells/cell-1.csv").unlink()
    life(1)[:45].to_csv("cells/cell-1_part1.csv", index=False)
    life(1)[35:].to_csv("cells/cell-1_part2.csv", index=False)
    proposal = look(Path("cells"), settings, Choices())
    assert lines(proposal, "Files and assets")["assets"].startswith("6:")
    texts = [finding.text for finding in proposal.findings if finding.asset == "cell-1"]
    assert texts[0] == "stitched from 2 files: cell-1_part1.csv (45 rows), cell-1_part2.csv (25 rows)"
    assert texts[1] == "10 rows of cell-1_part2.csv (lines 2-11) stand in an earlier part too: used once"


FAULTS = {
    "a row of units": (
        lambda text: text.replace("\n", "\n-,Ah,V,Ah\n", 1),
        "line 2 (data row 1), column 'Qd': 'Ah' is not a number; write a plain number (with a decimal point) or delete "
        "the line (a row of units?)",
    ),
    "a target that stands there twice": (
        lambda text: text.replace("voltage mean", "Qd"),
        "line 1: column 'Qd' occurs 2 times; keep one of them",
    ),
    "a header alone": (lambda text: text.split("\n", 1)[0], "a header but no rows; put one row below it"),
    "marks between thousands": (
        lambda text: re.sub(r"\n4,[0-9.]+,", '\n4,"1,980.2",', text), "without marks between thousands"
    ),
    "a line of sums": (lambda text: text + "Total,1.8,,\n", "line 62, column 'Cycle': 'Total' is no finite number"),
    "one word in a feature": (lambda text: text.replace(",3.7", ",low", 1), "column 'voltage mean': 'low"),
    "numbers that begin again twice": (
        lambda text: text + 2 * text.split("\n", 1)[1], "the numbers begin again; give each part a file of its own"
    ),
    "notes": (lambda _: "Notes of the operator\n", "no column of capacity (cell-1.csv has 'Qd'), only 'Notes of the"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_one_file_is_named_with_its_place_and_remedy(settings, name):
    change, words = FAULTS[name]
    path = write_lives(Path("cells")) / "cell-3.csv"
    path.write_text(change(path.read_text()))
    with pytest.raises(DataError) as caught:
        look(Path("cells"), settings, Choices())
    assert words in str(caught.value)
    assert str(caught.value).startswith("cells/cell-3.csv: ")


def dated(form: str, name: str = "Date") -> Callable[[pd.DataFrame], pd.DataFrame]:
    days = pd.date_range("2024-01-01", periods=60).strftime(form)
    return lambda table: table.drop(columns="Cycle").assign(**{name: days})


def test_dates_order_rows_even_under_the_name_of_a_cycle(settings):
    folder = write_lives(Path("cells"), dated("%Y-%m-%d", "Cycle"))
    assert values(look(folder, settings, Choices()))["data.csv.cycle"] == "Cycle"


def test_dates_with_the_newest_first_are_refused(settings):
    folder = write_lives(Path("cells"), lambda table: dated("%Y-%m-%d")(table)[::-1])
    with pytest.raises(DataError, match="the newest row stands first; sort the file by this column"):
        look(folder, settings, Choices())


def test_dates_that_are_not_iso_are_named_as_not_taken(settings):
    folder = write_lives(Path("cells"), dated("%d.%m.%Y", "Datum"))
    said = lines(look(folder, settings, Choices()), "Order of rows")["order"]
    assert "column 'Datum' holds neither numbers nor ISO dates" in said


def doubled(path: Path, header: str) -> None:
    """Write a cell whose column ``Cycle`` stands there twice."""
    text = life(3).rename(columns={"Cycle": header}).assign(again=1).to_csv(index=False)
    path.write_text(text.replace("again", header, 1))


@pytest.mark.parametrize("header", ["Cycle", "Date"])
def test_columns_that_stand_there_twice_order_nothing(settings, header):
    folder = Path("cells")
    folder.mkdir()
    for i in range(6):
        life(i).rename(columns={"Cycle": header}).to_csv(folder / f"cell-{i}.csv", index=False)
    doubled(folder / "cell-3.csv", header)
    assert values(look(folder, settings, Choices()))["data.csv.cycle"] is None
    with pytest.raises(DataError, match=f"two columns '{header}'; rename one of them"):
        look(folder, settings, Choices(cycle=header))


def test_a_word_in_one_part_of_a_column_of_numbers_is_named(settings):
    write_lives(Path("cells"))
    table = life(9)
    table[:40].to_csv("cells/c_part1.csv", index=False)
    table[40:].astype({"Cycle": object}).assign(Cycle=lambda t: [*t["Cycle"][:-1], "end"]).to_csv(
        "cells/c_part2.csv", index=False
    )
    with pytest.raises(DataError, match=r"c_part2.csv: line \d+, column 'Cycle': 'end'"):
        look(Path("cells"), settings, Choices())


def test_files_that_are_not_read_are_named(settings):
    folder = write_lives(Path("cells"))
    for name in ("cell-7.xls", "cell-8.csv.gz", "._cell-1.csv"):
        (folder / name).write_bytes(b"x")
    (folder / "cell-9.csv").mkdir()
    proposal = look(folder, settings, Choices())
    assert lines(proposal, "Files and assets")["not read"] == "'cell-7.xls', 'cell-8.csv.gz', 'cell-9.csv'"
    (note,) = proposal.notes
    assert note.startswith("Not read, as they are no tables of a kind that can be read: cell-7.xls, cell-8.csv.gz")


def test_a_feature_that_stands_there_twice_is_named_as_not_taken(settings):
    folder = write_lives(Path("cells"))
    for path in folder.glob("*.csv"):
        path.write_text(path.read_text().replace("voltage mean", "CV Q", 1))
    proposal = look(folder, settings, Choices())
    assert lines(proposal, "Files and assets")["columns that stand there twice, not taken"] == "'CV Q'"
    assert values(proposal)["data.csv.features"] == {}


def test_numbered_cells_are_no_parts(settings):
    assert values(look(write_lives(Path("cells")), settings, Choices()))["data.csv.parts"] is None


def test_short_assets_lower_min_rows_with_a_word(settings):
    write_lives(Path("cells"))
    life(7, rows=35).to_csv("cells/cell-7.csv", index=False)
    proposal = look(Path("cells"), settings, Choices())
    assert values(proposal)["clean.min_rows"] == 35
    assert lines(proposal, "Short assets")["short"] == "1 cell with fewer than 40 cycles"


def check_ups(every: int, rows: int) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(table):
        special = (table["Cycle"] - 30) % every < rows
        capacity = table["Qd"].where(~special, table["Qd"] * 0.85)
        return table.assign(Qd=capacity, Step=np.where(special, "RPT", "ageing"))

    return change


def test_a_column_that_explains_check_ups_becomes_a_query(settings):
    folder = write_lives(Path("cells"), check_ups(50, 3), rows=200)
    chosen = values(look(folder, settings, Choices()))
    assert chosen["data.csv.include"] == "`Step` != 'RPT'"


def test_check_ups_without_such_a_column_get_a_word(settings):
    folder = write_lives(Path("cells"), lambda table: check_ups(50, 3)(table).drop(columns="Step"), rows=210)
    proposal = look(folder, settings, Choices())
    assert values(proposal).get("data.csv.include") is None
    assert lines(proposal, "Check-ups")["rows off their level"] == "72 of 1,260"


def test_plain_ageing_has_no_check_ups(settings):
    proposal = look(write_lives(Path("cells"), rows=200), settings, Choices())
    assert [section.title for section in proposal.sections if section.title == "Check-ups"] == []


def write(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(content)


def column(**new: Callable[[pd.DataFrame], object]) -> Callable[[Path], object]:
    return lambda folder: write_lives(folder, lambda table: table.assign(**new))


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


UNCLEAR = {
    "no folder": (shutil.rmtree, "cells: no such folder; name the one that holds your files"),
    "empty folder": (empty, "cells: no files .csv"),
    "only hidden files": (
        lambda folder: (empty(folder), (folder / ".hidden.csv").write_text("Qd\n1\n")), "cells: no files .csv"
    ),
    "two targets": (
        column(Discharge_Capacity=lambda table: table["Qd"] * 0.9),
        "cells: the columns 'Qd' and 'Discharge_Capacity' both look like the capacity; name one of them: --target 'Qd'",
    ),
    "no target": (
        lambda folder: write_lives(folder, renamed(Qd="x")),
        "cells: no column looks like capacity (task battery), only 'Cycle', 'x', 'voltage mean', 'CV Q'; name it with "
        "--target COLUMN, or a new task with --task NAME",
    ),
    "another name in one file": (
        lambda folder: renamed(Qd="capacity")(life(3)).to_csv(folder / "cell-3.csv", index=False),
        "cells: no column of capacity that every file has (cell-1.csv has 'Qd'; cell-3.csv has 'capacity')",
    ),
    "unit not clear": (column(Qd=lambda table: table["Qd"] * 25), "can be Ah or mAh; state it with --unit"),
    "unit contradicted": (
        lambda folder: write_lives(folder, lambda table: table.assign(Qd=table["Qd"] * 1e3).pipe(renamed(Qd="Qd_Ah"))),
        "column 'Qd_Ah' names the unit Ah, but its median is 18",
    ),
    "unit of another quantity": (
        lambda folder: write_lives(folder, renamed(Qd="Qd (Wh)")),
        "column 'Qd (Wh)' is in Wh, and task battery knows Ah",
    ),
    "several sizes": (
        lambda folder: life(3, nominal=5.0).to_csv(folder / "cell-3.csv", index=False),
        "(cell-3); state the nominal value with --nominal",
    ),
    "too few": (lambda folder: (empty(folder), write_lives(folder, count=3)), "3 cells found, and 5 are needed"),
    "too short": (
        lambda folder: write_lives(folder, rows=25),
        "0 of 6 cells have the 30 cycles of a window and its forecast, and 5 are needed; set shorter ones",
    ),
    "text in the target": (
        lambda folder: write_lives(folder, lambda table: table.assign(Qd="high")),
        "cells/cell-1.csv: line 2 (data row 1), column 'Qd': 'high' is not a number",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNCLEAR)
def test_what_is_not_clear_is_one_line(settings, name):
    change, words = UNCLEAR[name]
    change(write_lives(Path("cells")))
    with pytest.raises(DataError) as caught:
        look(Path("cells"), settings, Choices())
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_in_place_of_a_folder_is_one_line(settings):
    write_lives(Path("cells"))
    with pytest.raises(DataError, match=r"cells/cell-1.csv: a file; name the folder that holds it"):
        look(Path("cells/cell-1.csv"), settings, Choices())


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        (
            Choices(target="Q"),
            "cell-1.csv: no column 'Q', only 'Cycle', 'Qd', 'voltage mean', 'CV Q'; correct --target",
        ),
        (Choices(cycle="n"), "no column 'n'"),
        (Choices(features={"CV Q": "x"}), "correct --feature"),
        (Choices(unit="kAh"), "--unit: 'kAh' is no unit of capacity, which has Ah, mAh"),
        (Choices(parts="(("), "--parts: '((' is no regular expression"),
        (Choices(parts=".*"), "has no group (?P<asset>...)"),
        (Choices(parts="(?P<asset>" + "a" * 200 + ")"), "is longer than 200 characters"),
        (Choices(parts="(?P<asset>(a+)+)b"), "can take forever"),
        (Choices(task="Filter"), "--task: 'Filter' is no name"),
        (Choices(task="filter"), "for a new one name its column with --target COLUMN"),
        (Choices(task="filter", target="Qd"), "state it with --unit UNIT"),
    ],
)
def test_a_wrong_option_is_one_line(settings, choices, words):
    write_lives(Path("cells"))
    with pytest.raises(DataError, match=re.escape(words)):
        look(Path("cells"), settings, choices)


def test_windows_that_are_too_long_come_with_the_line_that_shortens_them(settings):
    with pytest.raises(DataError) as caught:
        look(write_lives(Path("cells"), rows=25), settings, Choices())
    line = str(caught.value).partition("dlnet set ")[2]
    assert line == 'task.window=5 task.horizon=10 "task.knots=[1, 2, 3, 5, 8, 10]" clean.min_rows=15'


SHARES = {
    "soh": (1.0, "1"), "SoH": (1.0, "1"), "SoH (%)": (100.0, "%"), "SOH": (100.0, "%"), "State of Health": (1.0, "1"),
    "Capacity (%)": (100.0, "%"), "Capacity retention (%)": (100.0, "%"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHARES)
def test_a_column_of_the_share_itself_needs_no_nominal_value(settings, name):
    factor, unit = SHARES[name]
    folder = write_lives(Path("cells"), lambda table: pd.DataFrame({name: (table["Qd"] / 2.0 * factor).round(5)}))
    proposal = look(folder, settings, Choices())
    chosen = values(proposal)
    assert (chosen["data.csv.target"], chosen["data.csv.unit"], chosen["data.csv.nominal"]) == (name, unit, None)
    data = with_values(settings, chosen).data
    table, record = load_assets(data, proposal.quantities)
    assert record.nominal == (1.0,)
    of_first = table.loc[table["asset"] == "cell-1", "quantity"].to_numpy()
    np.testing.assert_allclose(of_first, life(1)["Qd"] / 2.0, atol=1e-5)


def test_the_capacity_is_taken_before_its_share(settings):
    folder = write_lives(Path("cells"), lambda table: table.assign(SOH=table["Qd"] / 2.0))
    assert values(look(folder, settings, Choices()))["data.csv.target"] == "Qd"


def test_a_file_is_read_once(settings, monkeypatch):
    folder, opened = write_lives(Path("cells")), Counter()
    true = tablefiles.texttables.parse

    def counted(name: str, text: str, separator: str | None = None) -> pd.DataFrame:
        opened[name] += 1
        return true(name, text, separator)

    monkeypatch.setattr(tablefiles.texttables, "parse", counted)
    look(folder, settings, Choices())
    assert set(opened.values()) == {1}
