"""``dlnet forecast`` on small synthetic cells: its output, and each of its errors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_pipeline import EDGE, TASK, make, synthetic_assets

from dlnet.cli import main
from dlnet.data.encode import fit_encoder
from dlnet.data.windows import WindowDataset
from dlnet.files import write_json
from dlnet.saved import load


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("made"))


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cell().to_csv("cell.csv", index=False)
    return made / "models/edge" / EDGE


def cell(rows=60):
    table = synthetic_assets().query("asset == 'cell-3'").head(rows)
    return table.rename(columns={"quantity": "capacity"})[["CC Q", "CV Q", "capacity"]]


def run(model, *more, path="cell.csv"):
    return main(["forecast", path, "--model", str(model), "--out", "out", *more])


def test_a_table_a_csv_and_a_picture(project, capsys):
    assert run(project) == 0
    printed = capsys.readouterr().out
    assert "synthetic cells (simulated)" in printed
    assert "nominal 1.1 Ah" in printed
    table = pd.read_csv("out/cell.csv")
    assert table["cycle_ahead"].tolist() == list(range(1, 13))
    known = json.loads((project / "model.json").read_text())["validation"]["by_horizon"]
    assert table["typical_error"].iloc[-1] == pytest.approx(known[-1], abs=1e-6)
    assert Path("out/cell.png").read_bytes()[:4] == b"\x89PNG"


def test_the_forecast_is_that_of_the_pipeline_on_the_same_cell(project, made):
    run(project)
    dataset = WindowDataset.load(made / "data/windows")
    end = np.array([np.searchsorted(dataset.asset_index, dataset.assets.index("cell-3"), side="right")])
    model = load(project)
    assert model.document.encoder == fit_encoder(dataset, TASK)
    expected = model.predict(dataset.histories(end, model.features))[0]
    assert pd.read_csv("out/cell.csv")["soh"].to_numpy() == pytest.approx(expected, abs=1e-6)


def test_a_float_student_and_the_teacher_forecast_too(project, made):
    assert run(made / f"models/students/{EDGE}") == 0
    student = pd.read_csv("out/cell.csv")["soh"]
    assert run(made / "models/teacher") == 0
    assert not np.allclose(student, pd.read_csv("out/cell.csv")["soh"])


def test_own_columns_and_units(project):
    run(project)
    expected = pd.read_csv("out/cell.csv")
    own = cell().rename(columns={"CC Q": "cc", "CV Q": "cv", "capacity": "cap"})
    own.assign(cap=own["cap"] * 1000).to_csv("own.csv", index=False)
    words = ["--column", "target=cap", "--unit", "mAh", "--column", "CC Q=cc", "--column", "CV Q=cv"]
    assert run(project, *words, path="own.csv") == 0
    assert pd.read_csv("out/own.csv")["soh"].to_numpy() == pytest.approx(expected["soh"].to_numpy(), abs=2e-6)


def test_nominal_capacity_can_be_given(project):
    assert run(project, "--nominal", "2.2") == 3  # half the health of all training cells
    assert pd.read_csv("out/cell.csv")["soh"].iloc[0] == pytest.approx(0.5, abs=0.02)


def test_features_that_rows_lack_hold_their_last_value_and_the_forecast_says_so(project, capsys):
    table, filled = cell(), cell()
    table.loc[table.index[50:], "CC Q"] = np.nan
    filled.loc[filled.index[50:], "CC Q"] = filled["CC Q"].iloc[49]
    table.to_csv("cell.csv", index=False)
    assert run(project) == 0
    assert "8.3% of the features' values are missing; the last ones hold." in capsys.readouterr().out
    with_gaps = pd.read_csv("out/cell.csv")
    filled.to_csv("cell.csv", index=False)
    assert run(project) == 0
    pd.testing.assert_frame_equal(with_gaps, pd.read_csv("out/cell.csv"))


def test_a_feature_that_begins_without_a_value_needs_a_model_that_knows_its_median(project, tmp_path, capsys):
    table = cell()
    table.loc[table.index[:5], "CC Q"] = np.nan
    table.to_csv("cell.csv", index=False)
    assert run(project) == 0
    shutil.copytree(project, tmp_path / "old")
    content = json.loads((tmp_path / "old/model.json").read_text())
    del content["data"]["typical"]
    write_json(tmp_path / "old/model.json", content)
    assert run(tmp_path / "old") == 1
    assert "'CC Q' has no value in its first row, and this model of an older release" in capsys.readouterr().err


def broken(name):
    table = cell()
    match name:
        case "short":
            table.head(29).to_csv("cell.csv", index=False)
        case "column":
            table.drop(columns="CV Q").to_csv("cell.csv", index=False)
        case "capacity":
            table.drop(columns="capacity").to_csv("cell.csv", index=False)
        case "unit":
            table.assign(capacity=table["capacity"] * 1000).to_csv("cell.csv", index=False)
        case "text":
            table.astype(object).replace(table["CC Q"].iloc[4], "high").to_csv("cell.csv", index=False)
        case "gone":
            Path("cell.csv").unlink()


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("short", "29 cycles, but the model looks at 30"),
        ("column", "no column 'CV Q'"),
        ("capacity", "no column 'capacity'"),
        ("unit", "mAh"),
        ("text", "'high' is not a number"),
        ("gone", "cell.csv: no such file"),
    ],
)
def test_a_bad_file_ends_in_one_line_and_leaves_nothing(project, capsys, how, words):
    broken(how)
    assert run(project) == 1
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert words in message
    assert message.count("\n") == 1
    assert not Path("out").exists()


def test_a_folder_without_a_model_is_named(project, capsys):
    Path("empty").mkdir()
    assert run("empty") == 1
    assert "no model" in capsys.readouterr().err


def test_a_column_that_the_model_does_not_look_at_is_named(project, capsys):
    assert run(project, "--column", "Qd=cc") == 1
    assert "no feature 'Qd'" in capsys.readouterr().err


def test_without_a_known_nominal_capacity_it_is_asked_for(project, tmp_path, capsys):
    shutil.copytree(project, tmp_path / "lone")
    path = tmp_path / "lone/model.json"
    content = json.loads(path.read_text())
    content["data"]["nominal"] = [1.1, 2.0]
    write_json(path, content)
    assert run(tmp_path / "lone") == 1
    assert "--nominal" in capsys.readouterr().err
    assert run(tmp_path / "lone", "--nominal", "1.1") == 0


def test_a_board_would_flag_a_feature_beyond_the_codes_and_refuse_an_impossible_row(project, capsys):
    assert run(project) == 0
    assert "board" not in capsys.readouterr().out
    codec = load(project).device.codec
    far = cell()
    far.loc[far.index[40:], "CC Q"] = codec.offset[1] + 40000 * codec.unit[1]
    far.to_csv("far.csv", index=False)
    assert run(project, path="far.csv") == 3
    assert "A board gives this forecast as saturated: CC Q is beyond what its codes hold" in capsys.readouterr().out
    far.loc[far.index[3], "CC Q"] = codec.offset[1] + 2.0**32 * codec.unit[1]
    far.to_csv("far.csv", index=False)
    assert run(project, path="far.csv") == 3
    assert "A board refuses 1 of these rows as impossible." in capsys.readouterr().out
