"""All baselines together, and the stage's files."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_grid import baselines_params
from synthetic_dataset import synthetic_dataset, synthetic_encoder, task, write_windows

from dlnet.baselines.fit import fit_all
from dlnet.baselines.record import BaselineTable
from dlnet.files import read_tensors
from dlnet.metrics import errors
from stages import baselines as stage
from stages.baselines import BaselinesConfig

NAMES = {"persistence", "line", "parabola", "ridge", "boosting", "boosting_age", "gru_small"}
NAMES |= {"linear_device", "forest_device"}


@pytest.mark.slow
@pytest.mark.parametrize("track", ["with_target", "sensors_only"])
def test_every_baseline_forecasts_and_reports_whether_it_uses_the_target(track):
    dataset, encoder = synthetic_encoder(track)
    fitted, ends = fit_all(dataset, encoder, task(track), baselines_params()), dataset.windows("test", 3)
    assert NAMES <= set(fitted) <= NAMES | {"boosting_plain"}
    for name, model in fitted.items():
        forecast = model.forecast(dataset, ends)
        assert forecast.shape == (len(ends), 10)
        assert forecast.dtype == np.float32
        assert np.isfinite(forecast).all()
        assert model.uses_target == (track == "with_target" or name in ("persistence", "line", "parabola"))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with windows, and the params of the stage."""
    monkeypatch.chdir(tmp_path)
    write_windows(Path("data/windows"))
    config = BaselinesConfig(task=task(), baselines=baselines_params())
    monkeypatch.setattr(stage.BaselinesConfig, "load", lambda: config)
    return Path("models/baselines")


@pytest.mark.slow
def test_stage_writes_forecasts_errors_and_curves_and_the_same_bytes_again(project):
    stage.main()
    dataset, table = synthetic_dataset(), BaselineTable.read(project / "baselines.json").root
    validation, test = dataset.windows("validation", 3), dataset.windows("test", 3)
    forecasts = read_tensors(project / "predictions.safetensors")
    assert set(forecasts) == set(table)
    for name, forecast in forecasts.items():
        assert forecast.shape == (len(validation) + len(test), 10)
        targets, assets = dataset.targets(validation), dataset.asset_of(validation)
        truth = errors(forecast[: len(validation)], targets, assets, dataset.assets, 1.0)
        assert table[name].validation == truth
    assert set(pd.read_parquet(project / "learning.parquet")["name"]) == {"gru_small"}
    first = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    stage.main()
    assert first == {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
