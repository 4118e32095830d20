"""Independent truths: a float student and the integer spec, both as scalar loops, and students to compare them on.

``float_forward`` is written from the equations of the student, ``integer_forward`` from docs/quantisation.md with
Python's unbounded integers; neither uses dlnet's arithmetic.
"""

from __future__ import annotations

import math

import numpy as np

from dlnet.export.weights import StudentWeights


def make_student(  # noqa: PLR0913 - each is one size of the shape
    seed=0,
    *,
    cell="liquid",
    hidden=16,
    channels=6,
    skip="slopes",
    substeps=1,
    steps=10,
    offset=False,
    rank=0,
    branches=1,
    **other,
):
    """A student with weights of the size training gives (unit preactivations, small leaks)."""
    rng = np.random.default_rng(seed)
    rows = 2 * hidden if cell == "liquid" else hidden
    knots = other.pop("knots", (5, 15, 30, 50, 75, 100))
    outputs = branches * (len(knots) + int(offset))
    skips = {"slopes": 3, "last": 2 * channels, "none": 0}[skip]
    values = {
        "wx": rng.normal(0, 0.8 / math.sqrt(channels), (channels, rows)),
        "wh": rng.normal(0, 0.6 / math.sqrt(hidden), (hidden, rows)),
        "b": rng.normal(0, 0.3, rows) - np.repeat([1.0, 0.0], [hidden, rows - hidden]),
        "rate": np.abs(rng.normal(0, 0.1, hidden)),
        "reversal": rng.uniform(-1, 1, hidden) if cell == "ltc" else None,
        "wo": rng.normal(0, 0.5 / math.sqrt(hidden + skips), (hidden + skips, outputs)),
        "bo": np.full(outputs, -2.0) + rng.normal(0, 0.2, outputs),
        "delta_scale": 0.02,
        "offset_scale": 0.05,
        **_factors(rng, channels, hidden, rows, rank),
        **_gate(rng, channels + hidden, branches),
    }
    values = {name: v.astype(np.float32) if isinstance(v, np.ndarray) else v for name, v in values.items()}
    return StudentWeights(
        cell=cell,
        substeps=substeps,
        steps=steps,
        skip=skip,
        knots=knots,
        horizon=knots[-1],
        offset=offset,
        **{**values, **other},
    )


def _factors(rng, channels, hidden, rows, rank):
    """Low rank: columns scaled so that no input within ±8 and state within ±1 brings a value between beyond ±8."""
    if not rank:
        return {}
    wx = rng.normal(0, 1 / math.sqrt(channels), (channels, rank))
    wh = rng.normal(0, 0.8 / math.sqrt(hidden), (hidden, rank))
    reach = (8 * np.abs(wx).sum(axis=0) + np.abs(wh).sum(axis=0)) / 8
    v = rng.normal(0, 0.7 / math.sqrt(rank), (rank, rows))
    return {"wx": wx / reach, "wh": wh / reach, "v": np.clip(v * reach[:, None], -20, 20)}


def _gate(rng, seen, branches):
    if branches == 1:
        return {}
    return {"wg": rng.normal(0, 1 / math.sqrt(seen), (seen, branches)), "bg": rng.normal(0, 0.3, branches)}


def make_windows(count, steps, channels, seed=1):
    """Smooth encoded windows (N, T, C) of unit size, and anchors (N,)."""
    rng = np.random.default_rng(seed)
    level = rng.normal(0, 1, (count, 1, channels))
    walk = rng.normal(0, 0.15, (count, steps, channels)).cumsum(axis=1)
    return np.clip(level + walk, -8, 8), rng.uniform(0.8, 1.05, count)


def float_state(student, z):
    """State (n,) after one window ``z`` (T, C)."""
    h = [0.0] * student.hidden
    for row in z:
        for _ in range(student.substeps):
            h = _float_substep(student, [float(v) for v in row], h)
    return h


def float_scores(student, z):
    """The gate's logits (B,) after one window ``z`` (T, C); of one branch a 0."""
    if student.wg is None:
        return [0.0]
    return _float_rows(student.wg, student.bg, [*(float(v) for v in z[-1]), *float_state(student, z)])


def float_forward(student, z, anchor, branch=None):
    """Forecast (horizon,) in health of one window ``z`` (T, C): the equations of the student, one number at a time.

    Uses the branch of the largest score, the first of equal ones, unless ``branch`` is given.
    """
    if branch is None:
        scores = float_scores(student, z)
        branch = scores.index(max(scores))
    width = len(student.knots) + int(student.offset)
    own = slice(branch * width, (branch + 1) * width)
    logits = _float_rows(student.wo[:, own], student.bo[own], [*float_state(student, z), *_float_skip(student, z)])
    level = anchor + (student.offset_scale * logits[-1] if student.offset else 0.0)
    forecast, low = [], 0
    for k, high in enumerate(student.knots):
        drop = student.delta_scale * math.log1p(math.exp(logits[k]))
        forecast += [level - drop * (t - low) / (high - low) for t in range(low + 1, high + 1)]
        level, low = level - drop, high
    return forecast


