"""Persistence, line and parabola: polynomials through the last rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dlnet.data.windows import Ends, Floats, Histories, Singles, WindowDataset


@dataclass(frozen=True)
class Trend:
    """A polynomial through the last rows, moved to pass through the last one and extrapolated.

    Attributes:
        degree: 0 is persistence, 1 a line, 2 a parabola. length: rows it is fitted over. horizon: rows ahead.
    """

    degree: int
    length: int
    horizon: int
    uses_target: bool = True
    remembers: bool = False
    parameters: int = 0
    bytes: int = 0
    chosen: dict[str, Any] = field(default_factory=dict)
    features: tuple[str, ...] = ()

    @property
    def window(self) -> int:
        """Cycles of history that it needs."""
        return self.length

    def predict(self, histories: Histories) -> Singles:
        """N windows -> (N, horizon) health."""
        history = histories.health[:, -self.length :]
        return np.asarray(history[:, -1:] + history @ trend(self.degree, self.length, self.horizon), np.float32)

    def forecast(self, dataset: WindowDataset, ends: Ends) -> Singles:
        """(N,) window ends -> (N, horizon) health."""
        return self.predict(dataset.histories(ends, ()))


def trend(degree: int, length: int, horizon: int) -> Floats:
    """(length, horizon): history (N, length) times this is the change from the last row.

    Least squares: with V the powers of the row number, coefficients are pinv(V) y.
    """
    past, ahead = np.arange(1 - length, 1) / length, np.arange(1, horizon + 1) / length
    powers = np.arange(1, degree + 1)
    coefficients = np.linalg.pinv(past[:, None] ** np.arange(degree + 1))[1:]
    return np.asarray((ahead[:, None] ** powers @ coefficients).T)
