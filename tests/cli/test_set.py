"""`dlnet set`: one line of params.yaml changes, or none."""

import shutil
from pathlib import Path

import pytest

from dlnet.cli import main
from dlnet.config.base import StageConfig
from dlnet.config.data import DataParams
from dlnet.config.students import StudentParams
from dlnet.config.task import TaskParams

PARAMS = Path(__file__).parents[2] / "params.yaml"


class Config(StageConfig):
    data: DataParams
    task: TaskParams
    students: StudentParams


@pytest.fixture
def folder(tmp_path, monkeypatch):
    shutil.copy(PARAMS, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_values_are_set_and_every_other_line_stays(folder):
    assert main(["set", "data.source=mit", "task.track=sensors_only", "students.seeds=[4,5]"]) == 0
    found = Config.load()
    assert (found.data.source, found.task.track, found.students.seeds) == ("mit", "sensors_only", [4, 5])
    assert main(["set", "data.mirror=/a/b c", "task.window=100"]) == 0
    assert str(Config.load().data.mirror) == "/a/b c"
    before, after = PARAMS.read_text().splitlines(), (folder / "params.yaml").read_text().splitlines()
    assert len(before) == len(after)
    assert sum(old != new for old, new in zip(before, after, strict=True)) == 5


def test_what_is_set_to_its_own_value_changes_no_byte(folder):
    assert main(["set", f"data.source={Config.load().data.source}"]) == 0
    assert (folder / "params.yaml").read_bytes() == PARAMS.read_bytes()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("data.sauce=mit", "there is no 'data.sauce'"),
        ("data.source.more=mit", "there is no 'data.source.more'"),
        ("data.source", "expected section.key=value"),
        ("students.seeds=[1", "is not YAML"),
        ("data.source=mit, hust", "is not one value"),
        ("data.source=", "is not one value"),
        ("data=mit", "'data' is a section"),
    ],
)
def test_a_wrong_assignment_is_one_line_and_changes_nothing(folder, capsys, wrong, words):
    assert main(["set", "task.track=sensors_only", wrong]) == 1
    assert words in capsys.readouterr().err
    assert (folder / "params.yaml").read_bytes() == PARAMS.read_bytes()
