"""Least absolute error against an exact linear program, against medians, and against itself from other starts."""

import numpy as np
import pytest
from scipy.optimize import linprog

from dlnet.baselines.absolute import absolute_errors


def data(rows=80, columns=4, seed=0):
    rng = np.random.default_rng(seed)
    z = np.column_stack([rng.normal(size=(rows, columns)), np.ones(rows)])
    return z, z @ rng.normal(size=columns + 1) + rng.standard_t(2, rows)


def fitted(z, y, alpha, rounds=300):
    start = np.linalg.lstsq(z, y, rcond=None)[0]
    return absolute_errors(z, y, alpha, start, float(np.abs(y - z @ start).mean()), rounds)


def exact(z, y):
    """Least sum of absolute errors, as a linear program over b and the parts of each residual above and below 0."""
    rows, columns = z.shape
    cost = np.concatenate([np.zeros(columns), np.ones(2 * rows)])
    equal = np.hstack([z, np.eye(rows), -np.eye(rows)])
    bounds = [(None, None)] * columns + [(0, None)] * (2 * rows)
    return linprog(cost, A_eq=equal, b_eq=y, bounds=bounds).fun


@pytest.mark.parametrize("seed", range(4))
def test_with_almost_no_penalty_the_error_is_that_of_the_linear_program(seed):
    z, y = data(seed=seed)
    found = np.abs(y - z @ fitted(z, y, 1e-9)).sum()
    assert found == pytest.approx(exact(z, y), rel=2e-3)
    assert found < np.abs(y - z @ np.linalg.lstsq(z, y, rcond=None)[0]).sum() * 0.99


def test_of_a_constant_alone_it_is_the_median():
    y = np.array([1.0, 2.0, 3.0, 50.0, 1000.0])
    assert absolute_errors(np.ones((5, 1)), y, 1.0, np.array([y.mean()]), 300.0, 500)[0] == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("alpha", [0.1, 10.0, 100.0])
def test_no_small_step_lowers_the_penalised_error(alpha):
    z, y = data()
    b = fitted(z, y, alpha)
    start = np.linalg.lstsq(z, y, rcond=None)[0]
    size = np.abs(y - z @ start).mean()

    def value(b):
        return 2 * size * np.abs(y - z @ b).sum() + alpha * (b[:-1] ** 2).sum()

    rng = np.random.default_rng(1)
    for step in (1e-1, 1e-2):
        assert all(value(b + step * rng.normal(size=5)) > value(b) * (1 - 1e-4) for _ in range(200))


def test_a_column_of_zeros_gets_no_coefficient_and_an_exact_start_is_kept():
    z, y = data()
    wide = np.insert(z, 1, 0, axis=1)
    start = np.linalg.lstsq(z, y, rcond=None)[0]
    found = absolute_errors(wide, y, 1.0, np.insert(start, 1, 0), 1.0)
    assert found[1] == 0
    np.testing.assert_array_equal(absolute_errors(z, z @ start, 1.0, start, 0.0), start)
