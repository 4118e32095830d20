"""Jobs of training, and their results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import torch

from dlnet.data.encode import Encoder
from dlnet.models.architectures import Config
from dlnet.models.head import Parameters
from dlnet.models.trained import TrainedModel
from dlnet.train.data import TrainingData

LABELS = "labels"
Curve = list[tuple[int, str, float, float]]
"""(step, name, training loss, validation MAE in health) at each validation."""


@dataclass(frozen=True)
class Job:
    """One network of a stack.

    Attributes:
        name: unique. seed: of its weights and batches. loss: ``labels`` or a name in ``LOSSES``.
        alpha: weight of the labels. training_set: index of its training set.
        start: initial weights, instead of random ones (no stack axis).
        mask: 1 where a weight may be non-zero, by parameter name (no stack axis).
        noise: of its features in training, in place of that of the plan.
    """

    name: str
    seed: int
    loss: str = LABELS
    alpha: float = 1.0
    training_set: int = 0
    start: Parameters | None = None
    mask: Parameters | None = None
    noise: float | None = None


@dataclass
class Trained:
    """A trained network: ``parameters`` without the stack axis, at the step with the least validation error."""

    job: Job
    config: Config
    parameters: Parameters
    mae_validation: float
    steps: int
    curve: Curve = field(default_factory=list)


def stack_parameters(results: Sequence[Trained]) -> Parameters:
    """Trained networks of one shape as the members of one model: a new first axis."""
    return {name: torch.stack([result.parameters[name] for result in results]) for name in results[0].parameters}


def as_model(result: Trained, encoder: Encoder, data: TrainingData, **lineage: Any) -> TrainedModel:
    """A trained network as a model that can be saved; ``data`` is that of its encoder."""
    job = result.job
    metrics = {"mae_validation": result.mae_validation, "steps": result.steps}
    training: dict[str, Any] = {"loss": job.loss, "seed": job.seed, "training_windows": data.labelled}
    if job.loss != LABELS:
        training["alpha"] = job.alpha
    return TrainedModel(job.name, encoder, result.config, stack_parameters([result]), metrics, {**training, **lineage})


def curves(results: Sequence[Trained]) -> pd.DataFrame:
    """Learning curves as a table: name, step, loss, mae_validation."""
    rows = [(name, step, loss, error) for result in results for step, name, loss, error in result.curve]
    return pd.DataFrame(rows, columns=["name", "step", "loss", "mae_validation"])
