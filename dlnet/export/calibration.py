"""Samples by which the converter sets the ranges of the .tflite: training windows, then the limits of the formats.

Without the limits a test window outside training's range would be clipped by the .tflite but not by the spec.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dlnet.errors import DataError
from dlnet.export import fixed
from dlnet.export.fixed import Floats
from dlnet.export.layout import Spec
from dlnet.export.reference import Int16s, skip_inputs, state_path

CALIBRATION_WINDOWS = 200
INPUT_LIMIT, STATE_LIMIT = 8.0, 1.0
Float32s = npt.NDArray[np.float32]
Samples = list[dict[str, Float32s]]
Matrix = tuple[Floats, Floats]


def step_samples(spec: Spec, windows: Int16s) -> Samples:
    """Inputs ``x`` (1, C) and ``h`` (1, n) of the step graph over quantised ``windows`` (N, T, C)."""
    sample = windows[evenly(len(windows))]
    path = state_path(spec, sample)
    before = np.concatenate([np.zeros_like(path[:, :1]), path[:, :-1]], axis=1)
    x = np.repeat(sample, spec.substeps, axis=1).reshape(-1, spec.channels)
    values, states = _at_limits(x, before.reshape(-1, spec.hidden))
    limits = np.repeat([INPUT_LIMIT, STATE_LIMIT], [spec.channels, spec.hidden])
    driven = np.concatenate([_driven(*matrix, limits) for matrix in _cell_matrices(spec)])
    values, states = (
        np.concatenate([values, driven[:, : spec.channels]]),
        np.concatenate([states, driven[:, spec.channels :]]),
    )
    return [{"x": x[None], "h": h[None]} for x, h in zip(values, states, strict=True)]


def head_samples(spec: Spec, windows: Int16s) -> Samples:
    """Inputs of the head graph: ``h`` (1, n), skip inputs ``s`` (1, S), for a gate ``x`` (1, C); no empty ones."""
    sample = windows[evenly(len(windows))]
    beside = [skip_inputs(spec, sample), sample[:, -1, : spec.channels if spec.gate else 0]]
    values, states = _at_limits(np.concatenate(beside, axis=1), state_path(spec, sample)[:, -1])
    driven = _driven(*head_matrix(spec), np.repeat([STATE_LIMIT, INPUT_LIMIT], [spec.hidden, values.shape[1]]))
    values, states = (
        np.concatenate([values, driven[:, spec.hidden :]]),
        np.concatenate([states, driven[:, : spec.hidden]]),
    )
    named = {"h": states, "s": values[:, : len(spec.skip)], "x": values[:, len(spec.skip) :]}
    return [{name: rows[i : i + 1] for name, rows in named.items() if rows.shape[1]} for i in range(len(states))]


def head_matrix(spec: Spec) -> Matrix:
    """Weights (B M, n + S) and bias (B M,) of all branches; with a gate (B M + B, n + S + C), its rows the last.

    Inputs are [h, s, x]: state, skip inputs, last inputs.
    """
    weights, bias = spec.head.dequantised()
    if spec.gate is None:
        return weights, bias
    gate, gate_bias = spec.gate.dequantised()
    rows, count = len(bias), len(gate_bias)
    both = np.block(
        [
            [weights, np.zeros((rows, spec.channels))],
            [gate[:, spec.channels :], np.zeros((count, len(spec.skip))), gate[:, : spec.channels]],
        ]
    )
    return both, np.concatenate([bias, gate_bias])


def _cell_matrices(spec: Spec) -> list[Matrix]:
    """The step's matrices on [x, h]; with low rank the first factor, then the product of both."""
    weights, bias = spec.step.dequantised()
    if spec.inner is None:
        return [(weights, bias)]
    inner, inner_bias = spec.inner.dequantised()
    return [(inner, inner_bias), (weights @ inner, weights @ inner_bias + bias)]


def check_windows(spec: Spec, windows: Int16s) -> None:
    """Raise ``DataError`` unless ``windows`` are int16 (N, T, C) of the model, at least one."""
    if windows.dtype != np.int16 or windows.ndim != 3 or windows.shape[1:] != (spec.steps, spec.channels):
        raise DataError(f"calibration windows do not fit the model: {windows.dtype} {windows.shape}")
    if not len(windows):
        raise DataError("no training window to calibrate on")


def evenly(count: int, most: int = CALIBRATION_WINDOWS) -> npt.NDArray[np.int64]:
    """At most ``most`` of ``count`` indices, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, most).astype(np.int64))


def _at_limits(values: Int16s, states: Int16s) -> tuple[Float32s, Float32s]:
    """Both as floats, then rows with each column of ``values`` at ±8 in turn, then with the state at ±1.

    The state is set to its limits under many values: that gives the full range of the next state, which training
    windows may not reach.
    """
    x = np.ldexp(values.astype(np.float32), -fixed.INPUT_BITS)
    h = np.ldexp(states.astype(np.float32), -fixed.STATE_BITS)
    width = values.shape[1]
    rows = np.arange(2 * width) % len(values)
    extremes = x[rows]
    extremes[np.arange(2 * width), np.repeat(np.arange(width), 2)] = np.tile([INPUT_LIMIT, -INPUT_LIMIT], width)
    spread = x[evenly(len(x))]
    full = np.full((len(spread), h.shape[1]), STATE_LIMIT, np.float32)
    return np.concatenate([x, extremes, spread, spread]), np.concatenate([h, h[rows], full, -full])


def _driven(weights: Floats, bias: Floats, limits: Floats) -> Float32s:
    """Inputs within ``limits`` (inputs,) that drive each row of ``weights`` up and down to ±8, if they can."""
    reach = np.maximum(np.abs(weights) @ limits, 2.0**-30)  # an empty row cannot be driven
    rows = [
        sign * np.sign(weights) * limits * np.clip((INPUT_LIMIT - sign * bias) / reach, 0, 1)[:, None]
        for sign in (1, -1)
    ]
    return np.concatenate(rows).astype(np.float32)
