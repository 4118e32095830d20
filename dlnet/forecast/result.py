"""A forecast, in the unit of the task's target."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dlnet.config.quantities import Quantities, Target
from dlnet.data.ownnames import plain_name

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Forecast:
    """The history of an asset, and the forecast of its next rows, in the unit of the task's target.

    Attributes:
        path: file that it was read from. history: (rows,) cleaned target; NaN where the file has none.
        ahead: (horizon,) target in the next rows.
        error: (horizon,) mean absolute error on validation assets; NaN where the asset is unlike those of training.
        nominal: quantity of the asset when new; 1 where the target is no share of it. notes: on its file.
        outside: how the asset differs from the training assets, a line each.
    """

    asset: str
    path: Path
    model: str
    label: str
    quantities: Quantities
    nominal: float
    history: Floats
    ahead: Floats
    error: Floats
    notes: tuple[str, ...]
    outside: tuple[str, ...]

    def table(self) -> pd.DataFrame:
        """One row a step of time: how far ahead, the target, its typical error, whether the asset is outside."""
        words = self.quantities
        return pd.DataFrame(
            {
                plain_name(f"{words.time.one}_ahead"): np.arange(1, len(self.ahead) + 1),
                plain_name(words.target.symbol): self.ahead,
                "typical_error": self.error,
                "outside": bool(self.outside),
            }
        )

    def steps_to(self, threshold: float) -> int | None:
        """Rows until the target has reached a threshold: 0 now, None not within the horizon.

        Args:
            threshold: in the unit of the target.
        """
        return steps_to(threshold, self.history, self.ahead, self.quantities.target)


def steps_to(threshold: float, history: Floats, ahead: Floats, target: Target) -> int | None:
    """See ``Forecast.steps_to``; history (rows,) and ahead (horizon,) in the unit of the target."""
    path = np.concatenate([history[-1:], ahead])
    reached = path <= threshold if target.direction == "falling" else path >= threshold
    return int(reached.argmax()) if reached.any() else None
