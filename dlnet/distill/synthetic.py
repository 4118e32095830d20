"""Synthetic windows, labelled only by the teacher.

A teacher can label any window (Hinton et al. 2015, section 2; Beyer et al. 2022 on consistent teaching). There
are three sources: real windows with shifted features, mixtures of two real windows (Zhang et al. 2018, without the
mixed labels), and windows of other, simulated assets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd
import torch
from torch import Tensor

from dlnet.config.clean import CleanParams
from dlnet.config.quantities import Quantities
from dlnet.config.split import SplitParams
from dlnet.config.students import StudentParams
from dlnet.config.task import TaskParams
from dlnet.data.documents import TableLabel
from dlnet.data.encode import CLIP, Encoder
from dlnet.data.prepare import prepare
from dlnet.data.sources import embedded
from dlnet.data.windows import WindowDataset
from dlnet.errors import ConfigError
from dlnet.models.network import generator
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


def mixed(training_data: TrainingData, copies: int, reach: float, spread: float, seed: int) -> Tensor:
    """Windows ``w a + (1 - w) b`` of two random measured windows each, features shifted: (copies N, T, C).

    On its own training windows a teacher repeats labels that it has learned by heart; what it knows beside them shows
    on windows that nobody measured.

    Args:
        reach: w is uniform in [-reach, 1 + reach]. spread: standard deviation of the shifts, a constant a window, in
            standard deviations of the features. seed: of pairs, weights and shifts.

    Returns:
        Encoded windows, within the range of the encoder.
    """
    source, measured = generator(seed), training_data.z[: training_data.measured]
    count, width = copies * len(measured), training_data.features.stop - training_data.features.start
    first, second = (torch.randint(len(measured), (count,), generator=source) for _ in range(2))
    weight = torch.rand(count, 1, 1, generator=source) * (1 + 2 * reach) - reach
    z = torch.lerp(measured[second], measured[first], weight)
    z[..., training_data.features] += spread * torch.randn(count, 1, width, generator=source)
    return z.clamp(-CLIP, CLIP)


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


@dataclass(frozen=True)
class SyntheticWindows:
    """Windows that were made, not measured.

    Attributes:
        z: (N, T, C). encoder: whose channels they are.
        trees: (N, horizon) change that boosting forecasts, units of ``delta_scale``, where it is part of the teacher.
    """

    z: Tensor
    encoder: Encoder
    trees: Tensor | None = None

    def seen_by(self, encoder: Encoder) -> Tensor:
        """The same windows as an encoder shows them that has fewer features or steps: (N, its steps, its channels).

        Every other field of both encoders must be the same, as it is after pruning.
        """
        known, names = self.encoder.channels, encoder.channels
        if names == known and encoder.steps == self.encoder.steps:
            return self.z
        return self.z[:, -encoder.steps :, [known.index(name) for name in names]].contiguous()


def synthetic_windows(
    params: StudentParams, training_data: TrainingData, encoder: Encoder, fleet: Tensor | None = None
) -> SyntheticWindows | None:
    """The synthetic windows that the settings ask for: mixtures, shifted windows, those of ``fleet`` (N, T, C)."""
    if not params.uses_synthetic_windows:
        return None
    parts = [
        mixed(training_data, params.mixed.copies, params.mixed.reach, params.mixed.spread, seed=0),
        shifted(training_data, params.shifted.copies, params.shifted.spread, seed=0),
        *([] if fleet is None else [fleet]),
    ]
    z = torch.cat(parts)
    return SyntheticWindows(z, encoder) if len(z) else None


def with_synthetic_windows(training_data: TrainingData, synthetic: SyntheticWindows, encoder: Encoder) -> TrainingData:
    """The training data of ``encoder`` with more windows, which have no labels: only a teacher can label them."""
    z = synthetic.seen_by(encoder)
    no_labels = torch.full((len(z), training_data.change.shape[1]), torch.nan)
    return replace(
        training_data,
        z=torch.cat([training_data.z, z]),
        change=torch.cat([training_data.change, no_labels]),
        synthetic=training_data.synthetic + len(z),
    )
