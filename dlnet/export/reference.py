"""The integer engine in NumPy, written from the spec alone; LiteRT, TFLM and firmware are compared with it.

Windows are the first axis throughout. Everything between ``quantise_*`` and ``from_fixed`` is integer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dlnet.errors import DataError
from dlnet.export import fixed
from dlnet.export.bounds import ANCHOR_LIMIT
from dlnet.export.fixed import Floats, Ints
from dlnet.export.form import blend, form_levels
from dlnet.export.layout import Affine, Spec

Int16s = npt.NDArray[np.int16]
Int32s = npt.NDArray[np.int32]
FloatInput = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Trace:
    """Results of a run of N windows, step by step."""

    hidden: Int16s  # (N, T, n) state after each step, 2^-15
    skip: Int16s  # (N, S), 2^-12
    branch: Int16s  # (N,) which of B heads was used
    logits: Int16s  # (N, M) of that head, 2^-12
    forecast: Int32s  # (N, horizon), 2^-24 health


def quantise_inputs(z: FloatInput) -> Int16s:
    """Encoded inputs (N, T, C) as int16 of 2^-12, saturated at ±8.

    Raises:
        DataError: a value is not finite.
    """
    if not np.isfinite(z).all():
        raise DataError("encoded inputs hold a value that is not finite")
    scaled = np.rint(np.asarray(z, np.float64) * 2**fixed.INPUT_BITS)
    return np.asarray(np.clip(scaled, fixed.INT16_MIN, fixed.INT16_MAX), np.int16)


def quantise_anchor(anchor: FloatInput) -> Int32s:
    """Anchors, (N,) or (N, 1) in health, as int32 (N,) of 2^-24.

    Raises:
        DataError: an anchor is not finite or above 2 in size.
    """
    flat = np.asarray(anchor, np.float64).reshape(-1)
    scaled = np.rint(flat * 2**fixed.FORECAST_BITS)
    if not (np.abs(scaled) <= ANCHOR_LIMIT).all():
        raise DataError("an anchor is no health: it must be finite and at most 2 in size")
    return np.asarray(scaled, np.int32)


def from_fixed(forecast: Int32s) -> Floats:
    """Forecast in health."""
    return np.ldexp(forecast.astype(np.float64), -fixed.FORECAST_BITS)


def predict_reference(spec: Spec, z: FloatInput, anchor: FloatInput, x: Int16s | None = None) -> Floats:
    """Forecast (N, horizon) in health of encoded windows ``z`` (N, T, C) with their anchors (N,) or (N, 1).

    Args:
        x: (N, P) inputs of the form, where the model has one.
    """
    return from_fixed(run(spec, quantise_inputs(z), quantise_anchor(anchor), x).forecast)


def run(spec: Spec, z: Int16s, anchor: Int32s, x: Int16s | None = None) -> Trace:
    """Run the model on quantised windows ``z`` (N, T, C), anchors (N,) and, of a model with a form, its inputs (N, P).

    Raises:
        DataError: the windows do not have the model's shape or types.
    """
    check_windows(spec, z, anchor)
    if (x is None) != (spec.form is None):
        raise DataError("a model with a form needs inputs of it, and one without takes none")
    trace = run_network(spec, z, anchor) if spec.has_network else _no_trace(spec, len(z))
    if spec.form is None or x is None:
        return trace
    level = form_levels(spec.form, len(spec.knots), x, anchor)
    if spec.has_network:
        level = blend(levels(spec, trace.logits, anchor), level, spec.weight)
    return replace(trace, forecast=lines(spec, level))


def _no_trace(spec: Spec, count: int) -> Trace:
    """Of a model without a network: no state moves."""
    hidden, skip = np.zeros((count, spec.steps, spec.hidden), np.int16), np.zeros((count, 0), np.int16)
    logits, forecast = np.zeros((count, len(spec.knots)), np.int16), np.zeros((count, spec.horizon), np.int32)
    return Trace(hidden, skip, np.zeros(count, np.int16), logits, forecast)


def run_network(spec: Spec, z: Int16s, anchor: Int32s) -> Trace:
    """The network alone."""
    hidden = hidden_path(spec, z)
    skip = skip_inputs(spec, z)
    branch = route(spec, z[:, -1], hidden[:, -1])
    logits = of_branch(head(spec, hidden[:, -1], skip), branch, spec.outputs)
    return Trace(hidden, skip, branch, logits, read_out(spec, logits, anchor))


def check_windows(spec: Spec, z: Int16s, anchor: Int32s) -> None:
    """Raise ``DataError`` unless ``z`` is int16 (N, T, C) of the model and ``anchor`` int32 (N,)."""
    if z.dtype != np.int16 or z.ndim != 3 or z.shape[1:] != (spec.steps, spec.channels):
        expected = f"int16 (N, {spec.steps}, {spec.channels})"
        raise DataError(f"windows must be {expected}, not {z.dtype} {z.shape}")
    if anchor.dtype != np.int32 or anchor.shape != z.shape[:1]:
        raise DataError(f"anchors must be int32 ({len(z)},), not {anchor.dtype} {anchor.shape}")
    if (np.abs(anchor.astype(np.int64)) > ANCHOR_LIMIT).any():
        raise DataError("an anchor is above 2 in size")


def as_input(state: Int16s | Ints) -> Ints:
    """State (2^-15) as it enters a dot product (2^-12), rounded, halves up."""
    return (np.asarray(state, np.int64) + (1 << (fixed.STATE_SHIFT - 1))) >> fixed.STATE_SHIFT


def affine(part: Affine, inputs: Ints) -> Ints:
    """Rows of ``part`` on ``inputs`` (N, inputs), as int16 values of 2^-12 (N, rows)."""
    accumulator = inputs @ part.weights.astype(np.int64).T + part.bias
    return fixed.saturate(fixed.requantise(accumulator, part.multiplier, part.shift))


def hidden_path(spec: Spec, z: Int16s) -> Int16s:
    """State after each step, (N, T, n)."""
    return state_path(spec, z)[:, spec.substeps - 1 :: spec.substeps]


def state_path(spec: Spec, z: Int16s) -> Int16s:
    """State after each sub-step, (N, T·K, n)."""
    path = np.zeros((len(z), spec.steps * spec.substeps, spec.hidden), np.int16)
    state = np.zeros((len(z), spec.hidden), np.int64)
    for k in range(path.shape[1]):
        state = _substep(spec, z[:, k // spec.substeps].astype(np.int64), state)
        path[:, k] = state
    return path


def _substep(spec: Spec, x: Ints, h: Ints) -> Ints:
    """One Euler step: h + (gate · (a - h) - rate · h) / K."""
    seen = np.concatenate([x, as_input(h)], axis=1)
    code = affine(spec.step, seen if spec.inner is None else affine(spec.inner, seen))
    gate = fixed.sigmoid(spec.tables["sigmoid"], code[:, : spec.hidden])
    if spec.reversal is None:
        target = fixed.tanh(spec.tables["tanh"], code[:, spec.hidden :])
    else:
        target = np.broadcast_to(spec.reversal.astype(np.int64), gate.shape)
    # Halving the two differences, not the gate, keeps slow units exact and the sum inside 32 bits.
    change = gate * ((target - h + 1) >> 1) - spec.rate.astype(np.int64) * ((h + 1) >> 1)
    return fixed.saturate(h + fixed.requantise(change, *spec.update))


def skip_inputs(spec: Spec, z: Int16s) -> Int16s:
    """Inputs of the head taken from the window itself, (N, S): last values and saturated differences."""
    last = z[:, -1].astype(np.int64)
    columns = [last[:, channel] - z[:, -1 - lag, channel] if lag else last[:, channel] for channel, lag in spec.skip]
    stacked = np.stack(columns, axis=1) if columns else np.zeros((len(z), 0), np.int64)
    return fixed.saturate(stacked).astype(np.int16)


def route(spec: Spec, last: Int16s, state: Int16s) -> Int16s:
    """Branch (N,) with the largest gate logit for last inputs (N, C) and state (N, n); the first of equal ones."""
    if spec.gate is None:
        return np.zeros(len(last), np.int16)
    codes = affine(spec.gate, np.concatenate([last.astype(np.int64), as_input(state)], axis=1))
    return codes.argmax(axis=1).astype(np.int16)


def of_branch(logits: Int16s, branch: Int16s, outputs: int) -> Int16s:
    """Select from logits (N, B M) those of each window's ``branch`` (N,): (N, M) with M ``outputs``."""
    by_branch = logits.reshape(len(logits), -1, outputs)
    return by_branch[np.arange(len(logits)), branch]


