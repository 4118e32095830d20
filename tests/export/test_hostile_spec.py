"""Damaged and hostile specs and encoders: each is refused in one line, and nothing large is allocated."""

import copy
import json
import os
from dataclasses import replace

import numpy as np
import pytest
from export_truth import make_student

from dlnet.data.encoder_check import check_encoder
from dlnet.errors import DLNetError, ModelError
from dlnet.export.codec_bounds import check_codec
from dlnet.export.frontend import make_codec
from dlnet.export.spec import from_json, load_spec, make_spec, to_json
from dlnet.files import parse_json, read_bytes, read_tensors
from dlnet.firmware.random_model import random_model

SPEC = to_json(make_spec(make_student(rank=5, branches=3, cell="ltc", skip="last", offset=True)))
MODEL = random_model("ltc", 3, features=2, relative=1)


def changed(path, value):
    document = copy.deepcopy(SPEC)
    *above, last = path
    inner = document
    for key in above:
        inner = inner[key]
    inner[last] = value
    return document


def refused(document):
    with pytest.raises(ModelError) as caught:
        from_json(document)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
    return str(caught.value)


def numbers(content, path=()):
    """Paths of all whole numbers of a document."""
    if type(content) is int:
        yield path
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else []
    for key, value in items:
        yield from numbers(value, (*path, key))


def test_no_number_of_a_spec_may_be_a_bool_a_float_or_text():
    paths = list(numbers(SPEC))
    for path in [path for path in paths if "tables" not in path][::7] + [path for path in paths if "tables" in path][
        ::50
    ]:
        for value in (True, 1.0, "1", None, [1], 10**400, -(10**400)):
            refused(changed(path, value))


@pytest.mark.parametrize(
    "path",
    [("update", 0), ("update", 1), ("inv_gap_q30", 2), ("tables", "sigmoid", 9), ("tables", "tanh", 0), ("channels",),
     ("tables", "softplus", 256), ("hidden",), ("horizon",), ("knots", 0), ("substeps",)],
)  # fmt: skip
def test_a_number_with_one_right_value_must_have_it(path):
    inner = SPEC
    for key in path:
        inner = inner[key]
    for value in (inner + 1, inner - 1):
        refused(changed(path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("rate", 0), -1), (("reversal", 0), -32768), (("delta", 0), 2**30 - 1), (("delta", 1), 0),
        (("delta", 1), 63), (("offset", 1), 64), (("offset", 0), 0), (("head", "multiplier", 0), 2**30 - 1),
        (("head", "multiplier", 0), -(2**30)), (("head", "shift", 0), 32), (("head", "shift", 0), 63),
        (("steps",), 256), (("steps",), 0), (("substeps",), 0), (("knots", 5), 2**31 - 1), (("skip", 0), [0]),
        (("skip", 0), [-1, 0]), (("skip", 0), [0, -1]), (("units",), {}), (("more",), 1), (("step", "weights", 0), [1]),
        (("cell",), ["ltc"]), (("cell",), {}), (("rate",), []), (("knots",), []), (("tables",), []),
        (("step", "weights"), [[0] * 5] * 70_000), (("rate",), [1] * 70_000), (("horizon",), 2**40),
    ],
)  # fmt: skip
def test_a_value_out_of_range_is_refused(path, value):
    refused(changed(path, value))


@pytest.mark.parametrize(
    "document",
    [None, [], 1, "x", {}, {"format": "dlnet-spec/4"}, {"format": ["dlnet-spec/4"]}, {"format": "dlnet-spec/3"}],
)
def test_what_is_no_spec_is_refused(document):
    refused(document)


JSON = {
    "nested": "[" * 100_000,
    "twice": '{"cell": 1, "cell": 2}',
    "nan": '{"a": NaN}',
    "infinity": '{"a": -Infinity}',
    "overflow": '{"a": 1e999}',
    "digits": '{"a": ' + "9" * 5000 + "}",
    "huge": '{"a": 9223372036854775808}',
    "cut": '{"a": ',
    "empty": "",
}


@pytest.mark.parametrize("text", JSON.values(), ids=JSON)
def test_json_that_two_readers_could_read_differently_is_one_line(tmp_path, text):
    (tmp_path / "spec.json").write_text(text)
    with pytest.raises(DLNetError, match=r"^\S+spec\.json:.*; delete it and run dvc repro$") as caught:
        load_spec(tmp_path / "spec.json")
    assert "\n" not in str(caught.value)


