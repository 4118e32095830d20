"""Errors of forecasts, in the unit of the target."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dlnet.documents import Document

Array = npt.NDArray[Any]


class WorstAsset(Document):
    """The asset with the largest MAE."""

    asset: str
    mae: float


class Errors(Document):
    """Errors of the target: ``mae`` and ``rmse`` are means over windows, ``asset_mae`` is the mean over assets."""

    mae: float
    rmse: float
    asset_mae: float
    worst_asset: WorstAsset


def errors(prediction: Array, target: Array, asset: Array, names: tuple[str, ...], unit: float) -> Errors:
    """Errors over windows and over assets.

    Args:
        prediction, target: (N, horizon) health; a target that was not measured is NaN and does not count. Each
            window has at least one.
        asset: (N,) index into ``names``.
        names: names of the assets.
        unit: size of a unit of health in the unit of the target.
    """
    absolute = _absolute(prediction, target, unit)
    asset_mae = per_asset(prediction, target, asset, names, unit)
    worst = max(asset_mae, key=lambda name: (asset_mae[name], name))
    return Errors(
        mae=float(np.nanmean(absolute)),
        rmse=float(np.sqrt(np.nanmean(absolute**2))),
        asset_mae=float(np.mean(list(asset_mae.values()))),
        worst_asset=WorstAsset(asset=worst, mae=asset_mae[worst]),
    )


def per_asset(prediction: Array, target: Array, asset: Array, names: tuple[str, ...], unit: float) -> dict[str, float]:
    """Name of each asset that has windows -> its MAE; arguments as in ``errors``."""
    absolute = np.nanmean(_absolute(prediction, target, unit), axis=1)
    return {names[i]: float(absolute[asset == i].mean()) for i in np.unique(asset)}


def by_horizon(prediction: Array, target: Array, unit: float) -> Array:
    """(horizon,) mean absolute error of each row ahead; of one that no window measured, on the line between others."""
    absolute = _absolute(prediction, target, unit)
    measured = np.flatnonzero(np.isfinite(absolute).any(axis=0))
    return np.interp(np.arange(absolute.shape[1]), measured, np.nanmean(absolute[:, measured], axis=0))


def _absolute(prediction: Array, target: Array, unit: float) -> Array:
    return np.asarray(unit * np.abs(prediction.astype(np.float64) - target))


def by_knee(prediction: Array, target: Array, after: Array, unit: float) -> dict[str, float | None]:
    """MAE of windows before and after their asset's knee.

    Args:
        after: (N,) true where the window's last target lies beyond the knee (see ``knee_row``).

    Returns:
        ``before_knee`` and ``after_knee``; None where there is no such window.
    """
    absolute = np.nanmean(_absolute(prediction, target, unit), axis=1)
    return {
        "before_knee": float(absolute[~after].mean()) if (~after).any() else None,
        "after_knee": float(absolute[after].mean()) if after.any() else None,
    }


def knee_row(health: Array, least_height: float) -> int | None:
    """Row of an asset's knee: the point farthest above the chord from its first to its last health.

    Source: the maximum-distance definition (Kneedle, Satopaa et al. 2011, eq. for a concave decreasing curve). The
    distance is taken along health; across the chord it is the same times a constant, so the same point is farthest.

    Args:
        health: (n,) smoothed health of one asset.
        least_height: above the chord; a lower point is no knee.

    Returns:
        The row, or None where no point lies ``least_height`` above the chord: such an asset has no knee.
    """
    height = health - np.linspace(health[0], health[-1], len(health))
    knee = int(np.argmax(height))
    return knee if height[knee] >= least_height else None
