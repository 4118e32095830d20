"""Proof by interval arithmetic that no intermediate value of a model overflows its type, for any input."""

from __future__ import annotations

import numpy as np

from dlnet.errors import ModelError
from dlnet.export import fixed
from dlnet.export.layout import Affine, Spec
from dlnet.models.precision import Part

ANCHOR_LIMIT = 2**25  # health 2
INPUT_PEAK = 2**15
STATE_PEAK = 2**15
STATE_AS_INPUT_PEAK = 2 ** (15 - fixed.STATE_SHIFT)
ROW_SHIFTS = (33, 62)  # one SMMLA on Armv7E-M rounds once and exactly from 33 on; 62 keeps the sum in 64 bits


def largest_accumulator(spec: Spec) -> dict[str, int]:
    """Bound on the absolute value of each intermediate over all inputs, for any order of summation.

    Every term is bounded by the product of its factors' bounds, every sum by the sum of its terms' bounds.
    """
    seen = np.full(spec.channels + spec.hidden, INPUT_PEAK)
    seen[spec.channels :] = STATE_AS_INPUT_PEAK
    heads = np.full(spec.hidden + len(spec.skip), INPUT_PEAK)
    heads[: spec.hidden] = STATE_AS_INPUT_PEAK
    inputs: dict[Part, np.ndarray] = {
        "inner": seen,
        "step": seen if spec.inner is None else np.full(spec.rank, INPUT_PEAK),
        "gate": seen,
    }
    inputs["head"] = heads
    increment = _increment_peak(spec)
    return {
        **{f"{name} accumulator": _row_peak(part, inputs[name]) for name, part in spec.parts.items()},
        "state update": _update_peak(spec),
        "increment": increment,
        "forecast": ANCHOR_LIMIT + len(spec.knots) * _scaled(increment, spec.delta) + _offset_peak(spec),
    }


def check_bounds(spec: Spec) -> None:
    """Raise for a model in which an int32 could overflow or whose parts do not fit together.

    Raises:
        ModelError: names the part and its bound.
    """
    _check_shapes(spec)
    for name, part in spec.parts.items():
        low, high = ROW_SHIFTS
        if (part.weights % part.unit).any() or (part.bias % part.unit).any():
            raise ModelError(f"{name}: of {part.bits} bits, but a weight or bias is no multiple of {part.unit}")
        if np.abs(part.weights.astype(np.int64)).max() > part.limit:
            raise ModelError(f"{name}: of {part.bits} bits, but a weight is beyond ±{part.limit}")
        if part.shift.min() < low or part.shift.max() > high or part.multiplier.min() < 1:
            raise ModelError(f"{name}: a row's scale is out of range (shift must lie in {low}..{high})")
    for where, peak in largest_accumulator(spec).items():
        if peak > fixed.INT32_MAX:
            raise ModelError(f"{where} could reach {peak}, beyond 32 bits; lower the weights, scales or knots")


def _row_peak(part: Affine, inputs: np.ndarray) -> int:
    terms = np.abs(part.weights.astype(np.int64)) @ inputs
    return int((terms + np.abs(part.bias.astype(np.int64))).max())


def _update_peak(spec: Spec) -> int:
    """|g·((a - h + 1) >> 1) - r·((h + 1) >> 1)|: g below sigmoid(8), a and h any int16."""
    gate = int(spec.tables["sigmoid"].max())
    difference, half = (2 * STATE_PEAK) >> 1, STATE_PEAK >> 1
    return gate * difference + int(np.abs(spec.rate.astype(np.int64)).max()) * half


def _increment_peak(spec: Spec) -> int:
    return (fixed.INT16_MAX << (fixed.INCREMENT_BITS - fixed.INPUT_BITS)) + int(spec.tables["softplus"].max())


def _scaled(value: int, scale: tuple[int, int]) -> int:
    return (value * scale[0] >> scale[1]) + 1


def _offset_peak(spec: Spec) -> int:
    return 0 if spec.offset is None else _scaled(INPUT_PEAK, spec.offset)


def _check_shapes(spec: Spec) -> None:
    hidden, outputs = spec.hidden, spec.branches * spec.outputs
    seen = spec.channels + hidden
    rows = {"liquid": 2 * hidden, "ltc": hidden}.get(spec.cell)
    if rows is None:
        raise ModelError(f"cell must be liquid or ltc, not {spec.cell!r}")
    fits = [
        spec.channels > 0,
        spec.step.weights.shape == (rows, spec.rank or seen),
        all(part.weights.shape[1] == seen for part in (spec.inner, spec.gate) if part is not None),
        spec.head.weights.shape == (outputs, hidden + len(spec.skip)),
        (spec.reversal is not None) == (spec.cell == "ltc"),
        spec.reversal is None or spec.reversal.shape == spec.rate.shape,
        len(spec.inv_gap_q30) == len(spec.knots),
        all(0 <= c < spec.channels and 0 <= lag < spec.steps for c, lag in spec.skip),
        all(table.shape == (fixed.TABLE_SIZE,) for table in spec.tables.values()),
    ]
    for part in spec.parts.values():
        fits += [array.shape == part.weights.shape[:1] for array in (part.bias, part.multiplier, part.shift)]
    if not all(fits):
        raise ModelError("the parts of the spec do not fit together; run dvc repro")