def head(spec: Spec, state: Int16s, skip: Int16s) -> Int16s:
    """Logits (N, B M) of all branches, of the last state (N, n) and the skip inputs (N, S)."""
    inputs = np.concatenate([as_input(state), skip.astype(np.int64)], axis=1)
    return affine(spec.head, inputs).astype(np.int16)


def read_out(spec: Spec, logits: Int16s, anchor: Int32s) -> Int32s:
    """Forecast (N, horizon): softplus, scale, running sum, straight lines between knots, anchor."""
    return lines(spec, levels(spec, logits, anchor))


def levels(spec: Spec, logits: Int16s, anchor: Int32s) -> Ints:
    """Health at row 0 and at each knot, (N, knots + 1)."""
    codes = logits.astype(np.int64)
    knots = len(spec.knots)
    start = anchor.astype(np.int64)[:, None]
    if spec.offset is not None:
        start = start + fixed.requantise(codes[:, knots:], *spec.offset)
    drops = fixed.requantise(fixed.softplus(spec.tables["softplus"], codes[:, :knots]), *spec.delta)
    return np.asarray(start - np.concatenate([np.zeros_like(start), np.cumsum(drops, axis=1)], axis=1))


def lines(spec: Spec, level: Ints) -> Int32s:
    """Forecast (N, horizon): straight lines between levels (N, knots + 1)."""
    drops, pieces = level[:, :-1] - level[:, 1:], []
    for k, (low, high) in enumerate(zip((0, *spec.knots), spec.knots, strict=False)):
        position = np.arange(1, high - low + 1, dtype=np.int64) * spec.inv_gap_q30[k]
        pieces.append(level[:, k : k + 1] - fixed.requantise(drops[:, k : k + 1], position, fixed.WEIGHT_BITS))
    return np.concatenate(pieces, axis=1).astype(np.int32)
