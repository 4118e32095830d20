"""One step of dh/dt = drive(h) - rate(h) * h by a named method.

Liquid cells have this form (Hasani et al., "Liquid time-constant networks", AAAI 2021, eq. 1), so a solver needs
only the pair (drive, rate). Explicit Euler is what the integer engine runs; "fused" is the semi-implicit step of
the same paper (eq. 3), stable for any rate; "rk4" is the classic fourth-order Runge-Kutta method.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

Field = Callable[[Tensor], tuple[Tensor, Tensor]]
"""State (..., n) -> (drive, rate), each (..., n)."""

Solver = Callable[[Field, Tensor, float], Tensor]
"""(field, state, dt) -> state after dt."""


def euler(field: Field, h: Tensor, dt: float) -> Tensor:
    """Explicit Euler, first order."""
    drive, rate = field(h)
    return h + dt * (drive - rate * h)


def fused(field: Field, h: Tensor, dt: float) -> Tensor:
    """Semi-implicit Euler: the decay is taken at the new state. First order."""
    drive, rate = field(h)
    return (h + dt * drive) / (1 + dt * rate)


def rk4(field: Field, h: Tensor, dt: float) -> Tensor:
    """Classic Runge-Kutta, fourth order."""

    def slope(state: Tensor) -> Tensor:
        drive, rate = field(state)
        return drive - rate * state

    k1 = slope(h)
    k2 = slope(h + dt / 2 * k1)
    k3 = slope(h + dt / 2 * k2)
    k4 = slope(h + dt * k3)
    return h + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


SOLVERS: dict[str, Solver] = {"euler": euler, "fused": fused, "rk4": rk4}
