"""Cleaning of one asset: check-ups and spikes are left out, outliers of features become the median of their past.

A check-up is a block of at most ``LONGEST`` rows whose target leaves the level of the rows before and comes back to it:
a reference test, a spike. Inputs are cleaned with past rows only, so that a device can do the same, row by row.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from dlnet.config.clean import CleanParams
from dlnet.config.quantities import Quantities, Track

MAD_TO_SIGMA = 1.4826
"""Standard deviation of a normal variable over its median absolute deviation (1 / Phi^-1(3/4))."""

ROUNDING = 2.0**-40
"""Differences below this share of a number's own size are rounding. Users choose units, so no limit is absolute."""

LONGEST = 10
"""Rows of the longest check-up. What lasts longer is a new level."""

WIDENING = 8
"""The level is known less well with each row held: the spread allowed for grows by a part of so many."""

AHEAD = 2
"""Times the spread of known rows about their trend that is allowed for, as the next row is known from few of them."""


Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Levels:
    """Which rows of an asset lie on the level of its target.

    Attributes:
        off: (n,) 0 where a row is sound; else it is held, and this is its number since the level was left, from 1 to
            ``LONGEST``.
        begins: (n,) whether a new level begins with a row; rows before it do not count for those that follow.
    """

    off: npt.NDArray[np.int64]
    begins: npt.NDArray[np.bool_]

    @property
    def latest(self) -> npt.NDArray[np.int64]:
        """(n,) position, among the sound rows, of the last one."""
        return np.cumsum(self.off == 0) - 1

    @property
    def check_ups(self) -> npt.NDArray[np.bool_]:
        """(n,) held rows after which the level came back, and those at the end, of which nobody knows yet."""
        sound = np.flatnonzero(self.off == 0)
        following = np.searchsorted(sound, np.arange(len(self.off)))
        return np.asarray((self.off > 0) & ~np.append(self.begins[sound], False)[following])


def clean_inputs(
    health: np.ndarray,
    features: np.ndarray,
    names: Sequence[str],
    clean: CleanParams,
    quantities: Quantities,
    *,
    track: Track,
    typical: Mapping[str, float] = MappingProxyType({}),
) -> tuple[np.ndarray, np.ndarray]:
    """Health (n,) and features (n, F) of the given names as a device can clean them, row by row.

    What is NaN was not measured: there the last value measured in a sound row holds, before all filters. On track
    ``with_target`` a row off the level of the target holds the last sound row, features too. On track ``sensors_only``
    a device has no target to tell that by, so each feature has its own filter only.

    Args:
        health: on track ``with_target`` from its first measured row on.
        typical: feature -> its median in training, which holds before its first value.
    """
    back, own = clean.window - 1, quantities.cleaning.features
    floors = np.array([own.get(name, 0.0) for name in names])
    first = np.array([typical.get(name, np.nan) for name in names])
    levels = health_levels(health, clean, quantities)
    sound = levels.off == 0
    cleaned = filled(health[sound, None], np.array([np.nan]))[levels.latest, 0]
    if track == "sensors_only":
        return cleaned, replace_outliers(filled(features, first), back, 0, clean.feature_sigmas, floors)[0]
    parts = np.split(filled(features[sound], first), np.flatnonzero(levels.begins[sound]))
    kept = np.concatenate([replace_outliers(part, back, 0, clean.feature_sigmas, floors)[0] for part in parts])
    return cleaned, kept[levels.latest]


