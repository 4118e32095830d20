"""Forms fitted to absolute error with a penalty on their coefficients: the baseline ``ridge``, and small ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from dlnet.baselines.absolute import ROUNDS, absolute_errors
from dlnet.baselines.forms import Form, count_of, standardised, start_of, terms_of
from dlnet.baselines.summaries import NONE, Knots, Summary, mae, summaries
from dlnet.config.baselines import BaselinesParams, FormKind
from dlnet.config.task import TaskParams
from dlnet.data.windows import Floats, WindowDataset
from dlnet.errors import DataError

Shape = tuple[FormKind, Summary]

MOST_TERMS = 600  # of a form that knows the past: with more it fits the training windows and takes minutes

SCREENING, TUNING = 3, 6  # rounds of reweighting while features, then alpha, are chosen: their order shows by then


def ridge_path(
    x: Floats, y: Floats, alphas: Sequence[float], weights: Floats | None = None
) -> list[tuple[Floats, Floats]]:
    """Ridge solutions for each alpha, by one eigendecomposition of the Gram matrix.

    Columns of x are standardised for the penalty, and the solution is given for x as it is. Minimises
    |y - x b - c|^2 + alpha |b s|^2, s the columns' deviations (Hoerl and Kennard 1970).

    Args:
        x: (N, Q). y: (N, K). alphas: > 0. weights: (N,) of the squares, > 0; None: all 1.

    Returns:
        For each alpha, coefficients (Q, K) and intercept (K,).
    """
    center, scale, level = np.average(x, 0, weights), spread(x), np.average(y, 0, weights)
    z, rest = (x - center) / scale, y - level
    if weights is not None:
        root = np.sqrt(weights)[:, None]
        z, rest = z * root, rest * root
    values, vectors = np.linalg.eigh(z.T @ z)
    moment = vectors.T @ (z.T @ rest)
    solutions = []
    for alpha in alphas:
        b = (vectors @ (moment / (np.maximum(values, 0) + alpha)[:, None])) / scale[:, None]
        solutions.append((b, level - center @ b))
    return solutions


def _knot_paths(x: Floats, y: Floats, alphas: Sequence[float], weights: Floats | None) -> list[tuple[Floats, Floats]]:
    """``ridge_path``; each knot whose target was not measured in all windows is fitted on those that measured it."""
    known = np.isfinite(y)
    if known.all():
        return ridge_path(x, y, alphas, weights)
    paths = [
        ridge_path(x[rows], y[rows, k : k + 1], alphas, None if weights is None else weights[rows])
        for k, rows in enumerate(measured_knots(known))
    ]
    return [
        (np.concatenate([b for b, _ in solutions], axis=1), np.concatenate([c for _, c in solutions]))
        for solutions in zip(*paths, strict=True)
    ]


def measured_knots(known: npt.NDArray[np.bool_]) -> list[npt.NDArray[np.int64]]:
    """Windows (N, knots) that measured each knot's target -> indices of those windows, one array a knot.

    Raises:
        DataError: a knot has none.
    """
    never = np.flatnonzero(~known.any(axis=0))
    if len(never):
        raise DataError(
            f"no training window measures the target at knot {never[0] + 1} of {known.shape[1]}: too few check-ups; "
            "add assets, or shorten task.horizon and task.knots (params.yaml)"
        )
    return [np.flatnonzero(column) for column in known.T]


def spread(x: Floats) -> Floats:
    """(N, Q) -> (Q,) standard deviations; infinity for a column that does not vary, which then has no effect."""
    deviation = x.std(axis=0)
    return np.where(deviation > 1e-9 * np.abs(x.mean(axis=0)), deviation, np.inf)


@dataclass(frozen=True)
class _Solution:
    """Coefficients (terms + 1, knots) of standardised terms and constant, and their validation error."""

    alpha: float
    b: Floats
    mae_validation: float


class _Design:
    """The terms of one form on training windows, standardised, and what fits of it are compared by."""

    def __init__(self, dataset: WindowDataset, task: TaskParams, stride: int, kind: FormKind, summary: Summary) -> None:
        train = dataset.windows("train", 1 if dataset.sparse else stride)
        self.kind, self.summary, self.knots = kind, summary, Knots.of(task, anchored=summary.target)
        histories = dataset.histories(train, summary.features)
        raw = summary.of(histories)
        self.center, self.scale = raw.mean(axis=0).astype(np.float32), spread(raw).astype(np.float32)
        self.x = terms_of(kind, standardised(raw, self.center, self.scale))
        self.mean, self.deviation = self.x.mean(axis=0), spread(self.x)
        self.y = self.knots.pick(dataset.targets(train) - start_of(self.knots, histories))
        self.measured, self.weights = measured_knots(np.isfinite(self.y)), dataset.weights(train)
        self.validation = dataset.windows("validation", task.stride_eval)
        seen = dataset.histories(self.validation, summary.features)
        self.seen = terms_of(kind, standardised(summary.of(seen), self.center, self.scale))
        self.truth = dataset.targets(self.validation) - start_of(self.knots, seen)

    @property
    def z(self) -> Floats:
        """(N, terms + 1) standardised terms, and ones."""
        return np.column_stack([(self.x - self.mean) / self.deviation, np.ones(len(self.x))])

    def solution(self, alpha: float, b: Floats) -> _Solution:
        """With the validation error of (terms + 1, knots) coefficients."""
        seen = (self.seen - self.mean) / self.deviation
        return _Solution(alpha, b, mae(self.knots.curve(seen @ b[:-1] + b[-1]), self.truth))

    def squares(self, alphas: Sequence[float]) -> list[_Solution]:
        """Fitted to squares, each alpha."""
        solutions = _knot_paths(self.x, self.y, alphas, self.weights)
        scale = np.where(np.isfinite(self.deviation), self.deviation, 0.0)[:, None]
        return [
            self.solution(alpha, np.concatenate([b * scale, (c + self.mean @ b)[None]]))
            for alpha, (b, c) in zip(alphas, solutions, strict=True)
        ]

    def absolute(self, alpha: float, start: Floats, squares: Floats, rounds: int) -> _Solution:
        """Fitted to absolute error, from ``start`` on; ``squares``: of the fit to squares that gives the size."""
        z, columns = self.z, []
        for k, rows in enumerate(self.measured):
            own, y = (z, self.y[:, k]) if len(rows) == len(z) else (z[rows], self.y[rows, k])
            weights = None if self.weights is None else self.weights[rows]
            size = float(np.average(np.abs(y - own @ squares[:, k]), weights=weights))
            columns.append(absolute_errors(own, y, alpha, start[:, k], size, rounds, weights))
        return self.solution(alpha, np.stack(columns, axis=1))

    def form(self, solution: _Solution, chosen: dict[str, Any]) -> Form:
        """The form that a solution gives."""
        b = solution.b[:-1] / self.deviation[:, None]
        intercept = solution.b[-1] - self.mean @ b
        return Form(
            self.summary,
            self.knots,
            self.center,
            self.scale,
            b.astype(np.float32),
            intercept.astype(np.float32),
            self.kind,
            chosen,
        )

    def described(self, error: str, solution: _Solution) -> dict[str, Any]:
        """One trial as a JSON-ready dict."""
        return {
            "form": self.kind,
            "features": list(self.summary.features),
            "memory": self.summary.memory != NONE,
            "alpha": solution.alpha,
            "error": error,
            "mae_validation": solution.mae_validation,
        }


def fit_ridge(dataset: WindowDataset, task: TaskParams, params: BaselinesParams, more: Sequence[Shape] = ()) -> Form:
    """The form with the least validation error: quadratic in each feature set, without and with the past; ``more``.

    With the past, a set is tried where that makes at most ``MOST_TERMS`` terms. Where few rows measure the target, each
    knot is fitted on the windows that measure it, and all windows are tried.
    """
    shapes: list[Shape] = []
    for memory in dict.fromkeys((NONE, task.memory)):
        sets = summaries(dataset, task, params.features[task.track], memory)
        shapes += [
            ("quadratic", one) for one in sets if memory == NONE or count_of("quadratic", one.width) <= MOST_TERMS
        ]
    return fit_form(dataset, task, params, list(dict.fromkeys([*shapes, *more])), "ridge")


def fit_squares(dataset: WindowDataset, task: TaskParams, params: BaselinesParams, shapes: Sequence[Shape]) -> Form:
    """As ``fit_form``, to squares alone."""
    best: tuple[_Design, _Solution] | None = None
    for kind, summary in shapes:
        design = _Design(dataset, task, params.stride, kind, summary)
        found = _least(design.squares(sorted(params.ridge.alphas)))
        if best is None or found.mae_validation < best[1].mae_validation:
            best = design, found
    design, solution = _present(best)
    return design.form(solution, design.described("squares", solution))


def fit_form(
    dataset: WindowDataset, task: TaskParams, params: BaselinesParams, shapes: Sequence[Shape], name: str
) -> Form:
    """Fit forms to absolute error and keep the best on validation windows.

    Each shape is fitted to squares with each alpha, and from the best of these on, with the alpha below it, to absolute
    error. The best shape is then fitted with the next alphas as long as these are better. Its fit to squares is kept
    where that has the least error: of few windows the median says little.
    """
    alphas = sorted(set(params.ridge.alphas))
    best: tuple[_Design, _Solution, _Solution] | None = None
    tried: list[dict[str, Any]] = []
    for kind, summary in tqdm(shapes, desc=name, unit="form", leave=False):
        design = _Design(dataset, task, params.stride, kind, summary)
        squares = design.squares(alphas)
        below = alphas[max(alphas.index(_least(squares).alpha) - 1, 0)]
        found = design, _least(squares), design.absolute(below, _least(squares).b, _least(squares).b, SCREENING)
        tried += [design.described("squares", solution) for solution in squares]
        tried.append(design.described("absolute", found[2]))
        if best is None or _least(found[1:]).mae_validation < _least(best[1:]).mae_validation:
            best = found
    design, squared, rough = _present(best)
    climbed = _climb(design, alphas, squared, rough)
    tried += [design.described("absolute", solution) for solution in climbed]
    rough = _least(climbed)
    final = design.absolute(rough.alpha, rough.b, squared.b, ROUNDS)
    chosen = design.described("absolute", final)
    if squared.mae_validation < final.mae_validation:
        final, chosen = squared, design.described("squares", squared)
    return design.form(final, {**chosen, "tried": tried})


Found = TypeVar("Found")


def _present(best: Found | None) -> Found:
    if best is None:
        raise ValueError("no form to fit")
    return best


def _least(solutions: Sequence[_Solution]) -> _Solution:
    """The one with the least validation error; the first of equals."""
    return min(solutions, key=lambda solution: solution.mae_validation)


def _climb(design: _Design, alphas: Sequence[float], squares: _Solution, start: _Solution) -> list[_Solution]:
    """Fits to absolute error from one alpha on, then downwards and upwards as long as the next one is better."""
    first = design.absolute(start.alpha, start.b, squares.b, TUNING)
    found = [first]
    for step in (-1, 1):
        last, i = first, alphas.index(start.alpha) + step
        while 0 <= i < len(alphas):
            following = design.absolute(alphas[i], last.b, squares.b, TUNING)
            found.append(following)
            if following.mae_validation >= last.mae_validation:
                break
            last, i = following, i + step
        if _least(found) is not first:
            break
    return found
