"""``dlnet set --preset``: the values of a preset, the way back, and the mark on what was made with them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from dlnet.cli.app import app
from dlnet.cli.set_params import preset_assignments, set_params
from dlnet.config.presets import MARKS, preset_values
from dlnet.data.documents import TaskRecord
from dlnet.data.prepare import prepare
from dlnet.errors import ConfigError
from dlnet.models.document import DataFacts
from dlnet.registry.card import float_card
from stages.baselines import BaselinesConfig
from stages.compress import CompressConfig
from stages.distill import DistillConfig
from stages.prepare import PrepareConfig
from stages.select import SelectConfig
from stages.teach import TeachConfig
from tests.data.synthetic_cells import SOURCE, cells_table, clean_params, split_params, task_params
from tests.tasks import BATTERY

PARAMS = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(PARAMS, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "params.yaml"


def value_of(path: Path, key: str) -> object:
    value = YAML(typ="safe").load(path)
    for name in key.split("."):
        value = value[name]
    return value


def test_a_preset_sets_each_of_its_values_and_only_those(params: Path) -> None:
    assert CliRunner().invoke(app, ["set", "--preset", "quick"]).exit_code == 0
    quick = preset_values("quick")
    assert {key: value_of(params, key) for key in quick} == quick
    expected = PARAMS.read_text().splitlines()
    changed = [line for line, old in zip(params.read_text().splitlines(), expected, strict=True) if line != old]
    assert len(changed) == len({key for key, value in quick.items() if value != value_of(PARAMS, key)})


def test_the_default_preset_restores_what_was_delivered(params: Path) -> None:
    set_params(preset_assignments("quick"), params)
    set_params(preset_assignments("default"), params)
    assert YAML(typ="safe").load(params) == YAML(typ="safe").load(PARAMS)


def test_values_given_beside_a_preset_win(params: Path) -> None:
    assert CliRunner().invoke(app, ["set", "teacher.ensemble.members=3", "--preset", "quick"]).exit_code == 0
    assert value_of(params, "teacher.ensemble.members") == 3


@pytest.mark.parametrize(
    "config", [BaselinesConfig, CompressConfig, DistillConfig, PrepareConfig, SelectConfig, TeachConfig]
)
def test_every_stage_accepts_the_values_of_the_quick_preset(params: Path, config: type) -> None:
    set_params(preset_assignments("quick"), params)
    config.load(params)


def test_an_unknown_preset_of_params_is_named(params: Path) -> None:
    set_params(["preset=fast"], params)
    with pytest.raises(ConfigError, match=r"params\.yaml:3: preset: Input should be 'default' or 'quick'"):
        PrepareConfig.load(params)


def test_set_without_anything_to_set_says_so(params: Path) -> None:
    result = CliRunner().invoke(app, ["set"])
    assert isinstance(result.exception, ConfigError)
    assert "--preset NAME" in str(result.exception)


def quick_task() -> TaskRecord:
    parts = clean_params(), split_params(), task_params()
    return prepare(cells_table(), SOURCE, BATTERY, *parts, "quick").task


def test_the_mark_goes_with_the_data_into_models_and_cards() -> None:
    task = quick_task()
    assert task.to(DataFacts).preset == "quick"
    assert MARKS["quick"][0] in float_card("student", task, {"mae": 0.1})


def test_a_model_saved_before_there_were_presets_has_no_mark() -> None:
    saved = {key: value for key, value in quick_task().to(DataFacts).content().items() if key != "preset"}
    assert MARKS[DataFacts.model_validate(saved).preset] == ()
