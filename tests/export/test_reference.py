"""The engine against two scalar truths: the student in floats, and the spec in unbounded integers."""

import json
from dataclasses import replace

import numpy as np
import pytest
from export_truth import float_forward, float_scores, integer_forward, make_student, make_windows
from hypothesis import given
from hypothesis import strategies as st

from dlnet.errors import DataError
from dlnet.export.bounds import largest_accumulator
from dlnet.export.reference import predict_reference, quantise_anchor, quantise_inputs, run
from dlnet.export.spec import make_spec, to_json
from dlnet.models.precision import Precision

SHAPES = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10**6),
        "cell": st.sampled_from(["liquid", "ltc"]),
        "hidden": st.integers(2, 24),
        "channels": st.integers(1, 24),
        "substeps": st.integers(1, 3),
        "steps": st.integers(2, 10),
        "skip": st.sampled_from(["slopes", "last", "none"]),
        "offset": st.booleans(),
        "rank": st.sampled_from([0, 0, 1, 3, 8]),
        "branches": st.sampled_from([1, 1, 2, 4]),
    }
)
PRECISIONS = st.builds(Precision, *[st.sampled_from([4, 8])] * 4)


def exact(student, z, anchor, branch=None):
    """Forecasts in floats; ``branch`` (N,) to use, the gate's own choice if None."""
    branches = [None] * len(z) if branch is None else branch
    return np.array([float_forward(student, *one) for one in zip(z, anchor, branches, strict=True)])


def chosen(spec, z, anchor):
    return run(spec, quantise_inputs(z), quantise_anchor(anchor)).branch


def weights_as_stored(student, spec):
    """The student of the spec's integers: the remaining error is that of the arithmetic."""
    (seen, _), (step, b), (head, bo) = ((p or spec.step).dequantised() for p in (spec.inner, spec.step, spec.head))
    c = student.channels
    stored = replace(student, wx=seen[:, :c].T, wh=seen[:, c:].T, b=b, wo=head.T, bo=bo)
    if spec.inner is not None:
        stored = replace(stored, v=step.T)
    if spec.gate is not None:
        gate, bg = spec.gate.dequantised()
        stored = replace(stored, wg=gate.T, bg=bg)
    return stored


@given(SHAPES)
def test_forecast_is_close_to_the_float_student(shape):
    student = make_student(**shape)
    z, anchor = make_windows(3, student.steps, student.channels, shape["seed"])
    spec = make_spec(student)
    want = exact(student, z, anchor, chosen(spec, z, anchor))
    # 1.5 % of the fall and of the level, both of which carry the rounding of int8 weights, and 20 ppm of health.
    allowed = 0.015 * np.abs(want - anchor[:, None]).max() + 2e-5 + student.offset * 1.5e-3
    assert np.abs(predict_reference(spec, z, anchor) - want).max() < allowed


@given(SHAPES, PRECISIONS)
def test_arithmetic_alone_costs_less_than_30_ppm_of_health(shape, precision):
    student = make_student(**shape)
    spec = make_spec(student, precision=precision)
    z, anchor = make_windows(3, student.steps, student.channels, shape["seed"])
    stored, codes = weights_as_stored(student, spec), np.rint(z * 4096) / 4096
    branch = chosen(spec, z, anchor)
    for window, used in zip(codes, branch, strict=True):
        scores = float_scores(stored, window)
        assert scores[used] > max(scores) - 2e-3  # 8 units of 2^-12
    want = exact(stored, codes, anchor, branch)
    assert np.abs(predict_reference(spec, z, anchor) - want).max() < 3e-5


@pytest.mark.parametrize("cell", ["liquid", "ltc"])
@pytest.mark.parametrize("skip", ["slopes", "last"])
def test_mean_error_grows_by_less_than_a_hundredth(cell, skip):
    student = make_student(cell=cell, skip=skip, hidden=8)
    z, anchor = make_windows(100, 10, 6)
    floats = exact(student, z, anchor)
    fall = anchor[:, None] - floats
    truth = floats + fall * np.random.default_rng(3).normal(0, 0.12, (100, 1))  # a student that errs by 10 %
    mae = np.abs(floats - truth).mean()
    assert np.abs(predict_reference(make_spec(student), z, anchor) - truth).mean() < 1.01 * mae


def windows_at_the_limits(rng, count, steps, channels):
    wild = rng.integers(-32768, 32768, (count, steps, channels))
    pinned = rng.choice([-32768, 32767], (count, steps, channels))
    return np.where(rng.random((count, 1, 1)) < 0.5, wild, pinned).astype(np.int16)


