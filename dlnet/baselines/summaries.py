"""Inputs of ridge and boosting (a summary of a window), and interpolation of knots to a forecast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlnet.config.baselines import FeatureSets
from dlnet.config.task import Memory, TaskParams
from dlnet.data.windows import Floats, Histories, Singles, WindowDataset
from dlnet.errors import ConfigError

SLOPE_SHARES = (0.2, 0.4, 0.6, 1.0)  # of the window that a slope of health is fitted over
NONE = Memory()  # nothing is known before the window
SLOPE_UNIT = 100  # slopes in health per 100 rows, near the size of the other inputs


@dataclass(frozen=True)
class Summary:
    """A window in a few numbers.

    With the target: the last health, least-squares slopes over the last 20, 40, 60 and 100 % of the window, last minus
    first health, and last minus twice the middle plus first. For each feature: its mean over the last block, and that
    minus its mean over the first block. Then what the asset's past says (``dlnet.data.life``): slopes of health far
    back, for each feature its mean over the window minus that over the asset's youth, and the asset's age.

    Attributes:
        target: whether health is an input. features: names of the features. window, block: rows.
        memory: of the asset's past. age: whether its age is an input.
    """

    target: bool
    features: tuple[str, ...]
    window: int
    block: int
    memory: Memory = NONE
    age: bool = False

    @property
    def width(self) -> int:
        """Numbers P a window is reduced to."""
        return len(self.terms)

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of the P numbers, in their order."""
        own = ["last", *(f"slope {share}" for share in SLOPE_SHARES), "change", "bend"] if self.target else []
        youth = self.features if self.memory.youth else ()
        return (
            *own,
            *(f"{name}, recent" for name in self.features),
            *(f"{name}, change" for name in self.features),
            *(f"history {lag}" for lag in self.memory.history),
            *(f"{name}, since youth" for name in youth),
            *(["age"] if self.age else []),
        )

    @property
    def remembers(self) -> bool:
        """Whether rows before the window have a part in the numbers."""
        return self.age or self.memory != NONE

    def of(self, histories: Histories) -> Floats:
        """N windows -> (N, P)."""
        parts, seen = [], histories.last(self.window)
        if self.target:
            history = seen.health
            first, middle, last = history[:, :1], history[:, self.window // 2, None], history[:, -1:]
            slopes = [slope(history, max(2, round(share * self.window))) * SLOPE_UNIT for share in SLOPE_SHARES]
            parts = [last, np.stack(slopes, axis=1), last - first, last - 2 * middle + first]
        if self.features:
            features = seen.of(self.features)
            recent = features[:, -self.block :].mean(axis=1)
            parts += [recent, recent - features[:, : self.block].mean(axis=1)]
        return np.concatenate([*parts, *self._past(seen)], axis=1)

    def _past(self, seen: Histories) -> list[Floats]:
        """What lies before the windows; (N, Q) each."""
        parts, life = [], seen.life
        if self.memory.history:
            parts.append(life.slopes(self.memory.history, self.block))
        if self.memory.youth and self.features:
            parts.append(seen.of(self.features).mean(axis=1) - life.youth(self.memory.youth, self.features))
        if self.age:
            parts.append(life.age[:, None])
        return parts


def slope(history: Floats, length: int) -> Floats:
    """(N, W) -> (N,) least-squares slope over the last ``length`` values, per row."""
    x = np.arange(length) - (length - 1) / 2
    return np.asarray(history[:, -length:] @ (x / (x @ x)))


def summaries(dataset: WindowDataset, task: TaskParams, sets: FeatureSets, memory: Memory = NONE) -> list[Summary]:
    """One summary for each set of features: ``own`` (the task's), ``all``, or names.

    A list that names a feature the data lack is left out: it was written for other data. Duplicates are left out too.

    Raises:
        ConfigError: no set fits the data.
    """
    known = {"own": dataset.task.channels.features, "all": dataset.feature_names}
    dataset.columns(list(dataset.task.channels.features))
    requested = [known[entry] if isinstance(entry, str) else tuple(entry) for entry in sets]
    distinct: dict[frozenset[str], tuple[str, ...]] = {}
    for names in requested:
        if set(names) <= set(dataset.feature_names):
            distinct.setdefault(frozenset(names), names)
    if not distinct:
        raise ConfigError(
            f"params.yaml: baselines: no list of features fits the data ({list(dataset.feature_names)}); add 'own'"
        )
    with_target = task.track == "with_target"
    return [Summary(with_target, names, task.window, task.block, memory) for names in distinct.values()]


@dataclass(frozen=True)
class Knots:
    """Cycles ahead that are predicted; straight lines between them.

    Attributes:
        at: rising rows ahead, the last is the horizon. anchored: the line starts at 0 in row 0; else it is flat
            before the first knot.
    """

    at: tuple[int, ...]
    anchored: bool

    @classmethod
    def of(cls, task: TaskParams, anchored: bool) -> Knots:
        """The task's knots; without an anchor, row 1 is a knot too, so that nothing is extrapolated."""
        return cls(tuple(task.knots) if anchored else tuple(sorted({1, *task.knots})), anchored)

    def pick(self, curve: Singles | Floats) -> Floats:
        """(N, horizon) -> (N, knots)."""
        return np.asarray(curve[:, np.array(self.at) - 1], np.float64)

    def curve(self, values: Floats) -> Floats:
        """(N, knots) -> (N, horizon)."""
        corners = [0, *self.at] if self.anchored else list(self.at)
        ahead = np.arange(1, self.at[-1] + 1)
        hats = [np.interp(ahead, corners, unit) for unit in np.eye(len(corners))[-len(self.at) :]]
        return np.asarray(values @ np.array(hats))


@dataclass(frozen=True)
class OnSummary:
    """What forms and forests have in common: they map a window's summary to knots."""

    summary: Summary
    knots: Knots

    @property
    def uses_target(self) -> bool:
        """Whether the health of past rows is an input."""
        return self.summary.target

    @property
    def horizon(self) -> int:
        """Rows ahead."""
        return self.knots.at[-1]

    @property
    def window(self) -> int:
        """Cycles of history that it needs."""
        return self.summary.window


def mae(forecast: Singles | Floats, target: Singles | Floats) -> float:
    """Mean absolute error over all windows and rows that measured the target, by which settings are chosen."""
    return float(np.nanmean(np.abs(forecast - target), dtype=np.float64))
