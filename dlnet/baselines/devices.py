"""Baselines that a microcontroller has room for: ``linear_device``, ``forest_device``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dlnet.baselines.boosting import Boosting, fit_forests
from dlnet.baselines.forms import Form
from dlnet.baselines.ridge import Shape, fit_form, fit_squares
from dlnet.baselines.summaries import NONE, Summary, summaries
from dlnet.config.baselines import BaselinesParams, FormKind
from dlnet.config.task import Memory, TaskParams
from dlnet.data.windows import WindowDataset


def fit_linear_device(dataset: WindowDataset, task: TaskParams, params: BaselinesParams) -> Form:
    """The form of few features with the least validation error, fitted to absolute error.

    Every kind of form is tried with every number of features, with and without the past (``task.memory``). A set of
    ``baselines.features`` that has more than the number gives its best ones, see ``best_features``.
    """
    sets = summaries(dataset, task, params.features[task.track], task.memory)
    shapes: dict[tuple[FormKind, Memory, frozenset[str]], Shape] = {}
    for kind in params.linear_device.forms:
        for count in params.linear_device.features:
            for summary in sets:
                names = best_features(dataset, task, params, kind, summary, count)
                for memory in (task.memory, NONE):
                    shape = (kind, replace(summary, features=names, memory=memory))
                    shapes.setdefault((kind, memory, frozenset(names)), shape)
    return fit_form(dataset, task, params, list(shapes.values()), "linear_device")


def best_features(
    dataset: WindowDataset, task: TaskParams, params: BaselinesParams, kind: FormKind, summary: Summary, count: int
) -> tuple[str, ...]:
    """At most ``count`` features of a summary, chosen one after the other (forward selection).

    Each next one gives the form that has, fitted to squares, the least error on validation windows.
    """
    if len(summary.features) <= count:
        return summary.features
    found: tuple[str, ...] = ()
    while len(found) < count:
        rest = [name for name in summary.features if name not in found]
        shapes = [(kind, replace(summary, features=(*found, name))) for name in rest]
        found = fit_squares(dataset, task, params, shapes).features
    return found


def fit_forest_device(
    dataset: WindowDataset, task: TaskParams, params: BaselinesParams, features: Sequence[str]
) -> Boosting:
    """A small forest of the given features and the asset's age, with or without its past (``task.memory``)."""
    shapes = [
        Summary(task.track == "with_target", tuple(features), task.window, task.block, memory, True)
        for memory in dict.fromkeys((task.memory, NONE))
    ]
    return fit_forests(dataset, task, params, params.forest_device, shapes, "forest_device")
