"""Hampel filters: causal for model inputs, so that a device can run them, and centred for targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from dlnet.config.clean import CleanParams
from dlnet.config.quantities import Quantities

MAD_TO_SIGMA = 1.4826
"""Standard deviation of a normal variable over its median absolute deviation (1 / Phi^-1(3/4))."""

ROUNDING = 2.0**-40
"""Differences below this share of a number's own size are rounding. Users choose units, so no limit is absolute."""


def clean_inputs(
    health: np.ndarray,
    features: np.ndarray,
    names: Sequence[str],
    clean: CleanParams,
    quantities: Quantities,
    typical: Mapping[str, float] = MappingProxyType({}),
) -> tuple[np.ndarray, np.ndarray]:
    """Health (n,) and features (n, F) of the given names without outliers, as a device can clean them, row by row.

    What is NaN was not measured: there the last measured value holds, before all filters.

    Args:
        health: from its first measured row on, or NaN throughout.
        typical: feature -> its median in training, which holds before its first value.
    """
    back, own = clean.window - 1, quantities.cleaning.features
    floors = np.array([own.get(name, 0.0) for name in names])
    first = np.array([typical.get(name, np.nan) for name in names])
    health, features = filled(health[:, None], np.array([np.nan]))[:, 0], filled(features, first)
    cleaned = hampel(features, back, 0, clean.feature_sigmas, floors)[0]
    return hampel(health, back, 0, clean.sigmas, health_floor(quantities))[0], cleaned


def filled(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    """(n, F) with the last measured value where one is NaN; before a column's first one, that of ``first`` (F,)."""
    if not np.isnan(values).any():
        return values
    table = np.concatenate([first[None], values])
    last = np.maximum.accumulate(np.where(np.isnan(table), 0, np.arange(len(table))[:, None]), axis=0)
    return np.asarray(np.take_along_axis(table, last, axis=0)[1:])


def clean_targets(health: np.ndarray, clean: CleanParams, quantities: Quantities) -> np.ndarray:
    """Health (n,) without outliers, with both sides of a row known; NaN where it was not measured."""
    side, known = clean.window // 2 + 2, np.isfinite(health)
    cleaned = health.copy()
    cleaned[known] = hampel(health[known], side, side, clean.sigmas, health_floor(quantities))[0]
    return cleaned


def health_floor(quantities: Quantities) -> float:
    """Deviation of health below which a value is no outlier."""
    return quantities.cleaning.target / quantities.target.size


def hampel(
    values: np.ndarray, before: int, after: int, sigmas: float, floor: float | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Replace outliers by the median of their neighbourhood (Hampel 1974; Pearson 2002).

    Value i is an outlier where ``|x[i] - m| > max(sigmas * 1.4826 * median|x[j] - m|, floor, ROUNDING * |m|)``,
    with m the median of the neighbourhood ``x[i - before : i + after + 1]``, cut off at the ends. With ``after = 0``
    the filter is causal: it can run on a device, row by row. Neighbours are taken as given, not as cleaned.

    Args:
        values: (n,) or (n, F) float64, finite; columns are filtered one by one.
        before: rows looked back, >= 0.
        after: rows looked ahead, >= 0.
        sigmas: robust deviations that make an outlier, > 0.
        floor: never an outlier below this deviation, in the unit of ``values``; a number, or (F,).

    Returns:
        The cleaned values and a mask of those replaced, both of the shape of ``values``.
    """
    columns = values.reshape(len(values), -1)
    centre, spread = np.empty_like(columns), np.empty_like(columns)
    n, width = len(columns), before + after + 1
    if n >= width:
        windows = np.lib.stride_tricks.sliding_window_view(columns, width, axis=0)
        centre[before : n - after], spread[before : n - after] = _median_and_mad(windows)
    for i in (*range(min(before, n)), *range(max(n - after, before, 0), n)):
        window = columns[max(0, i - before) : i + after + 1]
        centre[i], spread[i] = _median_and_mad(window.T)
    least = np.maximum(floor, ROUNDING * np.abs(centre))  # a constant stretch stays as it is
    outlier = np.abs(columns - centre) > np.maximum(sigmas * spread, least)
    cleaned = np.where(outlier, centre, columns)
    return cleaned.reshape(values.shape), outlier.reshape(values.shape)


def _median_and_mad(windows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centre = np.median(windows, axis=-1)
    return centre, MAD_TO_SIGMA * np.median(np.abs(windows - centre[..., None]), axis=-1)
