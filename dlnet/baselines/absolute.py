"""Least absolute error with a penalty on the size of the coefficients, by reweighted least squares."""

from __future__ import annotations

import numpy as np

from dlnet.data.windows import Floats, Singles

ROUNDS = 20  # of reweighting, at most
SETTLED = 1e-4  # relative change of the objective below which no further round is needed
LEAST = 1e-3  # residual, as a share of the mean one, below which weights do not grow


def absolute_errors(
    z: Floats,
    y: Floats,
    alpha: float,
    start: Floats,
    size: float,
    rounds: int = ROUNDS,
    sample: Floats | None = None,
) -> Floats:
    """Coefficients (Q,) that minimise 2 s sum w |y - z b| + alpha |b'|^2, b' those of all columns but the last.

    Iteratively reweighted least squares (Schlossmacher 1973): each round solves the ridge regression in which the
    squared residual of row i weighs s / max(|r_i|, e), r_i its residual in the round before, by the normal equations.
    With s the mean of |r_i| of a fit to squares, alpha has the size that it has for squares. Each round minimises a
    parabola that lies above the objective and touches it at the last solution, so the objective never rises (Hunter
    and Lange 2000); residuals below e = ``LEAST`` s count as squares.

    Args:
        z: (N, Q) standardised columns, the last one of ones: its coefficient is the constant, which is not penalised.
        y: (N,). alpha: > 0. start: (Q,) a solution to begin with. size: s, >= 0; where it is 0, ``start`` is exact.
        sample: (N,) weights w of the rows, > 0; None: all 1.
    """
    if size == 0:
        return start
    penalty = np.append(np.full(z.shape[1] - 1, alpha), 0.0)
    rough = z.astype(np.float32)
    b, residuals, before = start, y - z @ start, np.inf
    for _ in range(rounds):
        weights = size / np.maximum(np.abs(residuals), LEAST * size)
        if sample is not None:
            weights *= sample
        following = b + _step(rough, weights, penalty, z.T @ (weights * residuals) - penalty * b)
        left = y - z @ following
        value = float(2 * size * _total(left, sample) + penalty @ following**2)
        if value >= before:  # as exact as rounding allows
            break
        b, residuals = following, left
        if before - value <= SETTLED * value:
            break
        before = value
    return b


def _step(rough: Singles, weights: Floats, penalty: Floats, gradient: Floats) -> Floats:
    """From the last solution to that of the weighted ridge regression.

    The normal matrix is summed in float32, in a quarter of the time; the gradient is exact, so rounding slows the
    rounds down but does not move what they settle at.
    """
    weighted = rough * np.sqrt(weights).astype(np.float32)[:, None]
    normal = (weighted.T @ weighted).astype(np.float64)
    normal[np.diag_indices(len(penalty))] += penalty
    return np.asarray(np.linalg.solve(normal, gradient), np.float64)


def _total(residuals: Floats, sample: Floats | None) -> float:
    """Sum of the absolute residuals (N,), with weights (N,)."""
    size = np.abs(residuals)
    return float(size.sum() if sample is None else size @ sample)
