"""Gradient boosting: one forest of regression trees for each knot, on a window's summary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from dlnet.baselines.forest import Forest, nbytes
from dlnet.baselines.forms import Form, start_of
from dlnet.baselines.ridge import fit_squares, measured_knots
from dlnet.baselines.summaries import NONE, Knots, OnSummary, Summary, mae, summaries
from dlnet.config.baselines import BaselinesParams, BoostingTarget, TreesParams
from dlnet.config.task import TaskParams
from dlnet.data.windows import Ends, Floats, Histories, Singles, WindowDataset

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor

INNER_BYTES = 9  # a split on a device: feature 1, threshold 4, two children of 2
LEAF_BYTES = 4  # its value


@dataclass(frozen=True)
class Boosting(OnSummary):
    """Fitted forests.

    Attributes:
        forests: one a knot. start: model whose forecast they correct; None: the last health (anchored knots) or zero.
        chosen: settings chosen on validation windows. library_bytes: of scikit-learn's own node arrays in memory.
    """

    forests: tuple[Forest, ...]
    start: Form | None
    chosen: dict[str, Any]
    library_bytes: int = 0

    @property
    def remembers(self) -> bool:
        """Whether rows before the window are inputs: then ``predict`` reads ``Histories.life``."""
        return self.summary.remembers or (self.start is not None and self.start.remembers)

    @property
    def features(self) -> tuple[str, ...]:
        """Features that it uses, those of ``start`` included."""
        return tuple(dict.fromkeys((*self.summary.features, *(self.start.features if self.start else ()))))

    @property
    def nodes(self) -> tuple[int, int]:
        """Splits and leaves of all trees."""
        return sum(forest.splits for forest in self.forests), sum(forest.leaves for forest in self.forests)

    @property
    def parameters(self) -> int:
        """A feature and a threshold a split, a value a leaf, a base value a knot; and those of ``start``."""
        splits, leaves = self.nodes
        return 2 * splits + leaves + len(self.forests) + (self.start.parameters if self.start else 0)

    @property
    def bytes(self) -> int:
        """As a microcontroller would store it: 9 a split, 4 a leaf, 4 a knot; and those of ``start``."""
        splits, leaves = self.nodes
        own = INNER_BYTES * splits + LEAF_BYTES * (leaves + len(self.forests))
        return own + (self.start.bytes if self.start else 0)

    def predict(self, histories: Histories) -> Singles:
        """N windows -> (N, horizon) health."""
        inputs = self.summary.of(histories)
        values = np.stack([forest.predict(inputs) for forest in self.forests], axis=1)
        return np.asarray(_begin(self.start, self.knots, histories) + self.knots.curve(values), np.float32)

    def forecast(self, dataset: WindowDataset, ends: Ends) -> Singles:
        """(N,) window ends -> (N, horizon) health."""
        return self.predict(dataset.histories(ends, self.features))


def _begin(start: Form | None, knots: Knots, histories: Histories) -> Floats:
    """(N, horizon) or (N, 1) health that the forests add to."""
    return start_of(knots, histories) if start is None else start.predict(histories).astype(np.float64)


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
            "age": self.summary.age,
            "memory": self.summary.memory != NONE,
            "learning_rate": self.learning_rate,
            "leaves": self.leaves,
            "iterations": list(self.iterations),
            "mae_validation": self.mae_validation,
        }


class _Search:
    """Fits entries of a grid for one target."""

    def __init__(
        self,
        dataset: WindowDataset,
        task: TaskParams,
        params: BaselinesParams,
        grid: TreesParams,
        target: BoostingTarget,
        ridge: Form | None,
    ) -> None:
        self.dataset, self.seed, self.grid, self.target = dataset, params.seed, grid, target
        self.start = ridge if target == "ridge" else None
        self.knots = Knots.of(task, anchored=task.track == "with_target" and target != "absolute")
        self.train = dataset.windows("train", 1 if dataset.sparse else params.stride)
        self.validation = dataset.windows("validation", task.stride_eval)
        self.begin = self._begin(self.validation)
        self.y = self.knots.pick(dataset.targets(self.train) - self._begin(self.train))
        self.truth = dataset.targets(self.validation) - self.begin
        self.measured, self.weights = measured_knots(np.isfinite(self.y)), dataset.weights(self.train)

    def _begin(self, ends: Ends) -> Floats:
        names = self.start.features if self.start else ()
        return _begin(self.start, self.knots, self.dataset.histories(ends, names))

    def inputs(self, summary: Summary, ends: Ends) -> Floats:
        """(N, P) the summary of windows."""
        return summary.of(self.dataset.histories(ends, summary.features))

    def fit(self, trial: _Trial, inputs: Floats, knot: int, iterations: int) -> HistGradientBoostingRegressor:
        """Forest of one knot. A longer forest begins with the same trees, so their count can be chosen first."""
        from sklearn.ensemble import HistGradientBoostingRegressor  # not needed by a fitted model

        forest = HistGradientBoostingRegressor(
            loss="absolute_error",
            learning_rate=trial.learning_rate,
            max_iter=iterations,
            max_leaf_nodes=trial.leaves,
            min_samples_leaf=self.grid.min_leaf,
            max_features=self.grid.feature_share,
            early_stopping=False,
            random_state=self.seed,
        )
        rows = self.measured[knot]
        return forest.fit(inputs[rows], self.y[rows, knot], None if self.weights is None else self.weights[rows])

    def run(self, trial: _Trial, bar: tqdm[Any]) -> _Trial:
        """Fit an entry; each knot keeps the number of trees with the least validation error."""
        train_inputs, validation_inputs = (self.inputs(trial.summary, ends) for ends in (self.train, self.validation))
        truth = self.knots.pick(self.truth)
        counts, values = [], []
        for knot in range(len(self.knots.at)):
            forest = self.fit(trial, train_inputs, knot, self.grid.iterations)
            staged = list(forest.staged_predict(validation_inputs))
            best = _fewest(staged, truth[:, knot])
            counts.append(best + 1)
            values.append(staged[best])
            bar.update()
        error = mae(self.knots.curve(np.stack(values, axis=1)), self.truth)
        return replace(trial, iterations=tuple(counts), mae_validation=error)

    def finish(self, tried: list[_Trial]) -> Boosting:
        """The best entry, fitted again with only the trees that it keeps."""
        best = min(tried, key=lambda trial: trial.mae_validation)
        inputs = self.inputs(best.summary, self.train)
        fitted = tuple(self.fit(best, inputs, knot, count) for knot, count in enumerate(best.iterations))
        chosen = {**best.described(), "tried": [trial.described() for trial in tried]}
        forests = tuple(Forest.of(forest) for forest in fitted)
        return Boosting(best.summary, self.knots, forests, self.start, chosen, sum(nbytes(forest) for forest in fitted))


def _fewest(staged: list[Floats], truth: Floats) -> int:
    """Index of the stage with the least error; the last one where no validation window measured this knot."""
    known = np.isfinite(truth)
    if not known.any():
        return len(staged) - 1
    return int(np.argmin([np.abs(stage - truth)[known].mean() for stage in staged]))


def fit_boosting_for(
    dataset: WindowDataset,
    task: TaskParams,
    params: BaselinesParams,
    target: BoostingTarget,
    ridge: Form | None = None,
) -> Boosting:
    """Tune boosting on validation windows for one target; it knows of an asset what a window shows.

    First every feature set with the first number of leaves and learning rate, then the other leaves and learning
    rates with the best set. The same bytes for any number of threads.

    Args:
        target: ``change`` from the last health, ``absolute`` health, or the residual of ``ridge``.
        ridge: for the last of them; fitted here, to squares, if not given.
    """
    if target == "ridge" and ridge is None:
        ridge = _window_ridge(dataset, task, params)
    search = _Search(dataset, task, params, params.boosting, target, ridge)
    return _tuned(search, summaries(dataset, task, params.features[task.track]), "boosting")


def _window_ridge(dataset: WindowDataset, task: TaskParams, params: BaselinesParams) -> Form:
    """The quadratic form, fitted to squares, that knows of an asset what a window shows."""
    shapes = summaries(dataset, task, params.features[task.track])
    return fit_squares(dataset, task, params, [("quadratic", summary) for summary in shapes])


def fit_forests(
    dataset: WindowDataset,
    task: TaskParams,
    params: BaselinesParams,
    grid: TreesParams,
    shapes: Sequence[Summary],
    name: str,
) -> Boosting:
    """Tune forests of other inputs or sizes, as ``fit_boosting_for`` does: of changes, or of health itself."""
    target: BoostingTarget = "change" if task.track == "with_target" else "absolute"
    return _tuned(_Search(dataset, task, params, grid, target, None), shapes, name)


def _tuned(search: _Search, shapes: Sequence[Summary], name: str) -> Boosting:
    """Every input with the first leaves and learning rate, then the other pairs with the best input."""
    pairs = [(rate, leaves) for rate in search.grid.learning_rates for leaves in search.grid.leaves]
    first = [_Trial(search.target, summary, *pairs[0]) for summary in shapes]
    total = (len(first) + len(pairs) - 1) * len(search.knots.at)
    with tqdm(total=total, desc=f"{name}, {search.target}", unit="forest", leave=False) as bar:
        tried = [search.run(trial, bar) for trial in first]
        best = min(tried, key=lambda trial: trial.mae_validation)
        tried += [search.run(_Trial(search.target, best.summary, *pair), bar) for pair in pairs[1:]]
    return search.finish(tried)


def fit_boosting_age(
    dataset: WindowDataset, task: TaskParams, params: BaselinesParams, plain: Boosting, ridge: Form
) -> Boosting:
    """``plain`` with the asset's age as an input, tried without and with what its past says (``task.memory``).

    Target, features, leaves and learning rate are those of ``plain``; forests on the residual of a ridge add to
    ``ridge``, the baseline, in place of that of ``plain``.
    """
    target: BoostingTarget = plain.chosen["target"]
    chosen = {"learning_rates": [plain.chosen["learning_rate"]], "leaves": [plain.chosen["leaves"]]}
    grid = params.boosting.model_copy(update=chosen)
    memories = dict.fromkeys(task.memory if used else NONE for used in params.boosting.memory)
    shapes = [replace(plain.summary, memory=memory, age=True) for memory in memories]
    return _tuned(_Search(dataset, task, params, grid, target, ridge), shapes, "boosting with age")


def fit_boosting_targets(
    dataset: WindowDataset, task: TaskParams, params: BaselinesParams
) -> dict[BoostingTarget, Boosting]:
    """Boosting tuned for every target that params name for this track."""
    targets = params.boosting.targets[task.track]
    ridge = _window_ridge(dataset, task, params) if "ridge" in targets else None
    return {target: fit_boosting_for(dataset, task, params, target, ridge) for target in targets}


def fit_boosting(dataset: WindowDataset, task: TaskParams, params: BaselinesParams) -> Boosting:
    """Boosting with the target, features, leaves, learning rate and trees that have the least validation error."""
    return best_of(fit_boosting_targets(dataset, task, params).values())


def best_of(fitted: Iterable[Boosting]) -> Boosting:
    """The one with the least validation error; the first of equals."""
    return min(fitted, key=lambda model: float(model.chosen["mae_validation"]))
