"""A spec: its content, its checks, its size."""

import json
from dataclasses import replace

import numpy as np
import pytest
from export_truth import make_student

from dlnet.errors import DLNetError, ModelError
from dlnet.export.bounds import largest_accumulator
from dlnet.export.size import spec_bytes, stored_bytes
from dlnet.export.spec import from_json, load_spec, make_spec, save_spec, to_json
from dlnet.models.precision import Precision


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


@pytest.mark.parametrize("cell", ["liquid", "ltc"])
def test_weights_of_4_bits_are_multiples_of_16_within_half_a_unit(cell):
    student = make_student(cell=cell, rank=5, branches=3)
    spec = make_spec(student, precision=Precision.of(4))
    truths = {
        "inner": (np.vstack([student.wx, student.wh]), np.zeros(5)),
        "step": (student.v, student.b),
        "gate": (student.wg, student.bg),
        "head": (student.wo, student.bo),
    }
    assert spec.parts.keys() == truths.keys()
    for name, part in spec.parts.items():
        assert not (part.weights % 16).any()
        assert not (part.bias % 16).any()
        assert (np.abs(part.weights).max(axis=1) == 112).all()
        weights, bias = part.dequantised()
        unit = 16 * part.scale
        assert (np.abs(weights - truths[name][0].T) / unit[:, None]).max() <= 0.5 + 1e-6
        assert (np.abs(bias - truths[name][1]) / unit * 2**12).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("part", ["inner", "step", "gate", "head"])
def test_only_the_named_matrix_has_4_bits(part):
    student = make_student(rank=5, branches=3)
    whole, lowered = make_spec(student), make_spec(student, precision=Precision().lowered(part))
    assert {name: one.bits for name, one in lowered.parts.items()} == dict.fromkeys(whole.parts, 8) | {part: 4}
    for name in whole.parts.keys() - {part}:
        assert np.array_equal(whole.parts[name].weights, lowered.parts[name].weights)


@pytest.mark.parametrize("largest", [27.9, -27.9])
def test_a_weight_just_below_28_goes_into_4_bits(largest):
    spec = make_spec(with_value("wo", largest), precision=Precision.of(4))
    assert spec.head.dequantised()[0][0, 0] == pytest.approx(largest, rel=1e-6)


def test_a_weight_of_28_is_refused_in_4_bits():
    student = with_value("wo", 28.0)
    make_spec(student)
    with pytest.raises(ModelError, match="wo: weight 28 is not below 28"):
        make_spec(student, precision=Precision(head=4))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bits": 3}, "broken .*3 bits"),
        ({"bits": 4.0}, "broken .*4.0 bits"),
        ({"bits": [4]}, "broken"),
        ({"weights": []}, "broken .*shape"),
        ({"weights": [[]] * 6}, "broken .*shape"),
        ({"weights": [[16] * 18 + [8]] * 6}, "of 4 bits, but a weight or bias is no multiple of 16"),
        ({"weights": [[16] * 18 + [-128]] * 6}, "of 4 bits, but a weight is beyond ±112"),
        ({"bias": [16, 16, 16, 16, 16, 24]}, "of 4 bits, but a weight or bias is no multiple of 16"),
        ({"bias": [16] * 5}, "fit together"),
    ],
)
def test_a_damaged_matrix_of_4_bits_is_refused(change, message):
    document = to_json(make_spec(make_student(), precision=Precision.of(4)))
    with pytest.raises(ModelError, match=message):
        from_json({**document, "head": {**document["head"], **change}})


@pytest.mark.parametrize(
    ("name", "change"),
    [("inner", None), ("gate", None), ("inner", {"weights": [[1] * 21] * 5}), ("gate", {"weights": [[1] * 23] * 3})],
)
def test_a_factor_or_gate_that_does_not_fit_is_refused(name, change):
    document = to_json(make_spec(make_student(rank=5, branches=3)))
    part = change and {**document[name], **change}
    with pytest.raises(ModelError, match="fit together"):
        from_json({**document, name: part})


def test_json_holds_integers_only_and_reads_back():
    student = make_student(cell="ltc", skip="last", offset=True, substeps=3, rank=4, branches=2)
    spec = make_spec(student, precision=Precision(step=4, gate=4))

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
        ({"v": np.zeros((32, 31))}, r"v must have shape \(32, 32\)"),
        ({"wg": np.zeros((21, 2)), "bg": np.zeros(2), "wo": np.zeros((19, 12)), "bo": np.zeros(12)}, "wg must have"),
        ({"wg": np.zeros((22, 2)), "bg": np.zeros(2)}, r"wo must have shape \(19, 12\)"),
        ({"wg": None, "bg": np.zeros(1)}, r"wg must have shape \(22, 1\), not None"),
        ({"wg": np.zeros((22, 256)), "bg": np.zeros(256)}, "branches must lie in 1..255, not 256"),
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


def test_bounds_of_all_matrices_by_their_own_inputs():
    spec = make_spec(make_student(rank=5, branches=3), precision=Precision(inner=4, step=8, gate=8, head=4))
    bounds = largest_accumulator(spec)
    limits = {
        "inner": [2**15] * 6 + [2**12] * 16,
        "step": [2**15] * 5,
        "gate": [2**15] * 6 + [2**12] * 16,
        "head": [2**12] * 16 + [2**15] * 3,
    }
    for name, part in spec.parts.items():
        rows = zip(part.weights.tolist(), part.bias.tolist(), strict=True)
        worst = [abs(bias) + sum(abs(w) * v for w, v in zip(row, limits[name], strict=True)) for row, bias in rows]
        assert bounds[f"{name} accumulator"] == max(worst)


def test_bytes_of_low_rank_branches_and_4_bits_counted_by_hand():
    precision = Precision(inner=4, step=8, gate=4, head=4)
    parts = stored_bytes(make_spec(make_student(rank=5, branches=3), precision=precision))
    # Half a byte for each of 5 rows of 22, 3 rows of 22 and 18 rows of 19; a byte for each of 32 rows of 5.
    assert parts["weights"] == 55 + 160 + 33 + 171
    assert parts["biases"] == 4 * (5 + 32 + 3 + 18)
    assert parts["scales"] == 5 * (5 + 32 + 3 + 18)


def test_parameters_are_those_of_training_in_low_rank_and_branches():
    # ux, uh; v and b; leak; gate; heads.
    counted = 22 * 5 + 5 * 32 + 32 + 16 + 3 * (22 + 1) + 3 * 6 * (19 + 1)
    assert make_spec(make_student(rank=5, branches=3)).parameters == counted


def test_parameters_are_those_of_training():
    assert make_spec(make_student()).parameters == 6 * 32 + 16 * 32 + 32 + 16 + 19 * 6 + 6
