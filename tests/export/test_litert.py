"""The .tflite files: their bytes, their weights, and how far their engines differ from the integer reference."""

from dataclasses import replace

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from export_truth import make_student, make_windows

from dlnet.errors import DataError, ModelError
from dlnet.export.calibration import head_matrix
from dlnet.export.compare import largest_difference, run_engines
from dlnet.export.litert import convert
from dlnet.export.reference import affine, as_input, from_fixed, predict_reference, quantise_inputs
from dlnet.export.runtime import predict_litert, predict_tflm
from dlnet.export.spec import make_spec
from dlnet.models.precision import Precision

pytestmark = pytest.mark.slow  # the first conversion imports TensorFlow

ENGINES = ("litert", "litert_optimised", "tflm")
SENSORS_ONLY = {"skip": "last", "offset": True, "channels": 15, "hidden": 14}
MIXED = Precision(inner=4, step=8, gate=4, head=8)
STUDENTS = {
    "with target": ({}, Precision()),
    "sensors only": (SENSORS_ONLY, Precision()),
    "ltc": ({"cell": "ltc"}, Precision()),
    "two sub-steps": ({"substeps": 2, "hidden": 4}, Precision()),
    "no skip": ({"skip": "none", "hidden": 3, "channels": 1}, Precision()),
    "low rank": ({"rank": 5}, Precision()),
    "low rank, ltc": ({"rank": 3, "cell": "ltc", "hidden": 5, "substeps": 2}, Precision()),
    "two branches": ({"branches": 2}, Precision()),
    "four branches, sensors only": ({"branches": 4, **SENSORS_ONLY}, Precision()),
    "4 bits": ({}, Precision.of(4)),
    "all at once": ({"branches": 3, "rank": 5, "skip": "none"}, MIXED),
}


@pytest.fixture(scope="module", params=STUDENTS.values(), ids=STUDENTS.keys())
def case(request):
    shape, precision = request.param
    student = make_student(**shape)
    train = quantise_inputs(make_windows(300, 10, student.channels, seed=1)[0])
    spec = make_spec(student, train, precision)
    return spec, convert(spec, train), make_windows(1000, 10, student.channels, seed=2)


def products(content):
    """Weights (rows, inputs) and scales of each fully connected product of a .tflite file, in order."""
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    details = {d["index"]: d for d in interpreter.get_tensor_details()}
    ops = [op for op in interpreter._get_ops_details() if op["op_name"] == "FULLY_CONNECTED"]
    weights = [details[op["inputs"][1]] for op in ops]
    return [(interpreter.get_tensor(d["index"]), d["quantization_parameters"]["scales"]) for d in weights]


def as_read(spec):
    """Rows of the spec as the graphs read them, in floats: step, then head with the gate below the heads."""
    step = [part.dequantised()[0] for part in (spec.inner, spec.step) if part is not None]
    return step, [head_matrix(spec)[0]]


def test_every_product_of_the_files_has_one_scale_which_cmsis_nn_needs(case):
    _, files, _ = case
    for content in (files.step, files.head):
        found = products(content)
        assert len(found) >= 1
        for weights, scales in found:
            assert weights.dtype == np.int8
            assert len(scales) == 1


def test_files_hold_the_weights_of_the_spec_to_a_fraction_of_an_int8(case):
    spec, files, _ = case
    for content, parts in zip((files.step, files.head), as_read(spec), strict=True):
        stored = products(content)
        assert len(stored) in {len(parts), 2 * len(parts)}
        sums = {}
        for weights, scales in stored:
            sums[weights.shape] = sums.get(weights.shape, 0) + weights * float(scales[0])
        for expected in parts:
            apart = np.abs(sums[expected.shape] - expected).max()
            assert apart <= np.abs(expected).max() / 127 / 500


def clearness(spec, z, trace):
    """By how much the gate's largest logit is above the next, in units of 2^-12 (N,)."""
    inputs = np.concatenate([z[:, -1].astype(np.int64), as_input(trace.hidden[:, -1])], axis=1)
    return np.diff(np.sort(affine(spec.gate, inputs), axis=1)[:, -2:], axis=1)[:, 0]


