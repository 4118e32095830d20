"""One cell split of the study: its windows, its encoder, and the only code of the study that reads test targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from dlnet.config.data import Source
from dlnet.config.quantities import Track, load_quantities
from dlnet.config.task import TaskParams
from dlnet.data.documents import TaskRecord
from dlnet.data.encode import Encoder, fit_encoder
from dlnet.data.prepare import prepare
from dlnet.data.sources import load_assets
from dlnet.data.split import split_assets
from dlnet.data.windows import Ends, Floats, Singles, WindowDataset
from dlnet.metrics import per_asset
from dlnet.train.data import TrainingData, Windows, make_training_data, training_windows
from studies.config import StudyConfig

Forecast = Singles | Floats


@dataclass(frozen=True)
class Cells:
    """The cleaned cells, before any split."""

    rows: pd.DataFrame
    assets: pd.DataFrame
    task: TaskRecord


def load(config: StudyConfig, source_name: Source = "mit") -> Cells:
    """Fetch and clean cells, by default those of MIT; splits are assigned later."""
    quantities = load_quantities("battery")
    table, source = load_assets(config.data.model_copy(update={"source": source_name}), quantities)
    prepared = prepare(table, source, quantities, config.clean, config.split, config.task)
    return Cells(prepared.rows, prepared.assets.drop(columns=["split", "used_in_training"]), prepared.task)


@dataclass(frozen=True)
class CellSplit:
    """A split of the cells on one track.

    Attributes:
        dataset: without test targets. with_test_targets: the same with them, read by ``score`` only.
        task, encoder, windows, training_data: of the training and validation cells. test: ends of the test windows.
    """

    task: TaskParams
    dataset: WindowDataset
    with_test_targets: WindowDataset
    encoder: Encoder
    windows: Windows
    training_data: TrainingData
    test: Ends

    def score(self, on_validation: Forecast, on_test: Forecast) -> dict[str, Any]:
        """Errors of a model from its forecasts of the validation and the test windows, as columns of a table."""
        columns: dict[str, Any] = {}
        for split, ends, forecast in (
            ("validation", self.windows.validation, on_validation),
            ("test", self.test, on_test),
        ):
            summary = self.with_test_targets.errors(forecast, ends)
            columns |= {
                f"mae_{split}": summary.mae,
                f"rmse_{split}": summary.rmse,
                f"asset_mae_{split}": summary.asset_mae,
            }
            columns |= {
                f"worst_asset_{split}": summary.worst_asset.asset,
                f"worst_asset_mae_{split}": summary.worst_asset.mae,
            }
        return columns

    def cells_of_test(self, on_test: Forecast) -> dict[str, tuple[float, int]]:
        """MAE of each test cell, and the number of its windows."""
        dataset = self.with_test_targets
        asset = dataset.asset_of(self.test)
        mae = per_asset(on_test, dataset.targets(self.test), asset, dataset.assets, dataset.unit_size)
        return {name: (error, int((asset == dataset.assets.index(name)).sum())) for name, error in mae.items()}


def make_split(config: StudyConfig, cells: Cells, track: Track, split: int, share: float = 1.0) -> CellSplit:
    """Split the cells with seed ``split``, keep a share of the training cells, fit the encoder."""
    task = config.task.model_copy(update={"track": track})
    assigned = split_assets(
        cells.assets, config.split.model_copy(update={"seed": split, "train_share": share}), config.clean.min_rows
    )
    return split_of(task, cells.rows, assigned, cells.task)


def split_of(task: TaskParams, rows: pd.DataFrame, assets: pd.DataFrame, record: TaskRecord) -> CellSplit:
    """Datasets, encoder and windows on the track of ``task``, of cleaned rows whose ``assets`` are assigned."""
    channels = task.channels(record.quantities, record.features)
    record = record.model_copy(update={"track": task.track, "channels": channels})
    dataset = WindowDataset.from_tables(rows, assets, record)
    with_test_targets = WindowDataset.from_tables(rows, assets, record, allow_test=True)
    encoder, windows = fit_encoder(dataset, task), training_windows(dataset, task)
    training_data = make_training_data(dataset, encoder, windows)
    return CellSplit(
        task, dataset, with_test_targets, encoder, windows, training_data, dataset.windows("test", task.stride_eval)
    )
