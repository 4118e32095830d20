"""The .tflite files: their bytes, their weights, and how far their engines stand from the integer reference."""

from dataclasses import replace

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from export_truth import make_student, make_windows

from dlnet.errors import DataError, ModelError
from dlnet.export.compare import largest_difference, run_engines
from dlnet.export.litert import convert
from dlnet.export.reference import predict_reference, quantise_inputs, to_soh
from dlnet.export.runtime import predict_litert, predict_tflm
from dlnet.export.spec import make_spec

pytestmark = pytest.mark.slow  # the first conversion imports TensorFlow

ENGINES = ("litert", "litert_optimised", "tflm")
STUDENTS = {
    "capacity": {},
    "charge": {"skip": "last", "offset": True, "channels": 15, "hidden": 14},
    "ltc": {"cell": "ltc"},
    "two sub-steps": {"substeps": 2, "hidden": 4},
    "no skip": {"skip": "none", "hidden": 3, "channels": 1},
}


@pytest.fixture(scope="module", params=STUDENTS.values(), ids=STUDENTS.keys())
def case(request):
    student = make_student(**request.param)
    train = quantise_inputs(make_windows(300, 10, student.channels, seed=1)[0])
    spec = make_spec(student, train)
    return spec, convert(spec, train), make_windows(1000, 10, student.channels, seed=2)


def int8_of(content):
    """The only int8 tensor of a .tflite file: the weights."""
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (found,) = (d for d in interpreter.get_tensor_details() if d["dtype"] is np.int8)
    return interpreter.get_tensor(found["index"]), found["quantization_parameters"]["scales"]


def test_files_hold_the_weights_of_the_spec(case):
    spec, files, _ = case
    for content, part in ((files.step, spec.step), (files.head, spec.head)):
        weights, scales = int8_of(content)
        assert np.array_equal(weights, part.weights)
        assert np.allclose(scales, part.scale, rtol=1e-6)


def test_engines_stay_within_bounds_of_the_reference(case):
    spec, files, (z, anchor) = case
    traces = run_engines(files, spec, z, anchor, progress=False)
    fall = anchor[:, None] - to_soh(traces["reference"].forecast)
    for engine in ENGINES:
        apart = largest_difference(traces[engine], traces["reference"])
        assert apart["logits"] <= 2, engine  # of 2^-12
        mean = np.abs(to_soh(traces[engine].forecast) - to_soh(traces["reference"].forecast)).mean()
        assert mean < 1e-4 * np.abs(fall).mean(), engine


def test_predictions_agree_to_20_ppm_of_soh(case):
    spec, files, (z, anchor) = case
    want = predict_reference(spec, z[:50], anchor[:50])
    assert np.abs(predict_litert(files, spec, z[:50], anchor[:50]) - want).max() < 2e-5
    assert np.abs(predict_tflm(files, spec, z[:50], anchor[:50], progress=False) - want).max() < 2e-5


def test_a_batch_gives_what_single_windows_give(case):
    spec, files, (z, anchor) = case
    batch = predict_litert(files, spec, z[:5], anchor[:5])
    singles = [predict_litert(files, spec, z[i : i + 1], anchor[i : i + 1]) for i in range(5)]
    assert np.array_equal(batch, np.concatenate(singles))


def test_converting_twice_gives_the_same_bytes_and_says_nothing(capfd):
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
