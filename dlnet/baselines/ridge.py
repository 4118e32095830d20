"""Ridge regression on a window's summary and all products of two of its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from dlnet.baselines.summaries import Knots, Summary, mae, summaries
from dlnet.config.baselines import BaselinesParams
from dlnet.config.task import TaskParams
from dlnet.data.encode import FEATURE_CLIP
from dlnet.data.windows import Ends, Floats, Histories, Singles, WindowDataset
from dlnet.errors import DataError


@dataclass(frozen=True)
class Ridge:
    """A fitted ridge regression.

    The summary is standardised and clipped like the nets' inputs, joined by its squares and products, and mapped to
    the knots: as changes from the last health, or (track ``sensors_only``) as health itself.

    Attributes:
        center, scale: (P,) of the summary. coefficients: (P + P (P + 1) / 2, knots). intercept: (knots,). All float32.
        chosen: settings chosen on validation windows.
    """

    summary: Summary
    knots: Knots
    center: Singles
    scale: Singles
    coefficients: Singles
    intercept: Singles
    chosen: dict[str, Any] = field(default_factory=dict)

    @property
    def uses_target(self) -> bool:
        """Whether the health of past rows is an input."""
        return self.summary.target

    @property
    def parameters(self) -> int:
        """Numbers that have to be stored."""
        return sum(part.size for part in (self.center, self.scale, self.coefficients, self.intercept))

    @property
    def bytes(self) -> int:
        """Four a parameter."""
        return 4 * self.parameters

    @property
    def horizon(self) -> int:
        """Rows ahead."""
        return self.knots.at[-1]

    @property
    def window(self) -> int:
        """Cycles of history that it needs."""
        return self.summary.window

    @property
    def features(self) -> tuple[str, ...]:
        """Features that it uses."""
        return self.summary.features

    def predict(self, histories: Histories) -> Singles:
        """N windows -> (N, horizon) health."""
        inputs = products(standardised(self.summary.of(histories), self.center, self.scale))
        change = self.knots.curve(inputs @ self.coefficients.astype(np.float64) + self.intercept)
        return np.asarray(change + start_of(self.knots, histories), np.float32)

    def forecast(self, dataset: WindowDataset, ends: Ends) -> Singles:
        """(N,) window ends -> (N, horizon) health."""
        return self.predict(dataset.histories(ends, self.features))


def start_of(knots: Knots, histories: Histories) -> Floats:
    """(N, 1) health that anchored knots are relative to; zero for those that predict health itself."""
    last = histories.health[:, -1:]
    return last if knots.anchored else np.zeros_like(last)


def standardised(summary: Floats, center: Singles, scale: Singles) -> Floats:
    """(N, P) in deviations from the training windows' mean, clipped as the nets' features are."""
    return np.clip((summary - center) / scale, -FEATURE_CLIP, FEATURE_CLIP)


def products(x: Floats) -> Floats:
    """(N, P) -> (N, P + P (P + 1) / 2): the numbers themselves, then every product of two of them."""
    left, right = np.triu_indices(x.shape[1])
    return np.concatenate([x, x[:, left] * x[:, right]], axis=1)


def ridge_path(x: Floats, y: Floats, alphas: Sequence[float]) -> list[tuple[Floats, Floats]]:
    """Ridge solutions for each alpha, by one eigendecomposition of the Gram matrix.

    Columns of x are standardised for the penalty, and the solution is given for x as it is. Minimises
    |y - x b - c|^2 + alpha |b s|^2, s the columns' deviations (Hoerl and Kennard 1970).

    Args:
        x: (N, Q). y: (N, K). alphas: > 0.

    Returns:
        For each alpha, coefficients (Q, K) and intercept (K,).
    """
    center, scale, level = x.mean(axis=0), spread(x), y.mean(axis=0)
    z = (x - center) / scale
    values, vectors = np.linalg.eigh(z.T @ z)
    moment = vectors.T @ (z.T @ (y - level))
    solutions = []
    for alpha in alphas:
        b = (vectors @ (moment / (np.maximum(values, 0) + alpha)[:, None])) / scale[:, None]
        solutions.append((b, level - center @ b))
    return solutions


def _knot_paths(x: Floats, y: Floats, alphas: Sequence[float]) -> list[tuple[Floats, Floats]]:
    """``ridge_path``; each knot whose target was not measured in all windows is fitted on those that measured it."""
    known = np.isfinite(y)
    if known.all():
        return ridge_path(x, y, alphas)
    paths = [ridge_path(x[rows], y[rows, k : k + 1], alphas) for k, rows in enumerate(measured_knots(known))]
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


def fit_ridge(dataset: WindowDataset, task: TaskParams, params: BaselinesParams) -> Ridge:
    """Fit on training windows; the feature set and alpha with the least validation error are kept.

    Where few rows measure the target, each knot is fitted on the windows that measure it, and all windows are tried.
    """
    stride = 1 if dataset.sparse else params.stride
    train, validation = dataset.windows("train", stride), dataset.windows("validation", task.stride_eval)
    target = dataset.targets(validation)
    models: list[Ridge] = []
    for summary in tqdm(
        summaries(dataset, task, params.features[task.track]), desc="ridge", unit="feature set", leave=False
    ):
        models += _path(dataset, train, summary, task, params.ridge.alphas)
    tried = [{**model.chosen, "mae_validation": mae(model.forecast(dataset, validation), target)} for model in models]
    best = min(range(len(models)), key=lambda i: tried[i]["mae_validation"])
    return replace(models[best], chosen={**models[best].chosen, "tried": tried})


def _path(
    dataset: WindowDataset, ends: Ends, summary: Summary, task: TaskParams, alphas: Sequence[float]
) -> list[Ridge]:
    knots = Knots.of(task, anchored=summary.target)
    histories = dataset.histories(ends, summary.features)
    raw = summary.of(histories)
    center, scale = raw.mean(axis=0).astype(np.float32), spread(raw).astype(np.float32)
    y = knots.pick(dataset.targets(ends) - start_of(knots, histories))
    return [
        Ridge(
            summary,
            knots,
            center,
            scale,
            coefficients.astype(np.float32),
            intercept.astype(np.float32),
            {"features": list(summary.features), "alpha": alpha},
        )
        for alpha, (coefficients, intercept) in zip(
            alphas, _knot_paths(products(standardised(raw, center, scale)), y, alphas), strict=True
        )
    ]
