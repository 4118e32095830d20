"""Encoded windows as tensors, ready for training."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from dlnet.config.task import TaskParams
from dlnet.data.encode import Encoder
from dlnet.data.gaps import thinned
from dlnet.data.windows import SPARSE, Ends, Singles, WindowDataset


@dataclass(frozen=True)
class TrainingData:
    """Encoded windows of one asset split; changes are relative to the anchor in units of ``delta_scale``.

    Attributes:
        z: (N, T, C) training windows, labelled ones first. change: (N, horizon), NaN where unlabelled or not measured.
        labelled: how many of them have labels. synthetic: how many, the last ones, were not measured but made.
        features: channels that noise is added to.
        validation_z, validation_change: (V, T, C), (V, horizon).
        delta_scale: of the errors, in the target's unit, per unit of change.
        teacher: (N, horizon) the teacher's output, if any. Other outputs of the teacher that losses need:
        spread: (N, horizon) standard deviation over its members. hint: (N, T, k) its hidden path, standardised.
        attention: (N, T) mean square of its states.
        weights, own: (measured,) how often a window is drawn, relative to the others, and whether it is of an own asset
            and not of a public source; None: all alike, all own.
    """

    z: Tensor
    change: Tensor
    labelled: int
    features: slice
    validation_z: Tensor
    validation_change: Tensor
    delta_scale: float
    teacher: Tensor | None = None
    spread: Tensor | None = None
    hint: Tensor | None = None
    attention: Tensor | None = None
    synthetic: int = 0
    weights: Tensor | None = None
    own: Tensor | None = None

    @property
    def measured(self) -> int:
        """Training windows that were measured; the synthetic ones follow."""
        return len(self.z) - self.synthetic

    @property
    def sparse(self) -> bool:
        """Whether most rows ahead of labelled own windows did not measure the target."""
        known = torch.isfinite(self.change[: self.labelled])
        if self.own is not None:
            known = known[self.own[: self.labelled]]
        return bool(known.float().mean() < SPARSE)

    def of_own(self) -> TrainingData:
        """The same with the measured windows of own assets alone."""
        if self.own is None:
            return self
        rows = torch.nonzero(self.own)[:, 0]
        names = ("z", "change", "teacher", "spread", "hint", "attention")
        kept = {name: value[rows] for name in names if (value := getattr(self, name)) is not None}
        labelled = int(self.own[: self.labelled].sum())
        return replace(self, **kept, labelled=labelled, synthetic=0, weights=None, own=None)

    def at(self, ahead: np.ndarray) -> TrainingData:
        """The same with training targets only at the rows ``ahead``."""
        columns = torch.as_tensor(ahead - 1)
        teacher = None if self.teacher is None else self.teacher[:, columns]
        spread = None if self.spread is None else self.spread[:, columns]
        return replace(self, change=self.change[:, columns], teacher=teacher, spread=spread)


@dataclass(frozen=True)
class Windows:
    """Ends of the windows used for training and for validation.

    Attributes:
        train: labelled windows first, then those at the end of a life that only a teacher can label.
        labelled: how many of ``train`` have labels.
        validation: all labelled.
    """

    train: Ends
    labelled: int
    validation: Ends


def training_windows(dataset: WindowDataset, task: TaskParams) -> Windows:
    """Windows of the training and validation assets; none of test assets."""
    labelled = dataset.windows("train", task.stride_train)
    every = dataset.windows("train", task.stride_train, labelled=False)
    unlabelled = np.setdiff1d(every, labelled)
    return Windows(
        np.concatenate([labelled, unlabelled]), len(labelled), dataset.windows("validation", task.stride_eval)
    )


def make_training_data(dataset: WindowDataset, encoder: Encoder, windows: Windows) -> TrainingData:
    """Encode the windows; unlabelled ones get NaN for labels.

    Of training windows the share ``drop`` of the rows is hidden, so that networks know features that are held.
    """
    change = np.full((len(windows.train), dataset.horizon), np.nan, np.float32)
    change[: windows.labelled] = _change(dataset, encoder, windows.train[: windows.labelled])
    weights = dataset.weights(windows.train)
    return TrainingData(
        z=torch.from_numpy(encoder.encode(thinned(dataset, 1 - dataset.task.channels.drop), windows.train)),
        change=torch.from_numpy(change),
        labelled=windows.labelled,
        features=encoder.feature_channels,
        validation_z=torch.from_numpy(encoder.encode(dataset, windows.validation)),
        validation_change=torch.from_numpy(_change(dataset, encoder, windows.validation)),
        delta_scale=encoder.delta_scale * dataset.unit_size,
        weights=None if weights is None else torch.from_numpy(weights),
        own=None if weights is None else torch.from_numpy(dataset.own(windows.train)),
    )


def _change(dataset: WindowDataset, encoder: Encoder, ends: Ends) -> Singles:
    """(N, horizon) targets relative to the anchor, in units of ``delta_scale``; NaN where not measured."""
    return (dataset.targets(ends) - encoder.anchor(dataset, ends)) / np.float32(encoder.delta_scale)