@given(SHAPES, PRECISIONS, st.floats(0.1, 12.0))
def test_engine_is_the_written_arithmetic_even_when_everything_saturates(shape, precision, gain):
    student = make_student(**shape)
    names = [name for name in ("wx", "wh", "v", "wg", "wo", "b", "bg", "bo") if getattr(student, name) is not None]
    loud = {name: np.clip(getattr(student, name) * gain, -27, 27) for name in names}
    spec = make_spec(replace(student, **loud, rate=np.minimum(student.rate * gain, 1)), precision=precision)
    rng = np.random.default_rng(shape["seed"])
    z = windows_at_the_limits(rng, 2, student.steps, student.channels)
    anchor = rng.integers(-(2**25), 2**25, 2, dtype=np.int32)
    trace, document = run(spec, z, anchor), json.loads(json.dumps(to_json(spec)))
    for i in range(2):
        path, branch, logits, forecast, largest = integer_forward(document, z[i], anchor[i])
        assert trace.hidden[i].tolist() == path
        assert trace.branch[i] == branch
        assert trace.logits[i].tolist() == logits
        assert trace.forecast[i].tolist() == forecast
        assert largest <= max(largest_accumulator(spec).values()) < 2**31


def test_of_equal_scores_the_first_branch_is_used():
    student = make_student(branches=4)
    tied = replace(student, wg=student.wg[:, [0, 1, 1, 0]], bg=student.bg[[0, 1, 1, 0]])
    z, anchor = make_windows(60, 10, 6)
    spec = make_spec(tied)
    codes = quantise_inputs(z), quantise_anchor(anchor)
    branch = run(spec, *codes).branch
    assert set(branch.tolist()) == {0, 1}
    document = to_json(spec)
    assert [integer_forward(document, *one)[1] for one in zip(*codes, strict=True)] == branch.tolist()


def test_scores_that_saturate_are_equal():
    student = make_student(branches=2)
    spec = make_spec(replace(student, wg=0 * student.wg, bg=np.array([9.0, 10.0])))
    assert (run(spec, *quantised(5)).branch == 0).all()


def test_the_branch_that_is_used_is_the_gates_choice_in_floats():
    student = make_student(branches=4, skip="last", offset=True)
    z, anchor = make_windows(200, 10, 6)
    scores = np.array([float_scores(student, window) for window in z])
    clear = np.diff(np.sort(scores, axis=1)[:, -2:], axis=1)[:, 0] > 0.05
    assert clear.mean() > 0.8
    branch = chosen(make_spec(student), z, anchor)
    assert np.array_equal(branch[clear], scores.argmax(axis=1)[clear])
    assert len(set(branch)) == 4


def test_windows_do_not_touch_each_other():
    spec = make_spec(make_student())
    z, anchor = make_windows(5, 10, 6)
    together = predict_reference(spec, z, anchor)
    assert np.array_equal(together[3:4], predict_reference(spec, z[3:4], anchor[3:4]))


def test_forecast_never_rises_within_the_horizon():
    trace = run(make_spec(make_student()), *quantised(50))
    assert (np.diff(trace.forecast, axis=1) <= 0).all()


def quantised(count):
    z, anchor = make_windows(count, 10, 6)
    return quantise_inputs(z), quantise_anchor(anchor)


def test_a_pruned_student_runs_and_its_zeros_stay_zero():
    student = make_student()
    rng = np.random.default_rng(0)
    wx, wh = (np.where(rng.random(w.shape) < 0.7, 0, w) for w in (student.wx, student.wh))
    wx[:, 3], wh[:, 3] = 0, 0
    pruned = replace(student, wx=wx, wh=wh)
    spec = make_spec(pruned)
    assert (spec.step.weights[:, :6].T[wx == 0] == 0).all()
    z, anchor = make_windows(10, 10, 6)
    assert np.abs(predict_reference(spec, z, anchor) - exact(pruned, z, anchor)).max() < 1e-4


def test_inputs_beyond_eight_are_clipped_not_wrapped():
    assert quantise_inputs(np.array([9.0, -9.0, 1e30, 0.25])).tolist() == [32767, -32768, 32767, 1024]


def test_inputs_that_are_not_finite_are_refused():
    with pytest.raises(DataError, match="not finite"):
        quantise_inputs(np.array([[[np.nan]]]))


@pytest.mark.parametrize("anchor", [np.nan, 3.0, -np.inf])
def test_an_anchor_that_is_no_health_is_refused(anchor):
    with pytest.raises(DataError, match="anchor"):
        quantise_anchor(np.array([anchor]))


def test_windows_of_another_shape_are_refused():
    z, anchor = quantised(4)
    with pytest.raises(DataError, match=r"int16 \(N, 10, 6\)"):
        run(make_spec(make_student()), z[:, 1:], anchor)
    with pytest.raises(DataError, match="anchors"):
        run(make_spec(make_student()), z, anchor[1:])
