"""Checks of baselines that were read from files: sizes before they are allocated, indices before they are followed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from dlnet.baselines.forest import ARRAYS, Forest
from dlnet.baselines.summaries import Knots, Summary
from dlnet.config.task import LEAST_LAG, MOST_LAG
from dlnet.data.encoder_check import MOST_FEATURES, MOST_ROWS
from dlnet.errors import ModelError

MOST_NUMBERS = 1 << 22  # of the matrix that turns a history, or knots, into a forecast
MOST_NODES = 1 << 18  # of a forest; thirty times what boosting of the pipeline has
DEGREES = (0, 1, 2)
INDICES, REALS = ("first", "feature", "left", "right"), ("start", "threshold", "value")


def check_trend(degree: int, length: int, horizon: int) -> None:
    """Raise ``ModelError`` for a polynomial that no fit gives."""
    _raise_first(
        {
            "degree": degree in DEGREES,
            "length": degree < length <= MOST_ROWS,
            "horizon": 1 <= horizon <= MOST_ROWS and length * horizon <= MOST_NUMBERS,
        }
    )


def check_shape(summary: Summary, knots: Knots) -> None:
    """Raise ``ModelError`` for inputs or knots that no fit gives."""
    names, at = summary.features, knots.at
    _raise_first(
        {
            "shape.summary.features": len(set(names)) == len(names) <= MOST_FEATURES
            and all(name and name.isprintable() for name in names)
            and summary.width > 0,
            "shape.summary.window": 2 <= summary.window <= MOST_ROWS,
            "shape.summary.block": 1 <= summary.block <= summary.window,
            "shape.summary.memory.history": _history(summary),
            "shape.summary.memory.youth": summary.memory.youth is None
            or 0 <= summary.memory.youth[0] < summary.memory.youth[1] <= summary.window,
            "shape.knots.at": len(at) > 0
            and at[0] >= 1
            and all(low < high for low, high in pairwise(at))
            and at[-1] <= MOST_ROWS
            and (len(at) + 1) * at[-1] <= MOST_NUMBERS,
            "shape.knots.anchored": summary.target or not knots.anchored,
        }
    )


def _history(summary: Summary) -> bool:
    """Whether lags rise, and a device that keeps means of blocks knows them."""
    lags = summary.memory.history
    return not lags or (
        summary.target
        and all(low < high for low, high in pairwise(lags))
        and lags[0] >= LEAST_LAG
        and lags[-1] <= MOST_LAG
    )


def check_start(start: tuple[Summary, Knots], own: tuple[Summary, Knots]) -> None:
    """Raise ``ModelError`` for a ridge that forests cannot add to; ``start`` and ``own``: inputs and knots of both."""
    _raise_first(
        {
            "start.summary.target": start[0].target == own[0].target,
            "start.summary.window": start[0].window == own[0].window,
            "start.knots.at": start[1].at[-1] == own[1].at[-1],
        }
    )


def check_forest(forest: Forest, width: int) -> None:
    """Raise ``ModelError`` for trees that are none, or that read other numbers than the ``width`` of a summary."""
    arrays = {name: getattr(forest, name) for name in ("start", *ARRAYS)}
    nodes = forest.left.shape
    right = {name: array.dtype == (np.int64 if name in INDICES else np.float64) for name, array in arrays.items()}
    _raise_first(right)
    shapes = {name: array.shape == nodes for name, array in arrays.items()}
    shapes |= {"start": forest.start.shape == (1,), "first": forest.first.ndim == 1 and len(forest.first) > 0}
    shapes["left"] = len(nodes) == 1 and 0 < forest.left.size <= MOST_NODES
    _raise_first(shapes)
    inner = forest.left > 0
    children = np.concatenate([forest.left[inner], forest.right[inner]])
    every = np.sort(np.concatenate([forest.first, children]))
    _raise_first(
        {
            # Each node is a root or the child of one node: no way down from a root comes to a node twice, so it ends.
            "left": np.array_equal(every, np.arange(len(inner))),
            "feature": bool(((forest.feature >= 0) & (forest.feature < width)).all()),
            **{name: bool(np.isfinite(arrays[name]).all()) for name in REALS},
        }
    )


def _raise_first(holds: dict[str, bool]) -> None:
    for name, right in holds.items():
        if not right:
            raise ModelError(f"{name} cannot be right; run dvc repro")
