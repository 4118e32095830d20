"""Targets from a teacher: its forecasts, and other outputs that the losses of its students need."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlnet.data.encode import Encoder
from dlnet.data.windows import WindowDataset
from dlnet.distill.synthetic import SyntheticWindows, with_synthetic_windows
from dlnet.distill.trees import Teacher
from dlnet.losses import LOSSES
from dlnet.models.architectures import mean_prediction, predict, stack_size
from dlnet.models.network import hidden_path
from dlnet.models.trained import TrainedModel
from dlnet.train.data import TrainingData, Windows

HINT_SAMPLE = 2000  # windows that the hint's directions are fitted on
BATCH = 512


def add_teacher_targets(
    training_data: TrainingData,
    sources: Sequence[tuple[TrainedModel | Teacher, float]],
    dataset: WindowDataset,
    encoder: Encoder,
    windows: Windows,
    losses: Collection[str] = (),
    hint_width: int = 16,
    synthetic: SyntheticWindows | None = None,
) -> TrainingData:
    """The training data with a teacher's forecasts, and the other targets that ``losses`` need, from the first source.

    Args:
        sources: networks or teachers and their weights (sum 1); forecasts are mixed. They may have other channels.
        encoder: of the students, in whose units the targets are given.
        windows: those that the training data were made from.
        losses: of the jobs to come (see ``LOSSES``). hint_width: directions of the hidden path kept.
        synthetic: windows that are added after the measured ones, without labels.
    """
    forecast = sum(weight * source.forecast(dataset, windows.train).astype(np.float64) for source, weight in sources)
    change = (np.asarray(forecast) - encoder.anchor(dataset, windows.train)) / encoder.delta_scale
    teacher = torch.from_numpy(change.astype(np.float32))
    if synthetic is not None:
        training_data = with_synthetic_windows(training_data, synthetic, encoder)
        teacher = torch.cat([teacher, _synthetic_change(sources, synthetic, encoder)])
    with_targets = replace(training_data, teacher=teacher)
    needs = {need for loss in losses if loss in LOSSES for need in LOSSES[loss].needs}
    if needs:
        first = _network(sources[0][0])
        z = torch.from_numpy(first.encoder.encode(dataset, windows.train))
        if synthetic is not None:
            z = torch.cat([z, synthetic.seen_by(first.encoder)])
        make: dict[str, Callable[[], Tensor]] = {
            "spread": lambda: member_spread(first, z) * (first.encoder.delta_scale / encoder.delta_scale),
            "hint": lambda: hint_path(first, z, hint_width, len(windows.train)),
            "attention": lambda: attention_map(first, z),
        }
        more: dict[str, Any] = {need: make[need]() for need in sorted(needs)}
        with_targets = replace(with_targets, **more)
    return with_targets


def _synthetic_change(
    sources: Sequence[tuple[TrainedModel | Teacher, float]], synthetic: SyntheticWindows, encoder: Encoder
) -> Tensor:
    """(N, horizon) forecasts of synthetic windows, mixed, in units of ``delta_scale`` of ``encoder``."""
    total = torch.zeros(len(synthetic.z), encoder.horizon)
    for source, weight in sources:
        network, trees = _network(source), synthetic.trees
        share = source.share if isinstance(source, Teacher) else 0.0
        own = mean_prediction(network.parameters, synthetic.seen_by(network.encoder), network.config)
        total += own * (weight * (1 - share) * network.encoder.delta_scale / encoder.delta_scale)
        if share and trees is not None:
            total += trees * (weight * share * synthetic.encoder.delta_scale / encoder.delta_scale)
    return total


def _network(source: TrainedModel | Teacher) -> TrainedModel:
    return source.network if isinstance(source, Teacher) else source


def member_spread(teacher: TrainedModel, z: Tensor) -> Tensor:
    """Standard deviation of the members' forecasts, units of its ``delta_scale``: z (N, T, C) -> (N, horizon)."""
    parts = [predict(teacher.parameters, part, teacher.config).std(0, correction=0) for part in torch.split(z, BATCH)]
    return torch.cat(parts)


def attention_map(teacher: TrainedModel, z: Tensor) -> Tensor:
    """Mean square of all members' states a step: z (N, T, C) -> (N, T)."""
    with torch.no_grad():
        return torch.cat([(_states(teacher, part) ** 2).mean(2) for part in torch.split(z, BATCH)])


def hint_path(teacher: TrainedModel, z: Tensor, width: int, measured: int | None = None) -> Tensor:
    """Principal directions of a network's hidden path, standardised: z (N, T, C) -> (N, T, width).

    The members' states are concatenated; directions are fitted on an evenly spaced sample of windows, of the first
    ``measured`` ones where the others are synthetic.
    """
    count = len(z) if measured is None else measured
    with torch.no_grad():
        sample = _states(teacher, z[: count : max(1, count // HINT_SAMPLE)]).flatten(0, 1)
        center = sample.mean(0)
        covariance = torch.cov((sample - center).T).reshape(len(center), -1)  # of one neuron cov gives a number
        values, vectors = torch.linalg.eigh(covariance)
        kept = min(width, len(values))
        project = vectors[:, -kept:] / values[-kept:].clamp(min=1e-12).sqrt()
        return torch.cat([(_states(teacher, part) - center) @ project for part in torch.split(z, BATCH)])


def _states(teacher: TrainedModel, z: Tensor) -> Tensor:
    """(N, T, C) -> (N, T, members n)."""
    members = stack_size(teacher.parameters)
    path = hidden_path(teacher.parameters, z.expand(members, *z.shape), teacher.liquid)
    return torch.stack(path, dim=3).flatten(0, 1).permute(1, 2, 0)
