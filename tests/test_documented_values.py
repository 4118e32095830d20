"""Every documented value of params.yaml runs through a whole pipeline, or is refused in one line before training."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from dlnet.errors import ConfigError
from dlnet.export.saved import SavedEdge
from dlnet.files import read_json
from dlnet.forecast import FileLayout, forecast
from dlnet.registry.collect import collect
from dlnet.saved import load_as
from stages.baselines import BaselinesConfig
from stages.compress import CompressConfig
from stages.distill import DistillConfig
from stages.fetch import FetchConfig
from stages.prepare import PrepareConfig
from tests.bounds_pipelines import (
    ELSEWHERE,
    PIPELINES,
    REFUSED,
    SMALL,
    Settings,
    documented,
    fleet,
    occurring,
    write_cells,
)
from tests.data.synthetic_cells import write_embedded

PROJECT = Path(__file__).parents[1]
COLUMNS = {"temperature": "temp", "resistance": "ir"}  # of own cells, for a model of the simulated fleet too
STAGES = (
    "fetch", "prepare", "baselines", "teach", "distill", "select", "compress", "reselect", "quantise", "firmware",
    "evaluate",
)  # fmt: skip


def params_of(settings: Settings) -> dict[str, Any]:
    """The project's params.yaml with the settings of all small pipelines, then with these."""
    document = YAML(typ="safe").load(PROJECT / "params.yaml")
    for key, value in (SMALL | settings).items():
        section = document
        *names, last = key.split(".")
        for name in names:
            section = section[name]
        section[last] = list(value) if isinstance(value, tuple) else value
    return document


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Path:
    """A folder with own cells and the params of one pipeline, as working directory."""
    write_cells(tmp_path / "cells")
    (tmp_path / "data").mkdir()
    write_embedded(tmp_path / "data/embedded.parquet", fleet())
    for name in ("tasks", "docker", "firmware"):
        (tmp_path / name).symlink_to(PROJECT / name)
    YAML().dump(params_of(request.param), tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_documented_value_is_in_a_pipeline_or_is_refused():
    seen = set().union(*(occurring(params_of(settings)) for settings in PIPELINES.values()))
    missing = sorted(map(str, set(documented()) - seen - set(REFUSED) - set(ELSEWHERE)))
    assert not missing


def test_no_value_is_listed_as_refused_that_a_pipeline_has():
    both = set(REFUSED) & set(documented()) & set().union(*(occurring(params_of(one)) for one in PIPELINES.values()))
    assert both <= {("data.csv.nominal", None)}  # refused of a share, needed by what is none


@pytest.mark.parametrize(
    ("project", "message"),
    [pytest.param(*case, id="=".join(map(str, value))) for value, case in REFUSED.items()],
    indirect=["project"],
)
def test_a_value_that_cannot_work_is_refused_before_training(project, message):
    with pytest.raises(ConfigError) as caught:
        for config in (FetchConfig, PrepareConfig, BaselinesConfig, DistillConfig, CompressConfig):
            config.load()
        for stage in ("fetch", "prepare"):
            importlib.import_module(f"stages.{stage}").main()
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("arm-none-eabi-g++") is None, reason="needs docker/firmware.apt")
@pytest.mark.parametrize(
    "project", [pytest.param(settings, id=name) for name, settings in PIPELINES.items()], indirect=True
)
def test_documented_values_run_from_cells_to_firmware_and_forecast(project, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 1)  # so that networks train in this process
    for stage in STAGES:
        importlib.import_module(f"stages.{stage}").main()
    assert all(
        elite["equal"] == ["numpy", "host", "arm portable", "arm dsp"]
        for elite in read_json(Path("reports/firmware.json"))["models"]
    )
    assert collect(Path()).models
    for folder in Path("models/edge").iterdir():
        model = load_as(folder, SavedEdge)
        own = FileLayout(
            target="capacity", features={name: COLUMNS[name] for name in model.features if name in COLUMNS}
        )
        assert forecast(Path("cells/cell-0.csv"), model, own).ahead.shape == (model.horizon,)
