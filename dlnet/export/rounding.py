"""Rounding of weights so that rows, not weights, come out right on training windows.

Rounding each weight to nearest leaves errors that add up where inputs move together, as charge features do. Here one
weight at a time moves to the integer that lowers the squared error of its row most, as long as any does; the bias takes
up the mean that is left. The idea is that of layer-wise rounding (Nagel et al., "Up or down? Adaptive rounding", ICML
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
DAMPING = 0.01  # of the mean variance of the inputs: directions that training hardly shows stay near nearest
MOST_SWEEPS = 100


def fit_rounding(spec: Spec, student: StudentWeights, windows: Int16s) -> Spec:
    """Round the weights of ``spec`` anew, by its inputs and states over quantised training ``windows`` (N, T, C).

    The step is fitted on the path of the nearest rounding, then the head on the path of the new step.

    Raises:
        DataError: there is no window, or windows of another shape.
    """
    check_windows(spec, windows)
    some = windows[evenly(len(windows), WINDOWS)]
    x = np.repeat(some, spec.substeps, axis=1).reshape(-1, spec.channels)
    path = state_path(spec, some)
    before = np.concatenate([np.zeros_like(path[:, :1]), path[:, :-1]], axis=1).reshape(-1, spec.hidden)
    step_inputs = np.concatenate([_real(x, fixed.INPUT_BITS), _real(before, fixed.STATE_BITS)], axis=1)
    fitted = replace(spec, step=_fit(spec.step, np.vstack([student.wx, student.wh]), student.b, step_inputs))
    last = state_path(fitted, some)[:, -1]
    skip = skip_inputs(fitted, some)
    head_inputs = np.concatenate([_real(last, fixed.STATE_BITS), _real(skip, fixed.INPUT_BITS)], axis=1)
    return replace(fitted, head=_fit(spec.head, student.wo, student.bo, head_inputs))


def _real(codes: Int16s, bits: int) -> Floats:
    return np.ldexp(codes.astype(np.float64), -bits)


def _fit(part: Affine, weights: np.ndarray, bias: np.ndarray, inputs: Floats) -> Affine:
    """Lower, row by row, the variance of (weights - units·scale)·inputs; ``weights`` (inputs, rows)."""
    target, scale = np.asarray(weights, np.float64).T, part.scale
    covariance = np.atleast_2d(np.cov(inputs.T, bias=True))
    spread = max(float(np.trace(covariance)) / len(covariance), 2.0**-30)
    covariance = covariance + DAMPING * spread * np.eye(len(covariance))
    units = part.weights.astype(np.int64)
    # Pruned weights stay zero; the largest of a row stays 127, from which the converter finds the row's scale.
    free = (np.abs(units) < 127) & (target != 0)
    slope = (target - units * scale[:, None]) @ covariance
    for _ in range(MOST_SWEEPS):
        if not _sweep(units, slope, free, scale, covariance):
            break
    mean = (target - units * scale[:, None]) @ inputs.mean(axis=0)
    room = 2.0 ** (30 - fixed.INPUT_BITS) * scale
    moved = np.clip(np.asarray(bias, np.float64) + mean, -room, room)
    codes = np.rint(moved / scale * 2**fixed.INPUT_BITS)
    return replace(part, weights=units.astype(np.int8), bias=codes.astype(np.int32))


def _sweep(units: fixed.Ints, slope: Floats, free: np.ndarray, scale: Floats, covariance: Floats) -> bool:
    """Move each input's weight once, in all rows at a time, in place; whether any moved."""
    moved = False
    for column, variances in enumerate(covariance):
        best = units[:, column] + np.rint(slope[:, column] / (scale * variances[column])).astype(np.int64)
        change = np.where(free[:, column], np.clip(best, -126, 126) - units[:, column], 0)
        if change.any():
            moved = True
            units[:, column] += change
            slope -= (scale * change)[:, None] * variances
    return moved
