"""Least absolute error with a penalty on the size of the coefficients, by reweighted least squares."""

from __future__ import annotations

import numpy as np

from dlnet.data.windows import Floats

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
    b: Floats = start
    residuals, before = np.abs(y - z @ start), np.inf
    for _ in range(rounds):
        row = size / np.maximum(residuals, LEAST * size)
        weighted = z * (row if sample is None else row * sample)[:, None]
        normal = weighted.T @ z
        normal[np.diag_indices(len(penalty))] += penalty
        b = np.asarray(np.linalg.solve(normal, weighted.T @ y), np.float64)
        residuals = np.abs(y - z @ b)
        error = residuals.sum() if sample is None else residuals @ sample
        value = float(2 * size * error + penalty @ b**2)
        if before - value <= SETTLED * value:
            break
        before = value
    return b
