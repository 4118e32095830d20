"""Errors of forecasts, in SoH (fraction of nominal capacity)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dlnet.documents import Document

Array = npt.NDArray[Any]

KNEE_HEIGHT = 0.01  # SoH above the chord below which a fade counts as straight: noise alone reaches a few 0.001


class WorstCell(Document):
    """The cell with the largest MAE."""

    cell: str
    mae: float


class Errors(Document):
    """Errors of SoH: ``mae`` and ``rmse`` are means over windows, ``cell_mae`` is the mean over cells."""

    mae: float
    rmse: float
    cell_mae: float
    worst_cell: WorstCell


def errors(prediction: Array, target: Array, cell: Array, names: tuple[str, ...]) -> Errors:
    """Errors over windows and over cells.

    Args:
        prediction, target: (N, horizon) SoH.
        cell: (N,) index into ``names``.
        names: names of the cells.
    """
    absolute = np.abs(prediction.astype(np.float64) - target)
    cell_mae = per_cell(prediction, target, cell, names)
    worst = max(cell_mae, key=lambda name: (cell_mae[name], name))
    return Errors(
        mae=float(absolute.mean()),
        rmse=float(np.sqrt((absolute**2).mean())),
        cell_mae=float(np.mean(list(cell_mae.values()))),
        worst_cell=WorstCell(cell=worst, mae=cell_mae[worst]),
    )


def per_cell(prediction: Array, target: Array, cell: Array, names: tuple[str, ...]) -> dict[str, float]:
    """Name of each cell that has windows -> its MAE; arguments as in ``errors``."""
    absolute = np.abs(prediction.astype(np.float64) - target).mean(axis=1)
    return {names[i]: float(absolute[cell == i].mean()) for i in np.unique(cell)}


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


def knee_row(soh: Array) -> int | None:
    """Row of a cell's knee: the point farthest above the chord from its first to its last SoH.

    Source: the maximum-distance definition (Kneedle, Satopaa et al. 2011, eq. for a concave decreasing curve). The
    distance is taken along SoH; across the chord it is the same times a constant, so the same point is farthest.

    Args:
        soh: (n,) smoothed SoH of one cell.

    Returns:
        The row, or None where no point lies ``KNEE_HEIGHT`` above the chord: such a cell has no knee.
    """
    height = soh - np.linspace(soh[0], soh[-1], len(soh))
    knee = int(np.argmax(height))
    return knee if height[knee] >= KNEE_HEIGHT else None
