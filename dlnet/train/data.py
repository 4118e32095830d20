"""Encoded windows as tensors, ready for training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlnet.config.task import TaskParams
from dlnet.data.encode import Encoder
from dlnet.data.windows import Ends, Singles, WindowDataset
from dlnet.train.loop import TrainingData


@dataclass(frozen=True)
class Windows:
    """Ends of the windows used for training and for choosing.

    Attributes:
        train: labelled windows first, then those at the end of a life that only a teacher can label.
        labelled: how many of ``train`` have labels.
        validation: all labelled.
    """

    train: Ends
    labelled: int
    validation: Ends


def training_windows(dataset: WindowDataset, task: TaskParams) -> Windows:
    """Windows of the training and validation cells; no test cell is touched."""
    labelled = dataset.windows("train", task.stride_train)
    every = dataset.windows("train", task.stride_train, labelled=False)
    unlabelled = np.setdiff1d(every, labelled)
    return Windows(
        np.concatenate([labelled, unlabelled]), len(labelled), dataset.windows("validation", task.stride_eval)
    )


def make_training_data(dataset: WindowDataset, encoder: Encoder, windows: Windows) -> TrainingData:
    """Encode the windows; unlabelled ones get NaN for labels."""
    change = np.full((len(windows.train), dataset.horizon), np.nan, np.float32)
    change[: windows.labelled] = change_of(dataset, encoder, windows.train[: windows.labelled])
    return TrainingData(
        z=torch.from_numpy(encoder.encode(dataset, windows.train)),
        change=torch.from_numpy(change),
        labelled=windows.labelled,
        features=encoder.feature_channels,
        validation_z=torch.from_numpy(encoder.encode(dataset, windows.validation)),
        validation_change=torch.from_numpy(change_of(dataset, encoder, windows.validation)),
        delta_scale=encoder.delta_scale,
    )


def change_of(dataset: WindowDataset, encoder: Encoder, ends: Ends) -> Singles:
    """(N, horizon) targets relative to the anchor, in units of ``delta_scale``."""
    return (dataset.targets(ends) - encoder.anchor(dataset, ends)) / np.float32(encoder.delta_scale)


def to_soh(change: Tensor, encoder: Encoder, anchor: Singles) -> Singles:
    """Change in units of ``delta_scale`` (..., N, horizon) and anchor (N, 1) -> SoH."""
    return np.asarray(change.numpy() * np.float32(encoder.delta_scale) + anchor, np.float32)
