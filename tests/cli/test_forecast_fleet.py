"""``dlnet forecast`` of many assets: files, folders, tables of several; ranking, bad files, exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_pipeline import EDGE, make, synthetic_assets

import dlnet
from dlnet.cli import main
from dlnet.errors import DataError
from dlnet.forecast.fleet import table_files
from dlnet.forecast.result import steps_to
from dlnet.outputs.names import file_name
from tasks import BATTERY

CELLS = ("cell-0", "cell-1", "cell-3")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("made"))


@pytest.fixture
def model(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return made / "models/edge" / EDGE


def cell(name, rows=60):
    table = synthetic_assets().query("asset == @name").head(rows)
    return table.rename(columns={"quantity": "capacity"})[["CC Q", "CV Q", "capacity"]]


def write_cells(folder, names=CELLS):
    Path(folder).mkdir()
    for name in names:
        cell(name).to_csv(f"{folder}/{name}.csv", index=False)
    return folder


def run(model, *words):
    return main(["forecast", *map(str, words), "--model", str(model), "--out", "out"])


def test_a_folder_gives_one_ranking_one_table_of_steps_and_one_page(model):
    assert run(model, write_cells("cells")) == 0
    ranking, steps = pd.read_csv("out/assets.csv"), pd.read_csv("out/forecasts.csv")
    assert sorted(ranking["asset"]) == sorted(CELLS)
    assert steps.groupby("asset").size().tolist() == [12, 12, 12]
    assert steps["asset"].drop_duplicates().tolist() == ranking["asset"].tolist()
    page = Path("out/forecasts.html").read_text()
    assert all(name in page for name in CELLS)
    assert "data:image/png;base64," in page


def test_the_numbers_of_many_are_those_of_each_alone(model):
    run(model, write_cells("cells"))
    many = pd.read_csv("out/forecasts.csv").query("asset == 'cell-1'")["soh"].to_numpy()
    assert run(model, "cells/cell-1.csv") == 0
    assert pd.read_csv("out/cell-1.csv")["soh"].tolist() == many.tolist()


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_table_of_many_cells_and_the_projects_own_table_give_the_numbers_of_files(model, suffix):
    run(model, write_cells("cells"))
    expected = pd.read_csv("out/assets.csv").set_index("asset")["soh_at_end"]
    own = synthetic_assets().query("asset in @CELLS").groupby("asset").head(60)
    named = pd.concat([cell(name).assign(asset=name) for name in CELLS])
    for name, table in {"own": own, "named": named}.items():
        path = f"{name}.{suffix}"
        table.to_csv(path, index=False) if suffix == "csv" else table.to_parquet(path)
        assert run(model, path) == 0
        found = pd.read_csv("out/assets.csv").set_index("asset")["soh_at_end"]
        assert found.to_dict() == expected.to_dict()


def test_who_reaches_the_end_of_life_first_is_first_and_the_rest_follows_by_its_last_value(model):
    write_cells("cells")
    assert run(model, "cells", "--end-of-life", "0.5") == 0
    by_end = pd.read_csv("out/assets.csv")
    assert by_end["ranked_by"].unique().tolist() == ["forecast at its end"]
    assert by_end["cycles_to_end_of_life"].isna().all()
    assert by_end["soh_at_end"].is_monotonic_increasing
    threshold = float(by_end["soh_at_end"].iloc[:2].mean())
    assert run(model, "cells", "--end-of-life", str(threshold)) == 0
    by_life = pd.read_csv("out/assets.csv")
    assert by_life["ranked_by"].tolist() == ["end of life", "forecast at its end", "forecast at its end"]
    steps = pd.read_csv("out/forecasts.csv").query("asset == @by_life.asset[0]")
    reached = int(steps.loc[steps["soh"] <= threshold, "cycle_ahead"].min())
    now = by_life["soh_now"].iloc[0]
    assert by_life["cycles_to_end_of_life"].iloc[0] == (0 if now <= threshold else reached)


def test_a_bad_file_is_a_line_with_its_reason_and_the_others_are_forecast(model, capsys):
    write_cells("cells")
    Path("cells/broken.csv").write_text("CC Q,CV Q,capacity\n1,2,three\n")
    cell("cell-0", 20).to_csv("cells/short.csv", index=False)
    assert run(model, "cells") == 1
    out, err = capsys.readouterr()
    assert err.splitlines()[-1] == "error: 2 of 5 not forecast; correct these files, or leave them out"
    table = pd.read_csv("out/assets.csv").set_index("asset")
    assert table["status"].to_dict() == dict.fromkeys(CELLS, "ok") | {"broken": "failed", "short": "failed"}
    assert "line 2" in table.loc["broken", "reason"]
    assert "20 cycles, but the model looks at 30" in table.loc["short", "reason"]
    assert "20 cycles, but the model looks at 30" in Path("out/forecasts.html").read_text()
    assert "failed: " in out


def test_a_bad_asset_of_a_table_does_not_stop_the_others(model):
    tables = [cell(name).assign(asset=name) for name in CELLS]
    tables[1].iloc[3, 0] = np.inf
    pd.concat(tables).to_parquet("fleet.parquet")
    assert run(model, "fleet.parquet") == 1
    assert pd.read_csv("out/assets.csv").set_index("asset")["status"]["cell-1"] == "failed"
    assert len(pd.read_csv("out/forecasts.csv")) == 24


def test_where_nothing_can_be_forecast_nothing_is_written(model, capsys):
    Path("cells").mkdir()
    for name in "ab":
        Path(f"cells/{name}.csv").write_text("CC Q,CV Q,capacity\n1,2,three\n")
    assert run(model, "cells") == 1
    assert capsys.readouterr().err.count("three") == 2
    assert not Path("out").exists()


def test_several_processes_give_the_bytes_of_one(model, monkeypatch):
    monkeypatch.setattr("dlnet.forecast.fleet.ALONE", 1)
    write_cells("cells")
    assert run(model, "cells", "--jobs", "1") == 0
    one = Path("out/forecasts.csv").read_bytes()
    assert run(model, "cells", "--jobs", "2") == 0
    assert Path("out/forecasts.csv").read_bytes() == one


def test_hidden_files_are_no_cells_and_no_file_is_read_twice(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "a.csv",
        "sub/b.parquet",
        ".hidden.csv",
        ".ipynb_checkpoints/a-checkpoint.csv",
        "~$b.xlsx",
        "notes.md",
    ):
        path = Path("cells", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = table_files([Path("cells"), Path("cells/a.csv"), Path("./cells/../cells/a.csv")])
    assert sorted(path.name for path in found) == ["a.csv", "b.parquet"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere"], "nowhere: no such file"),
        (["empty"], "empty: no table in this folder; tables end in .csv"),
        (["cells", "--end-of-life", "80"], "--end-of-life 80: outside 0.05 to 1.5, the range of SoH"),
        (["cells", "--unit", "kg"], "--unit kg: no unit of capacity; the model knows Ah, mAh"),
        (["cells", "--column", "Qd=x"], "the model looks at no feature 'Qd'"),
    ],
)
def test_what_no_file_can_make_right_is_one_line_before_any_is_read(model, capsys, words, message):
    write_cells("cells")
    Path("empty").mkdir()
    assert run(model, *words) == 1
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert not Path("out").exists()


def test_a_column_names_the_asset_of_a_row(model):
    pd.concat([cell(name).assign(serial=name) for name in CELLS]).to_csv("fleet.csv", index=False)
    assert run(model, "fleet.csv", "--column", "asset=serial") == 0
    assert sorted(pd.read_csv("out/assets.csv")["asset"]) == sorted(CELLS)


def test_words_of_files_are_no_markup_on_the_page(model):
    named = [cell(name).assign(asset=f"<b>{name}</b>") for name in CELLS]
    pd.concat(named).to_csv("fleet.csv", index=False)
    assert run(model, "fleet.csv") == 0
    page = Path("out/forecasts.html").read_text()
    assert "<b>cell" not in page
    assert "&lt;b&gt;cell-0" in page


def test_python_gives_the_numbers_of_the_command(model):
    run(model, write_cells("cells"))
    expected = pd.read_csv("out/forecasts.csv").sort_values(["asset", "cycle_ahead"], ignore_index=True)
    table = pd.concat([cell(name).assign(asset=name) for name in CELLS])
    found = dlnet.load(model).forecast(table)
    assert found.columns.tolist() == ["asset", "cycle_ahead", "soh", "typical_error", "outside"]
    assert found["asset"].tolist() == expected["asset"].tolist()
    np.testing.assert_allclose(found["soh"], expected["soh"], atol=5e-7)
    np.testing.assert_allclose(found["typical_error"], expected["typical_error"], atol=5e-7)
    one = dlnet.load(model).forecast(cell("cell-1"))
    assert one["soh"].tolist() == found.query("asset == 'cell-1'")["soh"].tolist()


def test_python_takes_the_projects_own_table_and_names_an_asset_that_cannot_be_forecast(model):
    table = synthetic_assets().query("asset in @CELLS").groupby("asset").head(60)
    assert len(dlnet.load(model).forecast(table)) == 36
    table.loc[table.index[70], "CC Q"] = np.inf
    with pytest.raises(DataError, match=r"cell-1: .*'CC Q'"):
        dlnet.load(model).forecast(table)


def test_a_model_folder_is_no_place_for_forecasts(model, tmp_path, capsys):
    shutil.copytree(model, tmp_path / "model")
    write_cells("cells")
    assert main(["forecast", "cells", "--model", "model", "--out", "model/out"]) == 1
    assert "is in the input model" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("direction", "history", "ahead", "steps"),
    [
        ("falling", [0.9], [0.85, 0.8, 0.7], 2),
        ("falling", [0.9], [0.85, 0.84, 0.83], None),
        ("falling", [0.79], [0.78, 0.77, 0.76], 0),
        ("rising", [0.7], [0.75, 0.79, 0.81], 3),
    ],
)
def test_steps_to_a_threshold_are_counted_from_the_last_row(direction, history, ahead, steps):
    target = BATTERY.target.model_copy(update={"direction": direction})
    assert steps_to(0.8, np.array(history), np.array(ahead), target) == steps


def trained_on_parts(model, folder, pattern):
    """The model, as if trained on files whose names the pattern matches."""
    shutil.copytree(model, folder)
    document = json.loads((folder / "model.json").read_text())
    document["data"]["columns"]["parts"] = pattern
    (folder / "model.json").write_text(json.dumps(document))
    return folder


PARTS = "(?P<asset>.+)_part[0-9]+"


def test_parts_of_an_asset_are_stitched_as_in_training_and_listed(model, tmp_path):
    parts = trained_on_parts(model, tmp_path / "model", PARTS)
    write_cells("cells", ("cell-0", "cell-1"))
    Path("cells/cell-1.csv").unlink()
    for number, rows in {2: slice(0, 20), 10: slice(20, 45), 11: slice(45, 60)}.items():
        cell("cell-1")[rows].to_csv(f"cells/cell-1_part{number}.csv", index=False)
    assert run(parts, "cells") == 0
    found = pd.read_csv("out/forecasts.csv").query("asset == 'cell-1'")["soh"].tolist()
    page = Path("out/forecasts.html").read_text()
    assert "stitched from 3 files" in page
    assert "the name of cell-0.csv does not match data.csv.parts" in page
    cell("cell-1").to_csv("whole.csv", index=False)
    run(model, "whole.csv")
    assert found == pd.read_csv("out/whole.csv")["soh"].tolist()


def test_a_file_with_the_name_of_the_asset_is_its_first_part(model, tmp_path):
    parts = trained_on_parts(model, tmp_path / "model", PARTS)
    Path("cells").mkdir()
    for name, rows in {"cell-1": slice(0, 20), "cell-1_part2": slice(20, 45), "cell-1_part3": slice(45, 60)}.items():
        cell("cell-1")[rows].to_csv(f"cells/{name}.csv", index=False)
    assert run(parts, "cells") == 0
    cell("cell-1").to_csv("whole.csv", index=False)
    found = pd.read_csv("out/cell-1.csv")["soh"].tolist()
    run(model, "whole.csv")
    assert found == pd.read_csv("out/whole.csv")["soh"].tolist()


def test_an_asset_of_which_a_part_cannot_be_read_is_not_forecast(model, tmp_path):
    parts = trained_on_parts(model, tmp_path / "model", PARTS)
    write_cells("cells", ("cell-0",))
    cell("cell-1")[:40].to_csv("cells/cell-1_part1.csv", index=False)
    Path("cells/cell-1_part2.csv").write_bytes(b"\xff\x00\xff")
    assert run(parts, "cells") == 1
    table = pd.read_csv("out/assets.csv").set_index("asset")
    assert table["status"].tolist() == ["ok", "failed"]
    assert "cell-1_part2.csv" in table["reason"].iloc[-1]


def test_an_asset_that_a_column_names_in_several_files_is_one(model):
    Path("cells").mkdir()
    for i, rows in enumerate((slice(0, 35), slice(35, 60))):
        own = [cell(name)[rows].assign(asset=name) for name in CELLS[: 3 - i]]
        pd.concat(own).to_csv(f"cells/year-{i}.csv", index=False)
    assert run(model, "cells") == 0
    ranking = pd.read_csv("out/assets.csv").set_index("asset")
    assert sorted(ranking.index) == sorted(CELLS)
    cell(CELLS[0]).to_csv("whole.csv", index=False)
    run(model, "whole.csv")
    found = pd.read_csv("out/forecasts.csv").query("asset == @CELLS[0]")["soh"].tolist()
    assert found == pd.read_csv("out/whole.csv")["soh"].tolist()


@pytest.mark.parametrize("pattern", ["(?P<asset>(a+)+)$", "(?P<asset>.+)" + "(?:a|a)" * 16, "(", "x"])
def test_a_pattern_of_a_damaged_model_is_one_line_and_not_tried(model, tmp_path, capsys, pattern):
    forged = trained_on_parts(model, tmp_path / "model", pattern)
    write_cells("cells")
    assert run(forged, "cells") == 1
    err = capsys.readouterr().err
    assert "model.json: data.columns" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "name", ["../../up", "a/b", "..", "c:\\x", "new\nline", "x" * 5000, "電池" * 100, " ", "$x^$", "_hidden", "CON?"]
)
def test_files_of_an_asset_with_an_odd_name_stand_in_the_folder(model, tmp_path, name):
    cell("cell-1").assign(asset=name).to_parquet("fleet.parquet")
    before = {path for path in tmp_path.rglob("*") if "out" not in path.parts}
    assert run(model, "fleet.parquet") == 0
    assert {path for path in tmp_path.rglob("*") if "out" not in path.parts} == before
    assert sorted(path.suffix for path in Path("out").iterdir() if path.name != ".dlnet.json") == [
        ".csv",
        ".html",
        ".png",
    ]


def test_file_names_of_different_assets_differ():
    names = ["a/b", "a_b", "a?b", "a:b", ".", "..", "", "x" * 300, "x" * 301, "a/B", "\udcff"]
    files = [file_name(name) for name in names]
    assert len({file.casefold() for file in files}) == len(names)
    assert file_name("cell 1 (äöü)") == "cell 1 (äöü)"
    assert all(len(file.encode()) < 250 for file in files)


def test_odd_names_of_a_fleet_are_drawn_and_listed(model, recwarn):
    names = ["../up", "<i>$x^$", "_hidden", "x" * 3000]
    pd.concat([cell("cell-1").assign(asset=name) for name in names]).to_parquet("fleet.parquet")
    assert run(model, "fleet.parquet") == 0
    assert sorted(pd.read_csv("out/assets.csv")["asset"]) == sorted(names)
    assert not recwarn.list
