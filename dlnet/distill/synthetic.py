"""Synthetic windows, labelled only by the teacher.

A teacher can label any window (Hinton et al. 2015, section 2; Beyer et al. 2022 on consistent teaching). There
are two sources: real windows with shifted features, and windows of other, simulated assets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd
import torch
from torch import Tensor

from dlnet.config.clean import CleanParams
from dlnet.config.quantities import Quantities
from dlnet.config.split import SplitParams
from dlnet.config.task import TaskParams
from dlnet.data.documents import TableLabel
from dlnet.data.encode import Encoder
from dlnet.data.prepare import prepare
from dlnet.data.sources import embedded
from dlnet.data.windows import WindowDataset
from dlnet.errors import ConfigError
from dlnet.models.architectures import predict
from dlnet.models.network import generator
from dlnet.models.trained import TrainedModel
from dlnet.train.data import TrainingData


def shifted(training_data: TrainingData, copies: int, spread: float, seed: int) -> Tensor:
    """``copies`` of all training windows, each feature shifted by a constant a window: (copies N, T, C).

    Args:
        spread: standard deviation of the shifts, in standard deviations of the features. seed: of the shifts.
    """
    source, parts = generator(seed), []
    width = training_data.features.stop - training_data.features.start
    for _ in range(copies):
        z = training_data.z.clone()
        z[..., training_data.features] += spread * torch.randn(len(z), 1, width, generator=source)
        parts.append(z)
    return torch.cat(parts) if parts else training_data.z[:0]


@dataclass(frozen=True)
class Fleet:
    """A simulated fleet in one table, not yet cleaned, and its label."""

    table: pd.DataFrame
    label: TableLabel


def simulated(
    fleet: Fleet,
    quantities: Quantities,
    clean: CleanParams,
    split: SplitParams,
    task: TaskParams,
    encoder: Encoder,
    stride: int,
) -> Tensor:
    """Windows of the training assets of a simulated fleet, encoded by the encoder of other assets: (N, T, C).

    Args:
        fleet: cleaned and assigned to splits here. quantities: the task. stride: rows from one window to the next.

    Raises:
        ConfigError: the fleet is of another task, or lacks a feature that the encoder uses.
    """
    if fleet.label.task != quantities.name:
        raise ConfigError(
            f"params.yaml: students.simulated_stride: the simulated fleet is of task {fleet.label.task!r}, and "
            f"task.name is {quantities.name!r}; set it to 0"
        )
    missing = [name for name in encoder.features if name not in fleet.table.columns]
    if missing:
        raise ConfigError(
            f"params.yaml: students.simulated_stride: the simulated fleet has no {missing[0]!r}, which students "
            "see; set it to 0"
        )
    source = embedded(fleet.table, fleet.label, quantities)
    prepared = prepare(fleet.table, source, quantities, clean, split, task)
    dataset = WindowDataset.from_tables(prepared.rows, prepared.assets, prepared.task)
    return torch.from_numpy(encoder.encode(dataset, dataset.windows("train", stride, labelled=False)))


def add_synthetic_windows(training_data: TrainingData, teacher: TrainedModel, z: Tensor) -> TrainingData:
    """The training data with more windows ``z`` (N, T, C) that only the teacher labels.

    The teacher must have the encoder of the students. Targets other than forecasts (hidden path, spread, attention)
    are not computed for these windows, and are dropped.
    """
    no_labels = torch.full((len(z), training_data.change.shape[1]), torch.nan)
    together = torch.cat([training_data.z, z])
    return replace(
        training_data,
        z=together,
        change=torch.cat([training_data.change, no_labels]),
        teacher=predict(teacher.parameters, together, teacher.config).mean(0),
        spread=None,
        hint=None,
        attention=None,
    )