def test_engines_stay_within_bounds_of_the_reference(case):
    spec, files, (z, anchor) = case
    traces = run_engines(files, spec, z, anchor, progress=False)
    reference = traces["reference"]
    fall = anchor[:, None] - from_fixed(reference.forecast)
    for engine in ENGINES:
        apart = largest_difference(traces[engine], reference)
        assert apart["logits"] <= 2, engine  # of 2^-12
        alike = traces[engine].branch == reference.branch
        assert apart["rerouted"] == (~alike).sum() <= 5
        mean = np.abs(from_fixed(traces[engine].forecast) - from_fixed(reference.forecast))[alike].mean()
        assert mean < 1e-4 * np.abs(fall).mean(), engine
        if spec.gate is not None:
            assert (clearness(spec, quantise_inputs(z), reference)[~alike] <= 4).all(), engine


def test_predictions_agree_to_30_ppm_of_health(case):
    spec, files, (z, anchor) = case
    want = predict_reference(spec, z[:50], anchor[:50])
    assert np.abs(predict_litert(files, spec, z[:50], anchor[:50]) - want).max() < 3e-5
    assert np.abs(predict_tflm(files, spec, z[:50], anchor[:50], progress=False) - want).max() < 3e-5


def test_a_batch_gives_what_single_windows_give(case):
    spec, files, (z, anchor) = case
    batch = predict_litert(files, spec, z[:5], anchor[:5])
    singles = [predict_litert(files, spec, z[i : i + 1], anchor[i : i + 1]) for i in range(5)]
    assert np.array_equal(batch, np.concatenate(singles))


def test_with_two_gates_alike_every_engine_uses_the_first_branch():
    student = make_student(hidden=4, channels=2, branches=3)
    spec = make_spec(replace(student, wg=student.wg[:, [1, 0, 0]], bg=student.bg[[1, 0, 0]]))
    z, anchor = make_windows(40, 10, 2)
    traces = run_engines(convert(spec, quantise_inputs(z)), spec, z, anchor, progress=False)
    for engine, trace in traces.items():
        assert set(trace.branch.tolist()) == {0, 1}, engine


def test_converting_twice_gives_the_same_bytes_and_prints_nothing(capfd):
    spec = make_spec(make_student(hidden=4, channels=2))
    windows = quantise_inputs(make_windows(20, 10, 2)[0])
    first = convert(spec, windows)
    assert convert(spec, windows) == first
    assert capfd.readouterr() == ("", "")


def test_a_window_beyond_training_is_not_clipped_by_the_files():
    spec = make_spec(make_student(hidden=4, channels=2))
    files = convert(spec, quantise_inputs(make_windows(20, 10, 2)[0]))
    z, anchor = np.zeros((2, 10, 2)), np.ones(2)
    z[0, :, 0], z[1, :, 1] = 7.9, -7.9
    assert np.abs(predict_litert(files, spec, z, anchor) - predict_reference(spec, z, anchor)).max() < 2e-5


def test_a_student_pruned_to_empty_rows_converts():
    student = make_student(hidden=4, channels=2)
    wx, wh, wo = (np.array(w) for w in (student.wx, student.wh, student.wo))
    wx[:, 1], wh[:, 1], wo[:, 2] = 0, 0, 0
    spec = make_spec(replace(student, wx=wx, wh=wh, wo=wo, rate=np.zeros(4)))
    z, anchor = make_windows(50, 10, 2)
    files = convert(spec, quantise_inputs(z))
    assert (
        np.abs(predict_tflm(files, spec, z, anchor, progress=False) - predict_reference(spec, z, anchor)).max() < 2e-5
    )


def test_files_of_another_model_are_refused(case):
    _, files, _ = case
    other = make_spec(make_student(hidden=5, channels=3))
    with pytest.raises(ModelError, match="different models"):
        predict_litert(files, other, *make_windows(1, 10, 3))


def test_a_damaged_file_is_refused(case):
    spec, files, (z, anchor) = case
    with pytest.raises(ModelError, match="not a usable"):
        predict_litert(replace(files, step=files.step[:100]), spec, z, anchor)


def test_calibration_needs_windows_that_fit():
    spec = make_spec(make_student(hidden=4, channels=2))
    with pytest.raises(DataError, match="no training window"):
        convert(spec, np.zeros((0, 10, 2), np.int16))
    with pytest.raises(DataError, match="do not fit"):
        convert(spec, np.zeros((5, 10, 3), np.int16))
