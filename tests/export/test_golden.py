"""Golden vectors against the spec in unbounded integers."""

import json

import numpy as np
import pytest
from export_truth import integer_forward, make_student, make_windows
from safetensors import safe_open

from dlnet.errors import ModelError
from dlnet.export.golden import check_golden, golden_vectors, save_golden
from dlnet.export.reference import quantise_anchor, quantise_inputs
from dlnet.export.spec import make_spec, to_json
from dlnet.files import read_tensors, write_tensors
from dlnet.models.precision import Precision

STUDENTS = {
    "plain": ({}, Precision()),
    "low rank": ({"rank": 4, "cell": "ltc"}, Precision()),
    "two branches": ({"branches": 2}, Precision()),
    "four branches, sensors only": ({"branches": 4, "skip": "last", "offset": True}, Precision()),
    "4 bits": ({}, Precision.of(4)),
    "all at once": ({"branches": 3, "rank": 5, "skip": "none"}, Precision(inner=4, step=8, gate=4, head=4)),
}


@pytest.fixture(params=STUDENTS.values(), ids=STUDENTS.keys())
def case(request):
    shape, precision = request.param
    z, anchor = make_windows(3, 10, 6)
    return make_spec(make_student(**shape), precision=precision), quantise_inputs(z), quantise_anchor(anchor)


def test_vectors_are_what_the_written_arithmetic_gives(case):
    spec, z, anchor = case
    names, vectors = golden_vectors(spec, z, anchor)
    for i in range(len(names)):
        path, branch, logits, forecast, _ = integer_forward(to_json(spec), vectors["input"][i], vectors["anchor"][i])
        assert vectors["hidden"][i].tolist() == path
        assert vectors["branch"][i] == branch
        assert vectors["logits"][i].tolist() == logits
        assert vectors["forecast"][i].tolist() == forecast


def test_vectors_hold_the_limits_of_inputs_and_anchors(case):
    names, vectors = golden_vectors(*case)
    assert (vectors["input"][names.index("highest")] == 32767).all()
    assert (vectors["input"][names.index("lowest")] == -32768).all()
    jump = vectors["input"][names.index("last step jumps")]
    assert (jump[:-1] == -32768).all()
    assert (jump[-1] == 32767).all()
    assert (vectors["anchor"].min(), vectors["anchor"].max()) == (-(2**25), 2**25)
    assert vectors["input"].dtype == np.int16


def test_file_is_the_same_each_time_and_names_its_vectors(case, tmp_path):
    for name in ("a", "b"):
        save_golden(tmp_path / name, *case)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    with safe_open(tmp_path / "a", "numpy") as stored:
        names = json.loads(stored.metadata()["names"])
        assert len(names) == len(set(names)) == len(stored.get_tensor("input"))
    check_golden(tmp_path / "a", case[0])


def test_a_missing_vector_is_noticed(case, tmp_path):
    save_golden(tmp_path / "golden", *case)
    vectors = read_tensors(tmp_path / "golden")
    del vectors["branch"]
    write_tensors(tmp_path / "golden", vectors)
    with pytest.raises(ModelError, match="golden: branch differs"):
        check_golden(tmp_path / "golden", case[0])


def test_a_changed_vector_is_noticed(case, tmp_path):
    save_golden(tmp_path / "golden", *case)
    vectors = read_tensors(tmp_path / "golden")
    vectors["forecast"] = vectors["forecast"] + 1
    write_tensors(tmp_path / "golden", vectors)
    with pytest.raises(ModelError, match="golden: forecast differs"):
        check_golden(tmp_path / "golden", case[0])
