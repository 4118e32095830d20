"""What a spec holds, what it refuses, what it weighs."""

import json
from dataclasses import replace

import numpy as np
import pytest
from export_truth import make_student

from dlnet.errors import DLNetError, ModelError
from dlnet.export.bounds import largest_accumulator
from dlnet.export.size import spec_bytes, stored_bytes
from dlnet.export.spec import from_json, load_spec, make_spec, save_spec, to_json


def with_value(name, value):
    student = make_student(cell="ltc")
    array = np.array(getattr(student, name))
    array.flat[0] = value
    return replace(student, **{name: array})


def test_each_weight_is_within_half_a_unit_of_its_row():
    student = make_student()
    spec = make_spec(student)
    weights, bias = spec.step.dequantised()
    units = np.abs(weights - np.vstack([student.wx, student.wh]).T) / spec.step.scale[:, None]
    assert units.max() <= 0.5 + 1e-6
    assert np.abs(bias - student.b).max() < 1e-5
    assert (np.abs(spec.step.weights).max(axis=1) == 127).all()


def test_json_holds_integers_only_and_reads_back():
    spec = make_spec(make_student(cell="ltc", skip="last", offset=True, substeps=3))

    def check(value):
        assert not isinstance(value, float)
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
            check(item)

    document = to_json(spec)
    check(document)
    assert to_json(from_json(json.loads(json.dumps(document)))) == document


def test_files_read_back(tmp_path):
    spec = make_spec(make_student())
    save_spec(tmp_path / "spec.json", spec)
    assert to_json(load_spec(tmp_path / "spec.json")) == to_json(spec)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DLNetError, match="spec.json"):
        load_spec(tmp_path / "spec.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "format"),
        ({"rate": [40000] * 16}, "broken"),
        ({"rate": [1] * 15}, "fit together"),
        ({"skip": [[6, 0], [0, 1], [0, 2]]}, "fit together"),
        ({"update": [1]}, "broken"),
        ({"head": {}}, "broken"),
        ({"cell": "gru"}, "cell"),
    ],
)
def test_a_damaged_document_is_refused(change, message):
    with pytest.raises(ModelError, match=message):
        from_json({**to_json(make_spec(make_student())), **change})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("wx", np.nan, "wx holds a value that is not finite"),
        ("bo", np.inf, "bo holds a value that is not finite"),
        ("rate", 1.01, "rate must lie in 0..1"),
        ("rate", -0.01, "rate must lie in 0..1"),
        ("reversal", 1.2, "reversal must lie in -1..1"),
        ("wh", 32.0, "31.75"),
        ("wo", -40.0, "31.75"),
        ("b", 1e6, "scale"),
    ],
)
def test_a_value_without_integer_form_is_refused(name, value, message):
    with pytest.raises(ModelError, match=message):
        make_spec(with_value(name, value))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"wx": np.zeros((6, 31))}, r"wx must have shape \(6, 32\)"),
        ({"wo": np.zeros((18, 6))}, r"wo must have shape \(19, 6\)"),
        ({"cell": "gru"}, "cell"),
        ({"skip": "all"}, "skip"),
        ({"reversal": np.zeros(16)}, "no reversal"),
        ({"knots": (5, 5, 100)}, "knots must rise"),
        ({"horizon": 90}, "knots"),
        ({"steps": 1}, "at least 2"),
        ({"substeps": 0}, "substeps"),
        ({"delta_scale": 0.0}, "delta_scale"),
        ({"delta_scale": float("nan")}, "delta_scale"),
    ],
)
def test_a_malformed_student_is_refused(change, message):
    with pytest.raises(ModelError, match=message):
        make_spec(replace(make_student(), **change))


def test_a_model_that_could_overflow_is_refused():
    with pytest.raises(ModelError, match="forecast could reach"):
        make_spec(replace(make_student(), delta_scale=3.0))


def test_bounds_are_reached_by_no_more_than_the_worst_input():
    student = make_student()
    spec = make_spec(student)
    weights = np.abs(spec.step.weights.astype(int))
    worst = weights[:, :6].sum(axis=1) * 32768 + weights[:, 6:].sum(axis=1) * 4096 + np.abs(spec.step.bias)
    assert largest_accumulator(spec)["step accumulator"] == worst.max()


def test_bytes_of_a_spec_counted_by_hand():
    parts = stored_bytes(make_spec(make_student()))  # n = 16, C = 6, three slopes, six knots
    assert parts["weights"] == 32 * 22 + 6 * 19
    assert parts["biases"] == 4 * 38
    assert parts["scales"] == 5 * 38
    assert parts["cell"] == 2 * 16
    assert parts["tables"] == 3 * 257 * 2
    assert parts["model"] == 818 + 152 + 190 + 32 + 6 + 41 + 16
    assert spec_bytes(make_spec(make_student())) == parts["model"] + parts["tables"]


def test_parameters_are_those_of_training():
    assert make_spec(make_student()).parameters == 6 * 32 + 16 * 32 + 32 + 16 + 19 * 6 + 6
