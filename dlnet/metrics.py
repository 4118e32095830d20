"""Errors of forecasts, in the unit of the target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dlnet.documents import Document
from dlnet.errors import DataError

Array = npt.NDArray[Any]

RESAMPLES, SEED = 2000, 0  # of the assets, for an interval
INTERVAL = (0.025, 0.975)
MOST_RATIO = 1e6  # given for any ratio above it, such as one over a model without error


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


class Ratio(Document):
    """Mean over assets of one model's MAE over that of another, and its 95 % interval; at most ``MOST_RATIO``."""

    ratio: float
    low: float
    high: float


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


def paired_ratio(own: Mapping[str, float], theirs: Mapping[str, float]) -> Ratio:
    """Ratio of the mean errors of two models over the same assets, with the interval of a paired bootstrap.

    Both means of a resample are over the same assets, drawn with replacement, so what makes an asset hard for both
    models does not widen the interval. Source: percentile bootstrap (Efron 1979; Efron and Tibshirani 1993, ch. 13).

    Args:
        own, theirs: asset -> MAE, as ``per_asset`` gives it.

    Raises:
        DataError: there is no asset, or one of the models was not measured on all of them.
    """
    if not own or own.keys() != theirs.keys():
        raise DataError(f"errors of {len(own)} and of {len(theirs)} assets: a ratio needs the same ones; run dvc repro")
    pairs = np.array([(own[name], theirs[name]) for name in sorted(own)])
    chosen = np.random.default_rng(SEED).integers(len(pairs), size=(RESAMPLES, len(pairs)))
    low, high = np.quantile(_quotient(pairs[chosen].mean(axis=1)), INTERVAL)
    return Ratio(ratio=float(_quotient(pairs.mean(axis=0)[None])[0]), low=float(low), high=float(high))


def _quotient(means: Array) -> Array:
    """(N, 2) -> (N,) the first over the second; of two zeros 1."""
    above, below = means[:, 0], means[:, 1]
    ratio = np.divide(above, below, out=np.where(above > 0, MOST_RATIO, 1.0), where=below > 0)
    return np.minimum(ratio, MOST_RATIO)
