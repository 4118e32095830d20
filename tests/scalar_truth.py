"""A liquid network in scalar code, from the equations: the reference that the batched code is compared with."""

from __future__ import annotations

import math


def sigmoid(value):
    return 1 / (1 + math.exp(-value))


def softplus(value):
    return math.log1p(math.exp(-abs(value))) + max(value, 0.0)


def field(cell, p, x, h):
    """Drive and rate of every neuron of one network with inputs x (C) and state h (n); p holds nested lists."""
    n = len(h)
    width = len(p["b"][0])
    q = [
        sum(x[c] * p["wx"][c][j] for c in range(len(x))) + sum(h[i] * p["wh"][i][j] for i in range(n)) + p["b"][0][j]
        for j in range(width)
    ]
    drive, rate = [], []
    for j in range(n):
        leak = min(1.0, softplus(p["leak"][0][j]))
        if cell == "liquid":
            gate, reversal = sigmoid(q[j]), math.tanh(q[n + j])
            drive.append(gate * reversal)
            rate.append(leak + gate)
        elif cell == "ltc":
            gate = sigmoid(q[j])
            drive.append(gate * max(-1.0, min(1.0, p["a"][0][j])))
            rate.append(leak + gate)
        else:
            plus, minus = sigmoid(q[j]), sigmoid(q[n + j])
            up, down = (max(-1.0, min(1.0, p["a"][0][k])) for k in (j, n + j))
            drive.append((plus * up + minus * down) / 2)
            rate.append(leak + (plus + minus) / 2)
    return drive, rate


def slope(cell, p, x, h):
    drive, rate = field(cell, p, x, h)
    return [d - r * v for d, r, v in zip(drive, rate, h, strict=True)]


def solver_step(solver, cell, p, x, h, dt):
    if solver == "euler":
        return [v + dt * s for v, s in zip(h, slope(cell, p, x, h), strict=True)]
    if solver == "fused":
        drive, rate = field(cell, p, x, h)
        return [(v + dt * d) / (1 + dt * r) for v, d, r in zip(h, drive, rate, strict=True)]
    moved = lambda k, share: [v + share * s for v, s in zip(h, k, strict=True)]  # noqa: E731 - as in textbooks
    k1 = slope(cell, p, x, h)
    k2 = slope(cell, p, x, moved(k1, dt / 2))
    k3 = slope(cell, p, x, moved(k2, dt / 2))
    k4 = slope(cell, p, x, moved(k3, dt))
    return [v + dt / 6 * (a + 2 * b + 2 * c + d) for v, a, b, c, d in zip(h, k1, k2, k3, k4, strict=True)]


def path(config, p, window):
    """States after each step of one window (T, C), from zero."""
    h, states = [0.0] * config.hidden, []
    for x in window:
        for _ in range(config.substeps):
            h = solver_step(config.solver, config.cell, p, x, h, 1 / config.substeps)
        states.append(h)
    return states


def forecast(config, p, window):
    """Change of SoH at cycles 1..horizon in units of delta_scale; one window (T, C)."""
    h, last, first = path(config, p, window)[-1], window[-1], window[0]
    skip = []
    if config.skip == "slopes":
        skip = [last[0] - window[-3][0], last[0] - window[-6][0], last[0] - first[0]]
    elif config.skip == "last":
        skip = [*last, *(a - b for a, b in zip(last, first, strict=True))]
    seen = [*h, *skip]
    outputs = [
        sum(v * row[j] for v, row in zip(seen, p["wo"], strict=True)) + p["bo"][0][j] for j in range(config.outputs)
    ]
    level = 2.5 * outputs[-1] if config.level else 0.0
    corners, values = [0, *config.knots], [0.0]
    for output in outputs[: len(config.knots)]:
        values.append(values[-1] - softplus(output))
    return [level + between(cycle, corners, values) for cycle in range(1, config.horizon + 1)]


def between(at, corners, values):
    """The straight line between the corners around ``at``."""
    for left, right, low, high in zip(corners, corners[1:], values, values[1:], strict=False):
        if left <= at <= right:
            return low + (high - low) * (at - left) / (right - left)
    raise ValueError(at)


def nested(parameters, model):
    """One network of a stack as nested lists of Python floats."""
    return {name: value[model].double().tolist() for name, value in parameters.items()}
