"""`dlnet set` and the options of files say what is close, what has no effect, and how blanks are written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from dlnet.cli import main
from dlnet.config.base import StageConfig
from dlnet.config.data import DataParams
from dlnet.data.schema import read_table
from dlnet.errors import ConfigError, DataError

PARAMS = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    shutil.copy(PARAMS, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def data():
    return YAML(typ="safe").load(Path("params.yaml"))["data"]


@pytest.mark.parametrize(
    ("assignment", "close"),
    [("data.source=mitt", "mit"), ("data.source=CSV", None), ("task.track=sensor_only", "sensors_only")],
)
def test_a_word_that_is_no_choice_is_refused_with_the_closest(folder, capsys, assignment, close):
    assert main(["set", assignment]) == 1
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "is none of" in message
    assert (f"did you mean {close!r}?" in message) == (close is not None)
    assert (folder / "params.yaml").read_bytes() == PARAMS.read_bytes()


def test_a_stage_names_the_closest_choice_too(folder):
    class Config(StageConfig):
        data: DataParams

    changed = PARAMS.read_text().replace("source: embedded ", "source: mitt ")
    Path("params.yaml").write_text(changed)
    with pytest.raises(ConfigError, match=r"params.yaml:5: data.source: .*did you mean 'mit'\? \(got 'mitt'\)"):
        Config.load()


@pytest.mark.parametrize(
    ("assignments", "words"),
    [
        (["data.csv.unit=mAh"], "data.csv.unit has no effect while data.source is embedded: it is read for csv"),
        (["data.source=mit", "data.path=x"], "data.path has no effect while data.source is mit"),
        (["data.mirror=x"], "data.mirror has no effect while data.source is embedded: it is read for mit, hust, xjtu"),
        (["task.sensors_only.noise=0.1"], "task.sensors_only.noise has no effect while task.track is with_target"),
    ],
)
def test_a_value_that_nothing_reads_is_set_with_a_note(folder, capsys, assignments, words):
    assert main(["set", *assignments]) == 0
    assert f"note: {words}" in capsys.readouterr().out


def test_a_mirror_is_read_for_public_sources(folder, capsys):
    assert main(["set", "data.public.mit=0.3", "data.mirror=x"]) == 0
    assert capsys.readouterr().out == ""
    assert data()["public"] == {"mit": 0.3}


def test_a_value_that_is_read_is_set_without_a_word(folder, capsys):
    assert main(["set", "data.source=csv", "data.csv.unit=mAh", "data.path=cells"]) == 0
    assert capsys.readouterr().out == ""


def test_a_name_with_blanks_needs_one_pair_of_quotes(folder):
    words = ["data.source=csv", "data.csv.target=Discharge Capacity (mAh)"]
    features = ["data.csv.features.CV Q=cv charge (Ah)", "data.csv.features.voltage mean=V mean"]
    assert main(["set", *words, *features, "data.csv.features.CV Q=cv charge"]) == 0
    assert data()["csv"]["target"] == "Discharge Capacity (mAh)"
    assert data()["csv"]["features"] == {"CV Q": "cv charge", "voltage mean": "V mean"}


@pytest.mark.parametrize("value", ["a, b", "&x", "a: b", "[1", ""])
def test_a_column_that_is_no_plain_value_is_not_added(folder, capsys, value):
    assert main(["set", f"data.csv.features.CV Q={value}"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert (folder / "params.yaml").read_bytes() == PARAMS.read_bytes()


def test_a_value_that_lost_its_quotes_is_named_with_them(folder, capsys):
    assert main(["set", "data.csv.target=Discharge", "Capacity"]) == 1
    assert "stands in quotes: dlnet set 'data.csv.target=Discharge Capacity'" in capsys.readouterr().err


def test_a_file_in_place_of_the_folder_of_a_model_is_named(folder, capsys):
    Path("cell.csv").write_text("x")
    assert main(["forecast", "cell.csv", "--model", "params.yaml"]) == 1
    assert "params.yaml: a file; name the model's folder" in capsys.readouterr().err


def test_a_folder_in_place_of_a_table_is_named_with_the_source_for_folders(tmp_path):
    with pytest.raises(DataError, match=r"a folder, where one Parquet file is wanted; .* set data.source: csv"):
        read_table(tmp_path)
