"""Proof by interval arithmetic that no intermediate value of a model overflows its type, for any input."""

from __future__ import annotations

import numpy as np

from dlnet.errors import ModelError
from dlnet.export import fixed
from dlnet.export.form_json import check_form
from dlnet.export.layout import Affine, Spec
from dlnet.models.precision import Part

ANCHOR_LIMIT = 2**25  # health 2
INPUT_PEAK = 2**15
STATE_PEAK = 2**15
STATE_AS_INPUT_PEAK = 2 ** (15 - fixed.STATE_SHIFT)
WIDEST = 255  # inputs, states, rows of a factor, branches, steps and sub-steps: each is a byte on a device
LONGEST = 65535  # rows of a forecast
MULTIPLIERS = (2**30, 2**31 - 1)  # those of ``fixed.multiplier_of``
SCALE_SHIFTS = (1, 62)
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
    _check_constants(spec)
    if spec.form is not None:
        check_form(spec.form, len(spec.knots))
    for name, part in spec.parts.items():
        low, high = ROW_SHIFTS
        if (part.weights % part.unit).any() or (part.bias % part.unit).any():
            raise ModelError(f"{name}: of {part.bits} bits, but a weight or bias is no multiple of {part.unit}")
        if np.abs(part.weights.astype(np.int64)).max() > part.limit:
            raise ModelError(f"{name}: of {part.bits} bits, but a weight is beyond ±{part.limit}")
        if part.shift.min() < low or part.shift.max() > high or part.multiplier.min() < MULTIPLIERS[0]:
            raise ModelError(
                f"{name}: a row's scale is out of range (multiplier from {MULTIPLIERS[0]} on, shift in {low}..{high})"
            )
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
    sizes = {"channels": spec.channels, "hidden": spec.hidden, "steps": spec.steps, "substeps": spec.substeps}
    sizes |= {"branches": spec.branches, "skip inputs + 1": len(spec.skip) + 1, "knots": len(spec.knots)}
    sizes |= {} if spec.inner is None else {"rank": spec.rank}
    for name, size in sizes.items():
        if not 1 <= size <= (LONGEST if name in ("knots", "skip inputs + 1") else WIDEST):
            raise ModelError(f"the parts of the spec do not fit together: {name} would be {size}; run dvc repro")
    hidden, outputs = spec.hidden, spec.branches * spec.outputs
    seen = spec.channels + hidden
    rows = {"liquid": 2 * hidden, "ltc": hidden}.get(str(spec.cell))
    if rows is None:
        raise ModelError(f"cell must be liquid or ltc, not {repr(spec.cell)[:40]}")
    fits = [
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


def _check_constants(spec: Spec) -> None:
    """Check every number that is no weight: each has one right value, or a range."""
    gaps = [high - low for low, high in zip((0, *spec.knots), spec.knots, strict=False)]
    low, high = MULTIPLIERS
    scales = [spec.delta, *([] if spec.offset is None else [spec.offset])]
    tables = fixed.make_tables()
    reversal = np.zeros(1, np.int16) if spec.reversal is None else spec.reversal
    right = {
        "knots": min(gaps) > 0 and spec.knots[-1] <= LONGEST,
        "update": spec.update == fixed.multiplier_of(2.0 ** (1 - fixed.STATE_BITS) / spec.substeps),
        "delta and offset": all(
            low <= multiplier <= high and SCALE_SHIFTS[0] <= shift <= SCALE_SHIFTS[1] for multiplier, shift in scales
        ),
        "rate": spec.rate.min() >= 0,
        "reversal": int(reversal.min()) >= -fixed.INT16_MAX,
        "tables": all(np.array_equal(spec.tables[name], table) for name, table in tables.items()),
    }
    # Divides by the gaps, so only where they are positive.
    right["inv_gap_q30"] = right["knots"] and list(spec.inv_gap_q30) == [inverse_gap(gap) for gap in gaps]
    for name, holds in right.items():
        if not holds:
            raise ModelError(f"{name} of the spec cannot be right; run dvc repro")


def inverse_gap(rows: int) -> int:
    """2^30 / ``rows`` between two knots, rounded."""
    return round(2**fixed.WEIGHT_BITS / rows)
