"""Which model is meant where none is named: the last run's choice, else the registry's champion, else its candidate."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from made_pipeline import EDGE, choice, make, synthetic_assets
from registries import migrated, registry, three, versions

from dlnet.cli import main
from dlnet.cli.arguments import UNNAMED, parse_model
from dlnet.cli.models import chosen
from dlnet.gate.choice import CHOICE
from dlnet.registry.client import connect

__all__ = ["migrated", "registry", "three", "versions"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def a_run(name="liquid-1", *, made=True, int8=0.0012):
    choice((name,), int8).write(CHOICE)
    os.utime(CHOICE, (1_700_000_000, 1_700_000_000))
    if made:
        Path("models/edge", name).mkdir(parents=True)


def test_a_model_that_is_named_is_taken_without_a_word(folder, capsys):
    a_run()
    Path("other").mkdir()
    assert str(chosen(parse_model("other"))) == "other"
    assert capsys.readouterr().out == ""


def test_the_choice_of_the_last_run_comes_first_with_its_source_and_its_date(folder, capsys):
    a_run()
    assert chosen(UNNAMED).folders == [Path("models/edge/liquid-1")]
    line = capsys.readouterr().out
    pattern = (
        r"Model: models/edge/liquid-1 \(int8 student\), the choice of the last run in this folder "
        r"\(reports/choice.json, 2023-11-1\d"
    )
    assert re.match(pattern, line)


def test_a_choice_that_the_gate_refused_is_said_to_be_so(folder, capsys):
    a_run(int8=0.0015)
    assert chosen(UNNAMED).folders == [Path("models/edge/liquid-1")]
    assert "Model: models/edge/liquid-1 (int8 student, refused by the gate), the choice" in capsys.readouterr().out


def test_without_a_run_and_without_a_registry_there_is_one_line_and_no_database(folder, capsys):
    Path("cell.csv").write_text("capacity\n1\n")
    assert main(["forecast", "cell.csv"]) == 1
    assert capsys.readouterr().err == (
        "error: no model is named, no run is in this folder, and there is no mlflow.db; give a model with --model, "
        "such as models/edge/NAME, or run dvc repro and make publish\n"
    )
    assert not Path("mlflow.db").exists()


def test_a_damaged_choice_is_one_line(folder, capsys):
    a_run()
    CHOICE.write_text('{"name": 3}')
    assert main(["forecast", "cell.csv"]) == 1
    assert "reports/choice.json: name: Input should be a valid string" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../../elsewhere", "gone"])
def test_a_choice_that_is_not_in_this_folder_is_said_and_the_registry_is_asked(folder, capsys, name):
    a_run(name, made=False)
    Path("models/edge").mkdir(parents=True)
    Path("elsewhere").mkdir()
    assert main(["forecast", "cell.csv"]) == 1
    out, err = capsys.readouterr()
    assert f"reports/choice.json names {name!r}, but it is not in models/edge" in out
    assert "no mlflow.db" in err


@pytest.mark.slow
def test_the_champion_is_taken_before_the_candidate_and_pinned_to_its_number(versions, capsys):
    client = connect()
    client.set_registered_model_alias("dlnet-edge", "candidate", "2")
    assert str(chosen(UNNAMED)) == "models:/dlnet-edge/2"
    assert re.match(
        r"Model: models:/dlnet-edge/2 \(@candidate\), registered 20\d\d-\d\d-\d\d \d\d:\d\d in sqlite:",
        capsys.readouterr().out,
    )
    client.set_registered_model_alias("dlnet-edge", "champion", "1")
    assert str(chosen(UNNAMED)) == "models:/dlnet-edge/1"
    assert "(@champion)" in capsys.readouterr().out


@pytest.mark.slow
def test_the_task_of_the_folder_decides_whose_champion_is_meant(versions, capsys):
    Path("params.yaml").write_text("task: {name: pump}\n")
    Path("cell.csv").write_text("capacity\n1\n")
    assert main(["forecast", "cell.csv"]) == 1
    assert "dlnet-pump-edge has neither @champion nor @candidate" in capsys.readouterr().err


@pytest.mark.slow
def test_a_forecast_without_a_named_model_is_that_of_the_last_run(tmp_path_factory, folder, capsys):
    made = make(tmp_path_factory.mktemp("made"))
    table = synthetic_assets().query("asset == 'cell-3'").head(60).rename(columns={"quantity": "capacity"})
    table[["CC Q", "CV Q", "capacity"]].to_csv("cell.csv", index=False)
    a_run(EDGE, made=False)
    Path("models").symlink_to(made / "models")
    assert main(["forecast", "cell.csv", "--out", "out"]) == 0
    unnamed = Path("out/cell.csv").read_bytes()
    assert f"Model: models/edge/{EDGE} (int8 student)" in capsys.readouterr().out
    assert main(["forecast", "cell.csv", "--out", "out", "--model", f"models/edge/{EDGE}"]) == 0
    assert Path("out/cell.csv").read_bytes() == unnamed
