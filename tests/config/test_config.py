"""Invalid values of params.yaml are rejected with the key, before any work."""

import shutil
from pathlib import Path

import pytest

from dlnet.cli.set_params import set_params
from dlnet.errors import ConfigError
from stages.baselines import BaselinesConfig
from stages.compress import CompressConfig
from stages.distill import DistillConfig
from stages.evaluate import EvaluateConfig
from stages.prepare import PrepareConfig

PARAMS = Path(__file__).parents[2] / "params.yaml"


@pytest.mark.parametrize(
    ("config", "assignments", "message"),
    [
        (PrepareConfig, ["split.test=0", "split.train=0.8"], "split.test: Input should be greater than 0"),
        (PrepareConfig, ["split.validation=0.3"], "split: train + validation + test must be 1, not 1.1"),
        (DistillConfig, ["students.hidden={}"], "students: hidden must name at least one cell"),
        (DistillConfig, ["students.seeds=[1,1]"], "students: seeds must list at least one value, each once"),
        (CompressConfig, ["prune.sparsities=[0.5,0.5]"], "prune: sparsities must list at least one value, each once"),
        (CompressConfig, ["prune.methods=[]"], "prune: methods must list at least one value, each once"),
    ],
)
def test_an_invalid_value_is_named(tmp_path, config, assignments, message):
    path = tmp_path / "params.yaml"
    shutil.copy(PARAMS, path)
    config.load(path)
    set_params(assignments, path)
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert message in str(caught.value)


def test_the_boosting_of_a_track_must_be_there(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS.read_text().replace("      with_target: [change]\n", ""))
    with pytest.raises(ConfigError, match=r"baselines\.boosting\.targets must name the track .* 'with_target'"):
        BaselinesConfig.load(path)


@pytest.mark.parametrize("key", ["boosting_slack", "boosting_bytes_ratio"])
def test_a_setting_of_the_earlier_gate_is_no_longer_known(tmp_path, key):
    path = tmp_path / "params.yaml"
    path.write_text(PARAMS.read_text().replace("  int8_bound:", f"  {key}: 1.0\n  int8_bound:"))
    with pytest.raises(ConfigError, match=f"publish.{key}: Extra inputs are not permitted"):
        EvaluateConfig.load(path)


@pytest.mark.parametrize("name", ["flash_bytes", "ram_bytes", "instructions", "ms_modelled"])
def test_a_budget_of_nothing_is_refused(tmp_path, name):
    path = tmp_path / "params.yaml"
    shutil.copy(PARAMS, path)
    set_params([f"publish.budget.{name}=0"], path)
    with pytest.raises(ConfigError, match=f"publish.budget.{name}: Input should be greater than"):
        EvaluateConfig.load(path)
