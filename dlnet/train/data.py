"""Encoded windows as tensors, ready for training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlnet.config.task import TaskParams
from dlnet.data.encode import Encoder
from dlnet.data.windows import Bank, Ends, Singles
from dlnet.train.loop import Fold


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


def training_windows(bank: Bank, task: TaskParams) -> Windows:
    """Windows of the training and validation cells; no test cell is touched."""
    labelled = bank.windows("train", task.stride_train)
    every = bank.windows("train", task.stride_train, labelled=False)
    unlabelled = np.setdiff1d(every, labelled)
    return Windows(np.concatenate([labelled, unlabelled]), len(labelled), bank.windows("validation", task.stride_eval))


def make_fold(bank: Bank, encoder: Encoder, windows: Windows) -> Fold:
    """Encode the windows; unlabelled ones get NaN for labels."""
    change = np.full((len(windows.train), bank.horizon), np.nan, np.float32)
    change[: windows.labelled] = change_of(bank, encoder, windows.train[: windows.labelled])
    return Fold(
        z=torch.from_numpy(encoder.encode(bank, windows.train)),
        change=torch.from_numpy(change),
        labelled=windows.labelled,
        features=encoder.feature_channels,
        validation_z=torch.from_numpy(encoder.encode(bank, windows.validation)),
        validation_change=torch.from_numpy(change_of(bank, encoder, windows.validation)),
        delta_scale=encoder.delta_scale,
    )


def change_of(bank: Bank, encoder: Encoder, ends: Ends) -> Singles:
    """(N, horizon) targets relative to the anchor, in units of ``delta_scale``."""
    return (bank.targets(ends) - encoder.anchor(bank, ends)) / np.float32(encoder.delta_scale)


def to_soh(change: Tensor, encoder: Encoder, anchor: Singles) -> Singles:
    """Change in units of ``delta_scale`` (..., N, horizon) and anchor (N, 1) -> SoH."""
    return np.asarray(change.numpy() * np.float32(encoder.delta_scale) + anchor, np.float32)
