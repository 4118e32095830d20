import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlnet.models.solvers import SOLVERS, euler, fused, rk4

ORDERS = {"euler": 1, "fused": 1, "rk4": 4}


def cubic_field(h):
    """dh/dt = h - h * h * h: from 1/2 the solution is 1 / sqrt(1 + 3 exp(-2 t)) (a Bernoulli equation)."""
    return h, h * h


def error_at_two(solve, count):
    h = torch.full((1,), 0.5, dtype=torch.float64)
    for _ in range(count):
        h = solve(cubic_field, h, 2 / count)
    return abs(h.item() - 1 / math.sqrt(1 + 3 * math.exp(-4)))


@pytest.mark.parametrize("name", SOLVERS)
def test_order_of_convergence(name):
    measured = [math.log2(error_at_two(SOLVERS[name], n) / error_at_two(SOLVERS[name], 2 * n)) for n in (64, 128)]
    assert measured == pytest.approx([ORDERS[name]] * 2, abs=0.1)


@given(st.floats(0, 3), st.floats(-1, 1), st.floats(0.01, 1))
def test_rk4_is_the_taylor_polynomial_on_a_linear_decay(rate, start, dt):
    h = rk4(lambda h: (torch.zeros_like(h), torch.full_like(h, rate)), torch.tensor([start], dtype=torch.float64), dt)
    polynomial = sum((-rate * dt) ** k / math.factorial(k) for k in range(5))
    assert h.item() == pytest.approx(start * polynomial, abs=1e-12)


@given(st.floats(-6, 12), st.floats(-1, 1), st.floats(-1, 1), st.integers(1, 20))
def test_fused_stays_between_start_and_rest_for_any_rate(exponent, rest, start, steps):
    rate = 10.0**exponent
    h = torch.tensor([start], dtype=torch.float64)
    for _ in range(steps):
        h = fused(lambda h: (torch.full_like(h, rate * rest), torch.full_like(h, rate)), h, 1.0)
        assert min(start, rest) - 1e-9 <= h.item() <= max(start, rest) + 1e-9


def test_euler_leaves_its_bounds_where_fused_does_not():
    stiff = lambda h: (torch.zeros_like(h), torch.full_like(h, 50.0))  # noqa: E731 - one line of mathematics
    h = torch.ones(1)
    assert euler(stiff, h, 1.0).abs().item() > 1
    assert 0 < fused(stiff, h, 1.0).item() < 1
