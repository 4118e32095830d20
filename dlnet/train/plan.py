"""How to train: steps, learning rate, early stopping and the rows ahead in the loss."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dlnet.config.training import TrainingParams
from dlnet.losses import TEMPERATURE


@dataclass(frozen=True)
class TrainPlan:
    """How to train.

    Attributes:
        steps, batch: gradient steps and windows a step. learning_rate: peak of AdamW's, see ``learning_rate_at``.
        clip: largest norm of one network's gradient.
        noise: standard deviation of the shift that is added to each feature of a window.
        check: steps between validations. patience: validations without improvement before a network stops.
        points: rows ahead in the loss, evenly spread. temperature: of soft targets.
    """

    steps: int
    batch: int = 256
    learning_rate: float = 8e-3
    weight_decay: float = 1e-4
    warmup: int = 60
    floor: float = 0.02
    clip: float = 1.0
    noise: float = 0.15
    check: int = 250
    patience: int = 6
    points: int = 20
    temperature: float = TEMPERATURE

    def learning_rate_at(self, step: int) -> float:
        """Learning rate of a step: rises over ``warmup`` steps and falls as a cosine to ``floor`` of the peak."""
        rise = min(1.0, (step + 1) / self.warmup)
        fall = self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return self.learning_rate * rise * fall


def plan_of(training: TrainingParams, noise: float, temperature: float = TEMPERATURE) -> TrainPlan:
    """The training section as a plan; ``noise`` is the track's, ``temperature`` that of soft targets."""
    return TrainPlan(**training.model_dump(), noise=noise, temperature=temperature)


def loss_points(horizon: int, points: int) -> np.ndarray:
    """Rows ahead in the loss: the middles of ``points`` equal parts of the horizon."""
    return np.unique(np.ceil((np.arange(points) + 0.5) * horizon / points).astype(int))
