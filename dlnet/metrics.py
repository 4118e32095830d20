"""Errors of forecasts, in SoH (fraction of nominal capacity)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def errors(prediction: Array, target: Array, cell: Array, names: tuple[str, ...]) -> dict[str, Any]:
    """Errors over windows and over cells.

    Args:
        prediction, target: (N, horizon) SoH.
        cell: (N,) index into ``names``.
        names: names of the cells.

    Returns:
        ``mae`` and ``rmse`` as means over windows, ``cell_mae`` as mean over cells, ``worst_cell`` with its MAE.
    """
    absolute = np.abs(prediction.astype(np.float64) - target)
    per_cell = {int(i): float(absolute[cell == i].mean()) for i in np.unique(cell)}
    worst = max(per_cell, key=lambda i: (per_cell[i], names[i]))
    return {
        "mae": float(absolute.mean()),
        "rmse": float(np.sqrt((absolute**2).mean())),
        "cell_mae": float(np.mean(list(per_cell.values()))),
        "worst_cell": {"cell": names[worst], "mae": per_cell[worst]},
    }


def by_horizon(prediction: Array, target: Array) -> Array:
    """(horizon,) mean absolute error of each cycle ahead."""
    return np.asarray(np.abs(prediction.astype(np.float64) - target).mean(axis=0))


def by_knee(prediction: Array, target: Array, after: Array) -> dict[str, float | None]:
    """MAE of windows before and after their cell's knee.

    Args:
        after: (N,) true where the window's last target lies beyond the knee (see ``knee_row``).

    Returns:
        ``before_knee`` and ``after_knee``; None where there is no such window.
    """
    absolute = np.abs(prediction.astype(np.float64) - target).mean(axis=1)
    return {
        "before_knee": float(absolute[~after].mean()) if (~after).any() else None,
        "after_knee": float(absolute[after].mean()) if after.any() else None,
    }


def knee_row(soh: Array) -> int:
    """Row of a cell's knee: the point farthest above the chord from its first to its last SoH.

    Source: the maximum-distance definition (Kneedle, Satopaa et al. 2011, eq. for a concave decreasing curve).

    Args:
        soh: (n,) smoothed SoH of one cell.
    """
    chord = np.linspace(soh[0], soh[-1], len(soh))
    return int(np.argmax(soh - chord))