def filled(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    """(n, F) with the last measured value where one is NaN; before a column's first one, that of ``first`` (F,)."""
    if not np.isnan(values).any():
        return values
    table = np.concatenate([first[None], values])
    last = np.maximum.accumulate(np.where(np.isnan(table), 0, np.arange(len(table))[:, None]), axis=0)
    return np.asarray(np.take_along_axis(table, last, axis=0)[1:])


def clean_targets(health: np.ndarray, clean: CleanParams, quantities: Quantities) -> np.ndarray:
    """Health (n,) without outliers, with both sides of a row known; NaN where it was not measured, or at a check-up."""
    side = clean.window // 2 + 2
    kept = np.flatnonzero(np.isfinite(health))
    kept = kept[~health_levels(health[kept], clean, quantities).check_ups]
    cleaned = np.full(len(health), np.nan)
    cleaned[kept] = replace_outliers(health[kept], side, side, clean.sigmas, health_floor(quantities))[0]
    return cleaned


def health_levels(health: np.ndarray, clean: CleanParams, quantities: Quantities) -> Levels:
    """Levels of health (n,), as a device finds them; NaN where it was not measured."""
    return find_levels(health, clean.window - 1, clean.sigmas, health_floor(quantities))


def health_floor(quantities: Quantities) -> float:
    """Deviation of health below which a value is no outlier."""
    return quantities.cleaning.target / quantities.target.size


def find_levels(values: np.ndarray, memory: int, sigmas: float, floor: float) -> Levels:
    """Follow the level of a series, see ``follow``.

    The last ``memory`` sound rows are carried on to the row by their trend: the median of the newer half of them less
    that of the older half, a row, or 0 where that rises, as wear does not. A row is near the level if it lies near the
    median of itself and these, or near the last of them: within
    ``max(AHEAD * sigmas * 1.4826 * MAD * (1 + held / WIDENING), floor)``, with ``held`` the rows since the level was
    left. So is one that equals the last sound row.

    Args:
        values: (n,) float64; NaN is one that was not measured, and holds the last sound one.
        memory: sound rows that the level is known by, >= 1.
        sigmas, floor: as those of ``replace_outliers``.
    """
    return follow(values.tolist(), memory, partial(_near, sigmas=sigmas, floor=floor))


def follow(values: Sequence[Number], memory: int, near: Callable[[deque[Number], Number, int], bool]) -> Levels:
    """Follow the level of a series, row by row.

    A row near the level is sound, another one is held; after ``LONGEST`` held rows the next one begins a new level.
    Until a level has lasted longer than a check-up, nobody can tell which of the two is one: then a row off the level
    begins a new one at once, so that no sound row is held.

    Args:
        values: where NaN, the last sound one holds; before the first one nothing is off.
        near: whether a value lies on the level, from the last ``memory`` sound values, it, and the rows held before it.
    """
    off, begins = np.zeros(len(values), np.int64), np.zeros(len(values), np.bool_)
    known: deque[Number] = deque(maxlen=memory)
    settled = held = 0
    for i, measured in enumerate(values):
        value = known[-1] if known and math.isnan(measured) else measured
        if math.isnan(value):
            continue
        if known and value != known[-1] and not near(known, value, held):
            if settled > LONGEST and held < LONGEST:
                held += 1
                off[i] = held
                continue
            known.clear()
            begins[i], settled = True, 0
        settled = 1 if len(known) == 1 else settled + 1  # of two rows nobody knows which is odd
        held = 0
        known.append(value)
    return Levels(off, begins)


def _near(known: deque[float], value: float, held: int, *, sigmas: float, floor: float) -> bool:
    ahead = _carried_on(known, held)
    step = abs(value - ahead[-1])
    if step <= floor:  # most rows: no spread is needed
        return True
    centre = _middle([*ahead, value])
    spread = MAD_TO_SIGMA * _middle(abs(other - centre) for other in (*ahead, value))
    bound = max(AHEAD * sigmas * spread * (WIDENING + held) / WIDENING, floor, ROUNDING * abs(centre))
    return min(abs(value - centre), step) <= bound


def _carried_on(known: deque[float], held: int) -> list[float]:
    """The last sound rows, each as it would be ``held`` + 1 rows after the last of them."""
    values = list(known)
    half = len(values) // 2
    if not half:
        return values
    newer, older = values[-half:], values[-2 * half : -half]
    fall = min((_middle(newer) - _middle(older)) / half, 0.0)
    return [value + fall * (held + age) for age, value in zip(range(len(values), 0, -1), values, strict=True)]


def _middle(values: Iterable[float]) -> float:
    ordered = sorted(values)  # numpy's median takes ten times as long for so few
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def replace_outliers(
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