def test_the_largest_whole_number_is_read():
    assert parse_json(b"[9223372036854775807, -9223372036854775807]", "x") == [2**63 - 1, 1 - 2**63]


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "loop", "name"])
def test_what_is_no_plain_file_is_neither_waited_for_nor_read(tmp_path, kind):
    path = tmp_path / "spec.json"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "name":
        path = tmp_path / "a\0b"
    else:
        path.symlink_to("/dev/zero" if kind == "device" else path)
    with pytest.raises(DLNetError, match="not a plain file|cannot be read"):
        read_bytes(path)


def test_a_file_above_the_cap_is_refused(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    assert read_bytes(path, 5) == b"12345"
    with pytest.raises(DLNetError, match="over 4 bytes"):
        read_bytes(path, 4)


@pytest.mark.parametrize("shape", [[2**40, 2**40], [2**62], [-1], ["a"]])
def test_a_header_that_lies_about_its_shapes_allocates_nothing(tmp_path, shape):
    text = json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, 4]}}).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(4))
    with pytest.raises(ModelError, match="damaged"):
        read_tensors(path)


def test_a_type_that_numpy_lacks_is_refused(tmp_path):
    text = json.dumps({"a": {"dtype": "F8_E4M3", "shape": [4], "data_offsets": [0, 4]}}).encode()
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(4))
    with pytest.raises(ModelError, match="damaged"):
        read_tensors(path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("block", 7), ("window", 0), ("window", 10**9), ("block", 0), ("block", -5), ("horizon", 0), ("knots", ()),
        ("knots", (5, 5, 100)), ("knots", (0, 100)), ("features", ("a", "a")),
        ("features", ("a\n", "b")), ("features", ("", "b")), ("relative", ("other",)), ("center", (1.0,)),
        ("center", (1.0, float("nan"))), ("center", (1.0, 1e200)), ("scale", (0.0, 1.0)), ("scale", (-1.0, 1.0)),
        ("scale", (1e-200, 1.0)), ("relative_scale", ()), ("relative_scale", (0.0,)), ("quantiles", ((1.0, 2.0),)),
        ("quantiles", ((2.0, 1.0), (1.0, 2.0))), ("quantiles", ((1.0,), (2.0,))), ("level_mean", 2.5),
        ("quantiles", ((1.0, 2.0), (1.0, 2.0, 3.0))), ("quantiles", ((1.0, float("inf")), (1.0, 2.0))),
        ("low", (1.0,)), ("low", (float("nan"), 0.0)), ("high", (1e200, 1e200)), ("high", (-1e9, -1e9)), ("high", ()),
        ("level_scale", 0.0), ("delta_scale", 0.0), ("delta_scale", float("inf")), ("drop_limit", float("nan")),
    ],
)  # fmt: skip
def test_an_encoder_that_no_fit_gives_is_refused(name, value):
    check_encoder(MODEL.encoder)
    with pytest.raises(ModelError, match=f"encoder.{name}"):
        check_encoder(replace(MODEL.encoder, **{name: value}))


def test_only_a_model_of_the_target_may_have_no_features():
    none = dict.fromkeys(("features", "relative", "center", "scale", "low", "high", "relative_scale", "quantiles"), ())
    check_encoder(replace(MODEL.encoder, track="with_target", **none))
    with pytest.raises(ModelError, match=r"encoder\.features"):
        check_encoder(replace(MODEL.encoder, track="sensors_only", **none))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"block": 65}, "block"),
        ({"sigmas": (2**31, 1, 1)}, "sigmas"),
        ({"scale": np.array([np.inf, 1, 1], np.float32)}, "offset, scale"),
        ({"quantiles": None, "centre": (2**22 + 1, 0)}, "centre"),
        ({"floor": (-1, 0, 0)}, "floor"),
    ],
)
def test_a_front_end_beyond_the_devices_integers_is_refused(change, message):
    check_codec(MODEL.codec)
    with pytest.raises(ModelError, match=message):
        check_codec(replace(MODEL.codec, **change))


@pytest.mark.parametrize("key", ["sigmas", "feature_sigmas"])
def test_a_filter_of_endless_deviations_is_refused(key):
    clean = MODEL.clean.model_copy(update={key: 1e308})
    with pytest.raises(ModelError, match="sigmas"):
        check_codec(make_codec(MODEL.encoder, clean, MODEL.quantities))
