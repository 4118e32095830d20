"""Rounding of weights that minimises the error of each row's output on training windows, not of each weight.

Rounding each weight to nearest leaves errors that add up where inputs move together, as features do. Here one
weight at a time moves to the integer that lowers the squared error of its row most, until none does; the bias absorbs
the remaining mean. The idea is that of layer-wise rounding (Nagel et al., "Up or down? Adaptive rounding", ICML
2020; Frantar et al., "GPTQ", ICLR 2023); plain coordinate descent is enough at this size.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dlnet.export import fixed
from dlnet.export.calibration import check_windows, evenly
from dlnet.export.fixed import Floats
from dlnet.export.layout import Affine, Spec
from dlnet.export.reference import Int16s, skip_inputs, state_path
from dlnet.export.weights import StudentWeights

WINDOWS = 1000
DAMPING = (
    0.01  # of the mean variance of the inputs: directions with little variance in training stay near nearest rounding
)
MOST_SWEEPS = 100


def fit_rounding(spec: Spec, student: StudentWeights, windows: Int16s) -> Spec:
    """Round the weights of ``spec`` again, by its inputs and states over quantised training ``windows`` (N, T, C).

    One matrix after the other, in the order in which the engine uses them, each on the outputs of those before it:
    the first factor of the cell, the step, then gate and head on the path of the new step.

    Raises:
        DataError: there is no window, or windows of another shape.
    """
    check_windows(spec, windows)
    sample = windows[evenly(len(windows), WINDOWS)]
    x = np.repeat(sample, spec.substeps, axis=1).reshape(-1, spec.channels)
    path = state_path(spec, sample)
    before = np.concatenate([np.zeros_like(path[:, :1]), path[:, :-1]], axis=1).reshape(-1, spec.hidden)
    fitted = _fit_cell(spec, student, _joined((x, fixed.INPUT_BITS), (before, fixed.STATE_BITS)))
    last = state_path(fitted, sample)[:, -1]
    if spec.gate is not None and student.wg is not None and student.bg is not None:
        gate_inputs = _joined((sample[:, -1], fixed.INPUT_BITS), (last, fixed.STATE_BITS))
        fitted = replace(fitted, gate=_fit(spec.gate, student.wg, student.bg, gate_inputs))
    head_inputs = _joined((last, fixed.STATE_BITS), (skip_inputs(fitted, sample), fixed.INPUT_BITS))
    return replace(fitted, head=_fit(spec.head, student.wo, student.bo, head_inputs))


def _fit_cell(spec: Spec, student: StudentWeights, inputs: Floats) -> Spec:
    seen = np.vstack([student.wx, student.wh])
    if spec.inner is None or student.v is None:
        return replace(spec, step=_fit(spec.step, seen, student.b, inputs))
    inner = _fit(spec.inner, seen, np.zeros(spec.rank), inputs)
    weights, bias = inner.dequantised()
    return replace(spec, inner=inner, step=_fit(spec.step, student.v, student.b, inputs @ weights.T + bias))


def _joined(*parts: tuple[Int16s, int]) -> Floats:
    return np.concatenate([_real(codes, bits) for codes, bits in parts], axis=1)


def _real(codes: Int16s, bits: int) -> Floats:
    return np.ldexp(codes.astype(np.float64), -bits)


def _fit(part: Affine, weights: np.ndarray, bias: np.ndarray, inputs: Floats) -> Affine:
    """Lower, row by row, the variance of (weights - units·scale)·inputs; ``weights`` (inputs, rows)."""
    target, scale, limit = np.asarray(weights, np.float64).T, part.scale * part.unit, part.limit // part.unit
    covariance = np.atleast_2d(np.cov(inputs.T, bias=True))
    spread = max(float(np.trace(covariance)) / len(covariance), 2.0**-30)
    covariance = covariance + DAMPING * spread * np.eye(len(covariance))
    units = part.weights.astype(np.int64) // part.unit
    # Pruned weights stay zero; the largest of a row stays, from which the converter finds the row's scale.
    free = (np.abs(units) < limit) & (target != 0)
    slope = (target - units * scale[:, None]) @ covariance
    for _ in range(MOST_SWEEPS):
        if not _sweep(units, slope, free, scale, covariance, limit - 1):
            break
    mean = (target - units * scale[:, None]) @ inputs.mean(axis=0)
    limit_of_bias = 2.0 ** (30 - fixed.INPUT_BITS) * part.scale
    moved = np.clip(np.asarray(bias, np.float64) + mean, -limit_of_bias, limit_of_bias)
    codes = part.unit * np.rint(moved / scale * 2**fixed.INPUT_BITS)
    return replace(part, weights=(part.unit * units).astype(np.int8), bias=codes.astype(np.int32))


def _sweep(units: fixed.Ints, slope: Floats, free: np.ndarray, scale: Floats, covariance: Floats, most: int) -> bool:
    """Move each input's weight once, in all rows at a time, in place and within ±``most``; whether any moved."""
    moved = False
    for column, variances in enumerate(covariance):
        best = units[:, column] + np.rint(slope[:, column] / (scale * variances[column])).astype(np.int64)
        change = np.where(free[:, column], np.clip(best, -most, most) - units[:, column], 0)
        if change.any():
            moved = True
            units[:, column] += change
            slope -= (scale * change)[:, None] * variances
    return moved
