"""Gradient boosting: one forest of regression trees a knot, on a window's summary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from tqdm import tqdm

from dlnet.baselines.ridge import Ridge, fit_ridge, start_of
from dlnet.baselines.summaries import Knots, Summary, mae, summaries
from dlnet.config.baselines import BaselinesParams, BoostingTarget
from dlnet.config.task import TaskParams
from dlnet.data.windows import Ends, Floats, Singles, WindowDataset

INNER_BYTES = 9  # a split on a device: feature 1, threshold 4, two children of 2
LEAF_BYTES = 4  # its value


@dataclass(frozen=True)
class Boosting:
    """Fitted forests.

    Attributes:
        forests: one a knot. start: what they add to; None: the last SoH (anchored knots) or zero.
        chosen: what was chosen on validation windows.
    """

    summary: Summary
    knots: Knots
    forests: tuple[HistGradientBoostingRegressor, ...]
    start: Ridge | None
    chosen: dict[str, Any]

    @property
    def uses_capacity(self) -> bool:
        """Whether the SoH of past cycles is an input."""
        return self.summary.capacity

    @property
    def nodes(self) -> tuple[int, int]:
        """Splits and leaves of all trees."""
        counts = [(len(tree), int(tree["is_leaf"].sum())) for forest in self.forests for tree in trees(forest)]
        total, leaves = (sum(column) for column in zip(*counts, strict=True))
        return total - leaves, leaves

    @property
    def parameters(self) -> int:
        """A feature and a threshold a split, a value a leaf, a base value a knot; and what they add to."""
        splits, leaves = self.nodes
        return 2 * splits + leaves + len(self.forests) + (self.start.parameters if self.start else 0)

    @property
    def bytes(self) -> int:
        """As a microcontroller would store it: 9 a split, 4 a leaf, 4 a knot; and what the forests add to."""
        splits, leaves = self.nodes
        own = INNER_BYTES * splits + LEAF_BYTES * (leaves + len(self.forests))
        return own + (self.start.bytes if self.start else 0)

    @property
    def library_bytes(self) -> int:
        """What scikit-learn's own node arrays hold in memory."""
        return sum(tree.nbytes for forest in self.forests for tree in trees(forest))

    def predict(self, dataset: WindowDataset, ends: Ends) -> Singles:
        """(N,) window ends -> (N, horizon) SoH."""
        inputs = self.summary.of(dataset, ends)
        values = np.stack([forest.predict(inputs) for forest in self.forests], axis=1)
        return np.asarray(_begin(self.start, self.knots, dataset, ends) + self.knots.curve(values), np.float32)


def trees(forest: HistGradientBoostingRegressor) -> list[np.ndarray]:
    """Node tables of a forest. scikit-learn has no public name for them."""
    return [tree.nodes for iteration in forest._predictors for tree in iteration]


def _begin(start: Ridge | None, knots: Knots, dataset: WindowDataset, ends: Ends) -> Floats:
    """(N, horizon) or (N, 1) SoH that the forests add to."""
    return start_of(knots, dataset, ends) if start is None else start.predict(dataset, ends).astype(np.float64)


@dataclass(frozen=True)
class _Trial:
    """One entry of the grid: forests of all knots and how many trees of each do best on validation windows."""

    target: BoostingTarget
    summary: Summary
    learning_rate: float
    leaves: int
    iterations: tuple[int, ...] = ()
    mae_validation: float = np.inf

    def described(self) -> dict[str, Any]:
        """As a JSON-ready dict."""
        return {
            "target": self.target,
            "features": list(self.summary.features),
            "learning_rate": self.learning_rate,
            "leaves": self.leaves,
            "iterations": list(self.iterations),
            "mae_validation": self.mae_validation,
        }


