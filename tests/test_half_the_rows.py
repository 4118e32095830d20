"""A life given at half its rows has the same forecast, within the bound that docs/data.md states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from saved_models import save_as_edge
from synthetic_dataset import FEATURES, synthetic_dataset, task

from dlnet.baselines.saved import save_baseline
from dlnet.baselines.trends import Trend
from dlnet.data.encode import fit_encoder
from dlnet.distill.students import as_student
from dlnet.forecast import FileLayout, forecast
from dlnet.models.shapes import net_config
from dlnet.saved import LoadedModel, load
from dlnet.train.data import make_training_data, training_windows
from dlnet.train.job import Job
from dlnet.train.loop import train
from dlnet.train.plan import TrainPlan

NOISE = 5e-5  # of one SoH
BOUND = 1e-3  # docs/data.md
PLAN = TrainPlan(steps=150, batch=64, learning_rate=1e-2, weight_decay=1e-4, check=50, patience=8, noise=0.1)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[LoadedModel]:
    """A trained student in float and as integers, and the line."""
    folder, params, dataset = tmp_path_factory.mktemp("models"), task(), synthetic_dataset()
    encoder = fit_encoder(dataset, params)
    data = make_training_data(dataset, encoder, training_windows(dataset, params))
    student = as_student(
        train(net_config(encoder, "liquid", 6, "euler", 1), [Job("student", 0)], [data], PLAN)[0], encoder, data
    )
    student.save(folder / "student", dataset)
    save_as_edge(folder / "edge", student, dataset, params.stride_eval)
    save_baseline(folder / "line", "line", Trend(1, params.window, params.horizon), dataset)
    return [load(path) for path in sorted(folder.iterdir())]


def smooth_life(seed: int, rows: int = 80) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    time = np.arange(rows, dtype=float)
    age = time / 60 * rng.uniform(0.8, 1.2)
    soh = 1.0 - 0.03 * age**1.5 + rng.normal(0, NOISE, rows)
    features = {"charge": 1.1 * soh, "duration": 40 - 10 * soh, "slope": -2e-4 * (2 - soh)}
    return pd.DataFrame({"cycle": time, "capacity": 1.1 * soh, **features})


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), odd=st.booleans())
def test_half_the_rows_give_the_same_forecast(
    models: list[LoadedModel], tmp_path: Path, seed: int, odd: bool
) -> None:
    life, rng = smooth_life(seed), np.random.default_rng(seed)
    keep = np.zeros(len(life), bool)
    keep[int(odd) :: 2] = True
    if rng.random() < 0.5:  # or half of them at random
        keep = rng.permutation(keep)
    keep[[0, -1]] = True
    layout = FileLayout(time="cycle", features={name: name for name in FEATURES})
    life.to_csv(tmp_path / "all.csv", index=False)
    life[keep].to_csv(tmp_path / "half.csv", index=False)
    for model in models:
        own = FileLayout(time="cycle") if not model.features else layout
        whole, half = (forecast(tmp_path / name, model, own) for name in ("all.csv", "half.csv"))
        assert len(whole.history) == len(half.history) == len(life)
        assert np.abs(whole.ahead - half.ahead).max() < BOUND, model.document.name
