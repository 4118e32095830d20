"""Rounding fitted to windows, against brute force and against nearest."""

from dataclasses import replace

import numpy as np
import pytest
from export_truth import float_forward, make_student, make_windows

from dlnet.errors import DataError
from dlnet.export.reference import (
    from_fixed,
    predict_reference,
    quantise_anchor,
    quantise_inputs,
    run,
    skip_inputs,
    state_path,
)
from dlnet.export.rounding import DAMPING
from dlnet.export.spec import make_spec
from dlnet.models.precision import Precision


def together(count, channels, seed):
    """Windows whose channels move nearly as one, as features of one process do."""
    z, anchor = make_windows(count, 10, channels, seed)
    return 0.3 * z + z[:, :, :1], anchor


@pytest.fixture
def case():
    student = make_student(hidden=6, channels=5)
    windows = quantise_inputs(together(200, 5, 1)[0])
    return student, windows, make_spec(student), make_spec(student, windows)


def head_variance(student, spec, windows, head):
    """Damped variance of each row's error of the head, on the states and slopes that ``spec`` sees."""
    states = state_path(spec, windows)[:, -1] / 2**15
    inputs = np.concatenate([states, skip_inputs(spec, windows) / 2**12], axis=1)
    error = student.wo.T - head.weights * head.scale[:, None]
    variance = inputs.var(axis=0).mean() * DAMPING
    return (error @ (inputs - inputs.mean(0)).T).var(axis=1) + variance * (error**2).sum(axis=1)


def test_no_single_weight_could_be_rounded_better(case):
    student, windows, _, spec = case
    fitted = head_variance(student, spec, windows, spec.head)
    for row, column in np.ndindex(spec.head.weights.shape):
        if abs(spec.head.weights[row, column]) == 127:
            continue
        for change in (-1, 1):
            weights = spec.head.weights.copy()
            weights[row, column] += change
            other = head_variance(student, spec, windows, replace(spec.head, weights=weights))
            assert other[row] >= fitted[row] * (1 - 1e-9)


def test_mean_error_of_a_row_is_absorbed_by_the_bias(case):
    student, windows, _, spec = case
    states = state_path(spec, windows)[:, -1] / 2**15
    inputs = np.concatenate([states, skip_inputs(spec, windows) / 2**12], axis=1)
    weights, bias = spec.head.dequantised()
    apart = inputs @ (student.wo - weights.T) + student.bo - bias
    assert np.abs(apart.mean(axis=0)).max() < 1e-6


def test_forecast_on_new_windows_is_nearer_to_float_than_with_nearest(case):
    student, _, nearest, fitted = case
    z, anchor = together(60, 5, 2)
    want = np.array([float_forward(student, *one) for one in zip(z, anchor, strict=True)])
    apart = [np.abs(predict_reference(spec, z, anchor) - want).mean() for spec in (nearest, fitted)]
    assert apart[1] < 0.75 * apart[0]


SHAPES = {"plain": {}, "low rank, branches": {"rank": 3, "branches": 2}}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_weights_of_4_bits_stay_multiples_of_16(shape):
    student, four = make_student(hidden=6, channels=5, **shape), Precision.of(4)
    nearest = make_spec(student, precision=four)
    fitted = make_spec(student, quantise_inputs(together(200, 5, 1)[0]), four)
    for name, part in fitted.parts.items():
        assert not np.array_equal(part.weights, nearest.parts[name].weights)
        assert not (part.weights % 16).any()
        assert not (part.bias % 16).any()
        assert (np.abs(part.weights).max(axis=1) == 112).all()
        assert np.array_equal(part.multiplier, nearest.parts[name].multiplier)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_in_4_bits_too_forecasts_come_nearer_to_float(shape):
    """Not of every student: a step of 4 bits changes the path that it was fitted on."""
    ratios = []
    for seed in range(5):
        student = make_student(seed, hidden=6, channels=5, **shape)
        z, anchor = together(50, 5, 2)
        every = [
            [float_forward(student, *one, b) for one in zip(z, anchor, strict=True)] for b in range(student.branches)
        ]
        windows = quantise_inputs(together(200, 5, 1)[0])
        specs = [make_spec(student, some, Precision.of(4)) for some in (windows, None)]
        fitted, nearest = (distance(spec, z, anchor, np.array(every)) for spec in specs)
        ratios.append(fitted / nearest)
    assert np.exp(np.log(ratios).mean()) < 0.9


def distance(spec, z, anchor, every):
    """Mean distance from float forecasts (B, N, horizon) of the branch that was used."""
    trace = run(spec, quantise_inputs(z), quantise_anchor(anchor))
    return np.abs(from_fixed(trace.forecast) - every[trace.branch, np.arange(len(z))]).mean()


def gate_variance(student, spec, windows, gate):
    """As ``head_variance``, of the gate on last inputs and states."""
    inputs = np.concatenate([windows[:, -1] / 2**12, state_path(spec, windows)[:, -1] / 2**15], axis=1)
    error = student.wg.T - gate.weights * gate.scale[:, None]
    variance = inputs.var(axis=0).mean() * DAMPING
    return (error @ (inputs - inputs.mean(0)).T).var(axis=1) + variance * (error**2).sum(axis=1)


def test_no_single_weight_of_a_gate_of_4_bits_could_be_rounded_better():
    student = make_student(hidden=6, channels=5, branches=3)
    windows = quantise_inputs(together(200, 5, 1)[0])
    spec = make_spec(student, windows, Precision(gate=4))
    fitted = gate_variance(student, spec, windows, spec.gate)
    moves = 0
    for row, column in np.ndindex(spec.gate.weights.shape):
        for change in (-16, 16):
            # Those that nearest puts at the limit stay there, and no other comes to it.
            if abs(spec.gate.weights[row, column]) == 112 or abs(spec.gate.weights[row, column] + change) == 112:
                continue
            weights = spec.gate.weights.copy()
            weights[row, column] += change
            other = gate_variance(student, spec, windows, replace(spec.gate, weights=weights))
            assert other[row] >= fitted[row] * (1 - 1e-9)
            moves += 1
    assert moves > 40


def test_windows_without_variance_leave_nearest(case):
    student, _, nearest, _ = case
    still = np.zeros((4, 10, 5), np.int16)
    assert np.array_equal(make_spec(student, still).step.weights[:, :5], nearest.step.weights[:, :5])


def test_scales_and_pruned_weights_stay(case):
    student, windows, _, _ = case
    keep = np.random.default_rng(0).random(student.wx.shape) < 0.5
    pruned = replace(student, wx=student.wx * keep)
    spec = make_spec(pruned, windows)
    assert (spec.step.weights[:, :5].T[~keep] == 0).all()
    assert (np.abs(spec.step.weights).max(axis=1) == 127).all()
    assert np.array_equal(spec.step.multiplier, make_spec(pruned).step.multiplier)


def test_windows_of_another_shape_are_refused(case):
    with pytest.raises(DataError, match="do not fit"):
        make_spec(case[0], case[1][:, 1:])
    with pytest.raises(DataError, match="no training window"):
        make_spec(case[0], case[1][:0])
