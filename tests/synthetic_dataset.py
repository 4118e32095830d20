"""Small synthetic cells as the tables of the prepare stage, and small networks and training data, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from dlnet.config.task import TaskParams, Windows
from dlnet.data.documents import TaskRecord
from dlnet.data.encode import Encoder, fit_encoder
from dlnet.data.windows import WindowDataset
from dlnet.models.architectures import Config
from dlnet.models.gru import GruConfig
from dlnet.models.network import NetConfig
from dlnet.train.data import TrainingData
from tasks import BATTERY

SPLITS = ("train", "train", "train", "validation", "test", "unused")
FEATURES = ("charge", "duration", "slope")
CHANNELS = {"features": list(FEATURES), "relative": ["charge", "slope"], "noise": 0.1}


def task(track: str = "with_target", **changes: Any) -> TaskParams:
    """Section ``task``: windows of 12 cycles in blocks of 2, 10 cycles ahead."""
    content = {
        "name": "battery",
        "track": track,
        "window": 12,
        "block": 2,
        "horizon": 10,
        "knots": [2, 5, 10],
        "stride_train": 1,
    }
    content |= {
        "stride_eval": 3,
        "with_target": CHANNELS | {"quantiles": 5},
        "sensors_only": CHANNELS | {"quantiles": 0},
    }
    return TaskParams(**content | changes)


def life(rows: int, seed: int) -> pd.DataFrame:
    """One cell with accelerating fade; features depend on its SoH, with noise."""
    rng = np.random.default_rng(seed)
    age = np.arange(rows) / 60 * rng.uniform(0.8, 1.2)
    soh = 1.0 - 0.03 * age**1.5 + rng.normal(0, 2e-4, rows)
    noise = rng.normal(0, 1, (3, rows))
    return pd.DataFrame(
        {
            "row": np.arange(rows),
            "health": soh,
            "target": soh + rng.normal(0, 1e-4, rows),
            "charge": 1.1 * soh + 2e-3 * noise[0],
            "duration": 40 - 10 * soh + 0.1 * noise[1],
            "slope": -2e-4 * (2 - soh) + 1e-6 * noise[2],
        }
    )


def tables(splits: tuple[str, ...] = SPLITS, rows: int = 60) -> tuple[pd.DataFrame, pd.DataFrame]:
    """``rows.parquet`` and ``assets.parquet``: asset i has ``rows + 3 i`` rows."""
    parts = [life(rows + 3 * i, i).assign(asset=f"c{i}", group="all") for i in range(len(splits))]
    table = pd.concat(parts, ignore_index=True)[["asset", "group", "row", "health", "target", *FEATURES]]
    cells = pd.DataFrame(
        {
            "asset": [f"c{i}" for i in range(len(splits))],
            "group": "all",
            "rows": [len(part) for part in parts],
            "split": list(splits),
            "used_in_training": [split == "train" for split in splits],
        }
    )
    return table, cells


def described(params: TaskParams) -> TaskRecord:
    """``task.json``."""
    columns = {"target": "capacity", "unit": "Ah", "time": None, "features": {name: name for name in FEATURES}}
    clean = {"window": 7, "sigmas": 3.0, "feature_sigmas": 6.0, "min_rows": 22}
    facts = {
        "task": "battery",
        "source": "synthetic",
        "label": "synthetic",
        "simulated": True,
        "nominal": [1.1],
        "columns": columns,
    }
    facts |= {"assets": 7, "rows": 300, "notes": ()}
    facts |= {name: getattr(params, name) for name in Windows.model_fields}
    channels = params.channels(BATTERY, FEATURES)
    return TaskRecord(**facts, quantities=BATTERY, clean=clean, features=FEATURES, channels=channels, counts={})


def write_windows(folder: Path) -> None:
    """The files of the prepare stage, as other stages read them."""
    folder.mkdir(parents=True)
    rows, cells = tables()
    rows.to_parquet(folder / "rows.parquet")
    cells.to_parquet(folder / "assets.parquet")
    described(task()).write(folder / "task.json")


def synthetic_dataset(params: TaskParams | None = None, *, allow_test: bool = False, **kwargs: Any) -> WindowDataset:
    """A dataset of synthetic cells."""
    return WindowDataset.from_tables(*tables(**kwargs), described(params or task()), allow_test=allow_test)


def synthetic_encoder(track: str = "with_target") -> tuple[WindowDataset, Encoder]:
    """A dataset and the encoder fitted on it."""
    dataset = synthetic_dataset(task(track))
    return dataset, fit_encoder(dataset, task(track))


def small_net(**changes: Any) -> NetConfig:
    """Shape of a small student: 4 channels, 6 steps, 10 cycles ahead."""
    content = {"cell": "liquid", "solver": "euler", "substeps": 1, "hidden": 5, "channels": 4, "steps": 6}
    content |= {"skip": "slopes", "knots": (2, 5, 10), "horizon": 10, "level": False}
    return NetConfig(**content | changes)


def small_gru(**changes: Any) -> GruConfig:
    """Shape of a small GRU with the same inputs and head."""
    content = {"hidden": 5, "channels": 4, "steps": 6, "skip": "slopes", "knots": (2, 5, 10), "horizon": 10}
    return GruConfig(**content | {"level": False} | changes)


def synthetic_training_data(
    config: Config, seed: int = 0, count: int = 40, labelled: int | None = None, **changes: Any
) -> TrainingData:
    """Random windows whose labels fall at a rate set by the window; labels after the first ``labelled`` are NaN."""
    source = torch.Generator().manual_seed(seed)

    def windows(number: int) -> tuple[torch.Tensor, torch.Tensor]:
        z = torch.randn(number, config.steps, config.channels, generator=source)
        pace = torch.sigmoid(z[:, :, 0].mean(1, keepdim=True) + z[:, -1:, 1])
        return z, -pace * torch.linspace(0.1, 2, config.horizon)

    z, change = windows(count)
    validation_z, validation_change = windows(15)
    known = count if labelled is None else labelled
    change[known:] = torch.nan
    content = {"z": z, "change": change, "labelled": known, "features": slice(1, config.channels)}
    content |= {"validation_z": validation_z, "validation_change": validation_change, "delta_scale": 0.02}
    content |= {"teacher": windows(count)[1], "hint": torch.randn(count, config.steps, 3, generator=source)}
    content |= {"spread": 0.1 * torch.rand(count, config.horizon, generator=source)}
    content |= {"attention": torch.rand(count, config.steps, generator=source)}
    return TrainingData(**content | changes)