class _Search:
    """Fits entries of the grid for one way of putting the target."""

    def __init__(
        self,
        dataset: WindowDataset,
        task: TaskParams,
        params: BaselinesParams,
        target: BoostingTarget,
        ridge: Ridge | None,
    ) -> None:
        self.dataset, self.params, self.target = dataset, params, target
        self.start = ridge if target == "ridge" else None
        self.knots = Knots.of(task, anchored=task.inputs == "capacity" and target != "absolute")
        self.train = dataset.windows("train", params.stride)
        self.validation = dataset.windows("validation", task.stride_eval)
        self.begin = _begin(self.start, self.knots, dataset, self.validation)
        self.y = self.knots.pick(dataset.targets(self.train) - _begin(self.start, self.knots, dataset, self.train))
        self.truth = dataset.targets(self.validation) - self.begin

    def fit(self, trial: _Trial, inputs: Floats, knot: int, iterations: int) -> HistGradientBoostingRegressor:
        """Forest of one knot. The first trees of a longer forest are the same, so a count can be chosen first."""
        boosting = self.params.boosting
        forest = HistGradientBoostingRegressor(
            loss="absolute_error",
            learning_rate=trial.learning_rate,
            max_iter=iterations,
            max_leaf_nodes=trial.leaves,
            min_samples_leaf=boosting.min_leaf,
            max_features=boosting.feature_share,
            early_stopping=False,
            random_state=self.params.seed,
        )
        return forest.fit(inputs, self.y[:, knot])

    def run(self, trial: _Trial, bar: tqdm[Any]) -> _Trial:
        """Fit an entry; each knot keeps as many trees as do best on validation windows."""
        fitted_on, judged_on = (trial.summary.of(self.dataset, ends) for ends in (self.train, self.validation))
        truth = self.knots.pick(self.truth)
        counts, values = [], []
        for knot in range(len(self.knots.at)):
            forest = self.fit(trial, fitted_on, knot, self.params.boosting.iterations)
            staged = list(forest.staged_predict(judged_on))
            best = int(np.argmin([np.abs(stage - truth[:, knot]).mean() for stage in staged]))
            counts.append(best + 1)
            values.append(staged[best])
            bar.update()
        error = mae(self.knots.curve(np.stack(values, axis=1)), self.truth)
        return replace(trial, iterations=tuple(counts), mae_validation=error)

    def finish(self, tried: list[_Trial]) -> Boosting:
        """The best entry, fitted again with just the trees it keeps."""
        best = min(tried, key=lambda trial: trial.mae_validation)
        inputs = best.summary.of(self.dataset, self.train)
        forests = tuple(self.fit(best, inputs, knot, count) for knot, count in enumerate(best.iterations))
        chosen = {**best.described(), "tried": [trial.described() for trial in tried]}
        return Boosting(best.summary, self.knots, forests, self.start, chosen)


def fit_boosting_for(
    dataset: WindowDataset,
    task: TaskParams,
    params: BaselinesParams,
    target: BoostingTarget,
    ridge: Ridge | None = None,
) -> Boosting:
    """Tune boosting on validation windows for one way of putting the target.

    First every feature set with the first number of leaves and learning rate, then the other leaves and learning
    rates with the best set. The same bytes for any number of threads.

    Args:
        target: ``change`` from the last SoH, ``absolute`` SoH, or what ``ridge`` leaves over.
        ridge: for that last one; fitted here if not given.
    """
    if target == "ridge" and ridge is None:
        ridge = fit_ridge(dataset, task, params)
    grid, search = params.boosting, _Search(dataset, task, params, target, ridge)
    pairs = [(rate, leaves) for rate in grid.learning_rates for leaves in grid.leaves]
    first = [_Trial(target, one, *pairs[0]) for one in summaries(dataset, task, params.features[task.inputs])]
    total = (len(first) + len(pairs) - 1) * len(search.knots.at)
    with tqdm(total=total, desc=f"boosting, {target}", unit="forest", leave=False) as bar:
        tried = [search.run(trial, bar) for trial in first]
        best = min(tried, key=lambda trial: trial.mae_validation)
        tried += [search.run(_Trial(target, best.summary, *pair), bar) for pair in pairs[1:]]
    return search.finish(tried)


def fit_boosting_targets(
    dataset: WindowDataset, task: TaskParams, params: BaselinesParams, ridge: Ridge | None = None
) -> dict[BoostingTarget, Boosting]:
    """Boosting tuned for every target that params name for this track."""
    wanted = params.boosting.targets[task.inputs]
    if "ridge" in wanted and ridge is None:
        ridge = fit_ridge(dataset, task, params)
    return {target: fit_boosting_for(dataset, task, params, target, ridge) for target in wanted}


def fit_boosting(dataset: WindowDataset, task: TaskParams, params: BaselinesParams) -> Boosting:
    """Boosting with the target, features, leaves, learning rate and trees that do best on validation windows."""
    return best_of(fit_boosting_targets(dataset, task, params).values())


def best_of(fitted: Iterable[Boosting]) -> Boosting:
    """The one with the least validation error; the first of equals."""
    return min(fitted, key=lambda one: float(one.chosen["mae_validation"]))
