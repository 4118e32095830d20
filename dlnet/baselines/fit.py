"""The numbers to beat: simple forecasts on the same windows as the networks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from dlnet.baselines.boosting import best_of, fit_boosting, fit_boosting_targets
from dlnet.baselines.gru import fit_gru
from dlnet.baselines.ridge import fit_ridge
from dlnet.config.baselines import BaselinesParams
from dlnet.config.task import TaskParams
from dlnet.data.encode import Encoder
from dlnet.data.windows import Ends, Floats, Singles, WindowDataset
from dlnet.train.data import make_training_data, training_windows

__all__ = ["Baseline", "Trend", "fit_all", "fit_boosting", "trend"]

LINE = 20  # cycles that the line is fitted over


class Baseline(Protocol):
    """A fitted forecast."""

    @property
    def uses_capacity(self) -> bool:
        """Whether the SoH of past cycles is an input; on track ``charge`` such a baseline is only for reference."""

    @property
    def parameters(self) -> int:
        """Numbers that have to be stored."""

    @property
    def bytes(self) -> int:
        """What they take on a device."""

    @property
    def chosen(self) -> dict[str, Any]:
        """What was chosen on validation windows, and what was tried."""

    def predict(self, dataset: WindowDataset, ends: Ends) -> Singles:
        """(N,) window ends -> (N, horizon) SoH."""


@dataclass(frozen=True)
class Trend:
    """A polynomial through the last cycles, moved to pass through the last one and followed from there.

    Attributes:
        degree: 0 is persistence, 1 a line, 2 a parabola. length: cycles it is fitted over.
    """

    degree: int
    length: int
    uses_capacity: bool = True
    parameters: int = 0
    bytes: int = 0
    chosen: dict[str, Any] = field(default_factory=dict)

    def predict(self, dataset: WindowDataset, ends: Ends) -> Singles:
        """(N,) window ends -> (N, horizon) SoH."""
        history = dataset.history(ends)[:, -self.length :]
        return np.asarray(history[:, -1:] + history @ trend(self.degree, self.length, dataset.horizon), np.float32)


def trend(degree: int, length: int, horizon: int) -> Floats:
    """(length, horizon): history (N, length) times this is the change from the last cycle.

    Least squares: with V the powers of the cycle number, coefficients are pinv(V) y.
    """
    past, ahead = np.arange(1 - length, 1) / length, np.arange(1, horizon + 1) / length
    powers = np.arange(1, degree + 1)
    coefficients = np.linalg.pinv(past[:, None] ** np.arange(degree + 1))[1:]
    return np.asarray((ahead[:, None] ** powers @ coefficients).T)


def fit_all(dataset: WindowDataset, encoder: Encoder, task: TaskParams, params: BaselinesParams) -> dict[str, Baseline]:
    """Fit every baseline on training windows; what there is to choose is chosen on validation windows.

    Returns:
        ``persistence``, ``line``, ``parabola``, ``ridge``, ``boosting``, the GRUs by their names in params; and, where
        boosting does best on what ridge leaves over, ``boosting_plain``: the best without ridge.
    """
    ridge = fit_ridge(dataset, task, params)
    boosted = fit_boosting_targets(dataset, task, params, ridge)
    fitted: dict[str, Baseline] = {
        "persistence": Trend(0, 1),
        "line": Trend(1, min(LINE, task.window)),
        "parabola": Trend(2, task.window),
        "ridge": ridge,
        "boosting": best_of(boosted.values()),
    }
    plain = [one for target, one in boosted.items() if target != "ridge"]
    if plain and best_of(boosted.values()).chosen["target"] == "ridge":
        fitted["boosting_plain"] = best_of(plain)
    data = make_training_data(dataset, encoder, training_windows(dataset, task))
    for name, gru in params.gru.items():
        fitted[name] = fit_gru(name, gru, encoder, data, task.channels.noise, params.seed)
    return fitted
