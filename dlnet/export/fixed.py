"""Fixed-point numbers of the edge model: formats, requantising, saturation and the three tables.

Every operation here is defined on integers alone; docs/quantisation.md gives the same definitions as text.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from dlnet.errors import ModelError

Ints = npt.NDArray[np.int64]
AnyInts = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float64]

INPUT_BITS = 12  # inputs, preactivations and logits: int16, 2^-12, so -8 <= v < 8
STATE_BITS = 15  # state, gate, rate and reversal: int16, 2^-15
INCREMENT_BITS = 16  # an increment after softplus: int32, 2^-16
FORECAST_BITS = 24  # anchor and forecast: int32, 2^-24 of health
WEIGHT_BITS = 30  # position between two knots: int32, 2^-30
STATE_SHIFT = STATE_BITS - INPUT_BITS

INT16_MIN, INT16_MAX = -(2**15), 2**15 - 1
INT32_MAX = 2**31 - 1

TABLE_BITS = 7  # codes of a preactivation between two table entries: 2^7
TABLE_SIZE = 257  # entries for |v| = 0, 1/32, ..., 8


def saturate(value: Ints) -> Ints:
    """Clip to the range of an int16."""
    return np.clip(value, INT16_MIN, INT16_MAX)


def requantise(value: Ints, multiplier: AnyInts | int, shift: AnyInts | int) -> Ints:
    """Multiply an int32 by ``multiplier / 2**shift``, rounding once, halves up.

    The product is taken in 64 bits: ``(value * multiplier + 2**(shift - 1)) >> shift``.
    """
    scale, bits = np.asarray(multiplier, np.int64), np.asarray(shift, np.int64)
    half = np.left_shift(np.int64(1), bits - 1)
    return np.asarray((np.asarray(value, np.int64) * scale + half) >> bits, np.int64)


def multiplier_of(real: float) -> tuple[int, int]:
    """Nearest ``(multiplier, shift)`` with ``real = multiplier / 2**shift`` and 2^30 <= multiplier < 2^31.

    Raises:
        ModelError: ``real`` is not positive and finite, or its shift would leave 1..62.
    """
    if not (math.isfinite(real) and real > 0):
        raise ModelError(f"a scale of {real!r} cannot be quantised: it must be positive and finite")
    mantissa, exponent = math.frexp(real)
    multiplier = round(mantissa * 2**31)
    if multiplier == 2**31:
        multiplier, exponent = 2**30, exponent + 1
    shift = 31 - exponent
    if not 1 <= shift <= 62:
        raise ModelError(f"a scale of {real:g} cannot be quantised: it must lie between 2^-31 and 2^29")
    return multiplier, shift


def make_tables() -> dict[str, Ints]:
    """The three tables over v = 0, 1/32, ..., 8: functions of a preactivation.

    ``sigmoid`` and ``tanh`` in 2^-15; ``softplus`` holds log(1 + exp(-v)) in 2^-16, since
    softplus(v) = max(v, 0) + log(1 + exp(-|v|)).
    """
    grid = np.arange(TABLE_SIZE) / 32.0
    values = {
        "sigmoid": 2**STATE_BITS / (1 + np.exp(-grid)),
        "tanh": np.minimum(2**STATE_BITS * np.tanh(grid), INT16_MAX),
        "softplus": 2**INCREMENT_BITS * np.log1p(np.exp(-grid)),
    }
    return {name: np.rint(value).astype(np.int64) for name, value in values.items()}


def look_up(table: Ints, code: Ints) -> Ints:
    """Value of ``table`` at |code|, with a straight line between entries (rounded, halves up)."""
    size = np.minimum(np.abs(code), INT16_MAX)
    index, rest = size >> TABLE_BITS, size & (2**TABLE_BITS - 1)
    low = table[index]
    return np.asarray(low + (((table[index + 1] - low) * rest + 2 ** (TABLE_BITS - 1)) >> TABLE_BITS), np.int64)


def sigmoid(table: Ints, code: Ints) -> Ints:
    """Sigmoid of a preactivation (2^-12), in 2^-15: always between 11 and 32757, so it fits an int16."""
    value = look_up(table, code)
    return np.where(code < 0, 2**STATE_BITS - value, value)


def tanh(table: Ints, code: Ints) -> Ints:
    """Tanh of a preactivation (2^-12), in 2^-15."""
    value = look_up(table, code)
    return np.where(code < 0, -value, value)


def softplus(table: Ints, code: Ints) -> Ints:
    """Softplus of a logit (2^-12), in 2^-16."""
    return (np.maximum(code, 0) << (INCREMENT_BITS - INPUT_BITS)) + look_up(table, code)