def _float_rows(weights, bias, inputs):
    """Rows of ``weights`` (inputs, rows) on one vector."""
    return [
        float(b) + sum(float(w) * v for w, v in zip(weights[:, j], inputs, strict=True)) for j, b in enumerate(bias)
    ]


def _float_substep(student, x, h):
    n = student.hidden
    weights, seen = np.concatenate([student.wx, student.wh]), [*x, *h]
    if student.v is None:
        q = _float_rows(weights, student.b, seen)
    else:
        between = _float_rows(weights, [0.0] * weights.shape[1], seen)
        assert max(map(abs, between)) <= 8
        q = _float_rows(student.v, student.b, between)
    result = []
    for j in range(n):
        gate = 1 / (1 + math.exp(-q[j]))
        target = math.tanh(q[n + j]) if student.cell == "liquid" else float(student.reversal[j])
        value = h[j] + (gate * target - (float(student.rate[j]) + gate) * h[j]) / student.substeps
        result.append(min(1.0, max(-1.0, value)))
    return result


def _float_skip(student, z):
    if student.skip == "none":
        return []
    last = [float(v) for v in z[-1]]
    if student.skip == "slopes":
        lags = (min(2, student.steps - 1), min(5, student.steps - 1), student.steps - 1)
        values = [last[0] - float(z[-1 - lag, 0]) for lag in lags]
    else:
        values = last + [v - float(first) for v, first in zip(last, z[0], strict=True)]
    return [min(8.0, max(-8.0, v)) for v in values]


def integer_forward(document, z, anchor):
    """Hidden path, branch, its logits and forecast of one quantised window, from the JSON spec by docs/quantisation.md.

    Also returns the largest intermediate that a 32-bit register would have to hold.
    """
    machine = _Machine(document)
    h, path = [0] * document["hidden"], []
    for row in z:
        for _ in range(document["substeps"]):
            h = machine.substep([int(v) for v in row], h)
        path.append(h)
    s = [_sat16(int(z[-1][c]) - (int(z[-1 - lag][c]) if lag else 0)) for c, lag in document["skip"]]
    state, branch = [(v + 4) >> 3 for v in h], 0
    if document["gate"] is not None:
        scores = machine.affine(document["gate"], [int(v) for v in z[-1]] + state)
        branch = scores.index(max(scores))
    every = machine.affine(document["head"], state + s)
    width = len(document["knots"]) + (document["offset"] is not None)
    logits = every[branch * width : (branch + 1) * width]
    return path, branch, logits, machine.read_out(logits, int(anchor)), machine.largest


class _Machine:
    def __init__(self, document):
        self.spec, self.largest = document, 0

    def see(self, value):
        self.largest = max(self.largest, abs(value))
        return value

    def affine(self, part, inputs):
        rows = []
        for weights, bias, multiplier, shift in zip(
            part["weights"], part["bias"], part["multiplier"], part["shift"], strict=True
        ):
            total = bias
            for weight, value in zip(weights, inputs, strict=True):
                total = self.see(total + weight * value)
            rows.append(_sat16(_scale(total, multiplier, shift)))
        return rows

    def line(self, name, code):
        table, size = self.spec["tables"][name], min(abs(code), 32767)
        low, high = table[size // 128], table[size // 128 + 1]
        return low + ((high - low) * (size % 128) + 64) // 128

    def substep(self, x, h):
        n = self.spec["hidden"]
        q = x + [(v + 4) >> 3 for v in h]
        if self.spec["inner"] is not None:
            q = self.affine(self.spec["inner"], q)
        q = self.affine(self.spec["step"], q)
        result = []
        for j in range(n):
            gate = self.line("sigmoid", q[j]) if q[j] >= 0 else 32768 - self.line("sigmoid", q[j])
            if self.spec["cell"] == "liquid":
                target = self.line("tanh", q[n + j]) * (1 if q[n + j] >= 0 else -1)
            else:
                target = self.spec["reversal"][j]
            change = self.see(gate * ((target - h[j] + 1) // 2)) - self.spec["rate"][j] * ((h[j] + 1) // 2)
            result.append(_sat16(h[j] + _scale(self.see(change), *self.spec["update"])))
        return result

    def read_out(self, logits, anchor):
        level = anchor
        if self.spec["offset"] is not None:
            level += _scale(logits[-1], *self.spec["offset"])
        forecast, low = [], 0
        for k, high in enumerate(self.spec["knots"]):
            increment = max(logits[k], 0) * 16 + self.line("softplus", logits[k])
            drop = self.see(_scale(increment, *self.spec["delta"]))
            inverse = self.spec["inv_gap_q30"][k]
            forecast += [self.see(level - _scale(drop, step * inverse, 30)) for step in range(1, high - low + 1)]
            level, low = self.see(level - drop), high
        return forecast


def _scale(value, multiplier, shift):
    product = value * multiplier + 2 ** (shift - 1)
    if not -(2**63) <= product < 2**63:
        raise OverflowError("a 64-bit product overflowed")
    return product // 2**shift


def _sat16(value):
    return max(-32768, min(32767, value))
