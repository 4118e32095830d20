"""Damaged and hostile files of baselines: each is refused in one line when it is opened; nothing large is allocated."""

import json
from dataclasses import replace

import numpy as np
import pytest

from dlnet.errors import DLNetError, ModelError
from dlnet.files import read_tensors, write_tensors
from dlnet.forecast import forecast
from dlnet.saved import load
from tests.fuzz.bases import bases

BASES = {base.name: base for base in bases()}
FOREST = ("boosting", "boosting on ridge")


def folder_of(name, tmp_path):
    for file, content in BASES[name].files.items():
        (tmp_path / file).write_bytes(content)
    return tmp_path


def set_in(path, keys, value):
    document = json.loads(path.read_text())
    inner = document
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    path.write_text(json.dumps(document))


def refused(folder, message):
    with pytest.raises(DLNetError, match=message) as caught:
        load(folder)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("key", "value"),
    [("degree", -1), ("degree", 3), ("degree", 10**9), ("length", 1), ("length", 0), ("length", 10**9), ("length", -8),
     ("horizon", 0), ("horizon", -1), ("horizon", 10**12), ("length", 65535), ("degree", True), ("degree", 1.0)],
)  # fmt: skip
def test_a_trend_that_no_fit_gives_is_refused(tmp_path, key, value):
    folder = folder_of("trend", tmp_path)
    if (key, value) == ("length", 65535):
        set_in(folder / "model.json", ["horizon"], 65535)
    set_in(folder / "model.json", [key], value)
    refused(folder, r"model\.json: (degree|length|horizon)\b")


@pytest.mark.parametrize("name", ["ridge", "boosting", "boosting on ridge"])
@pytest.mark.parametrize(
    ("keys", "value"),
    [(("summary", "features"), ["a", "a"]), (("summary", "features"), ["a\n"]), (("summary", "features"), [""]),
     (("summary", "window"), 1), (("summary", "window"), 10**9), (("summary", "block"), 0),
     (("summary", "block"), 10**6), (("knots", "at"), []), (("knots", "at"), [0, 9]), (("knots", "at"), [5, 5, 9]),
     (("knots", "at"), [2, 5, 10**9]), (("knots", "at"), list(range(1, 65536))), (("summary", "target"), False)],
)  # fmt: skip
def test_a_shape_that_no_fit_gives_is_refused(tmp_path, name, keys, value):
    folder = folder_of(name, tmp_path)
    set_in(folder / "model.json", ["shape", *keys], value)
    refused(folder, r"model\.json: (shape|start)\.")


@pytest.mark.parametrize("name", ["ridge", "boosting"])
@pytest.mark.parametrize(
    "memory",
    [{"history": [50, 20]}, {"history": [10]}, {"history": [500]}, {"history": [-50]}, {"youth": [5, 5]},
     {"youth": [-1, 5]}, {"youth": [5, 10**9]}, {"youth": [5]}, {"history": [20, "50"]}],
)  # fmt: skip
def test_a_past_that_no_fit_knows_is_refused(tmp_path, name, memory):
    folder = folder_of(name, tmp_path)
    set_in(folder / "model.json", ["shape", "summary", "memory"], {"history": [], "youth": None} | memory)
    refused(folder, r"model\.json: shape\.")


@pytest.mark.parametrize("name", ["ridge", "boosting"])
def test_a_past_that_the_numbers_do_not_fit_is_refused(tmp_path, name):
    folder = folder_of(name, tmp_path)
    set_in(folder / "model.json", ["shape", "form"], "cubic")
    refused(folder, r"model\.json: shape\.form")
    set_in(folder / "model.json", ["shape", "form"], "linear")
    if name == "ridge":
        refused(folder, "coefficients does not fit")


@pytest.mark.parametrize(
    ("keys", "value"),
    [(("summary", "window"), 24), (("knots", "at"), [2, 5, 8]), (("summary", "window"), 10**9)],
)  # fmt: skip
def test_a_ridge_that_forests_cannot_add_to_is_refused(tmp_path, keys, value):
    folder = folder_of("boosting on ridge", tmp_path)
    set_in(folder / "model.json", ["start", *keys], value)
    refused(folder, r"model\.json: (start|shape)\.")


@pytest.mark.parametrize("name", ["center", "scale", "coefficients", "intercept"])
@pytest.mark.parametrize("value", [np.nan, "float64", -np.inf])
def test_numbers_of_a_ridge_that_no_fit_gives_are_refused(tmp_path, name, value):
    folder = folder_of("ridge", tmp_path)
    arrays = read_tensors(folder / "model.safetensors")
    arrays[name] = arrays[name].astype(value) if value == "float64" else np.full_like(arrays[name], value)
    write_tensors(folder / "model.safetensors", arrays)
    refused(folder, f"safetensors: {name} is not finite float32")


def test_a_number_that_did_not_vary_in_training_may_have_an_infinite_scale(tmp_path):
    folder = folder_of("ridge", tmp_path)
    arrays = read_tensors(folder / "model.safetensors")
    arrays["scale"] = np.full_like(arrays["scale"], np.inf)
    write_tensors(folder / "model.safetensors", arrays)
    (tmp_path / "asset.csv").write_bytes(BASES["ridge"].asset)
    assert np.isfinite(forecast(tmp_path / "asset.csv", load(folder)).ahead).all()


FORESTS = {
    "a child of itself": ("left", 0, 0, 1),
    "a cycle": ("right", 2, 1, 1),
    "a child of another tree": ("left", 0, 5, 1),
    "a child beyond the end": ("left", 0, 10**15, 1),
    "a negative child": ("right", 0, -3, 1),
    "a tree that begins beyond the end": ("first", 1, 10, 1),
    "the same tree twice": ("first", 1, 0, 1),
    "a feature that the summary lacks": ("feature", 0, 11, 1),
    "a negative feature": ("feature", 0, -1, 1),
    "a leaf that is no number": ("value", 1, np.nan, 1),
    "a threshold that is no number": ("threshold", 0, np.inf, 1),
    "a start that is no number": ("start", 0, -np.inf, 1),
}


@pytest.mark.parametrize("name", FOREST)
@pytest.mark.parametrize("case", FORESTS)
def test_trees_that_are_none_are_refused(tmp_path, name, case):
    folder, (array, at, value, forest) = folder_of(name, tmp_path), FORESTS[case]
    arrays = read_tensors(folder / "model.safetensors")
    arrays[f"{forest}.{array}"] = arrays[f"{forest}.{array}"].copy()
    arrays[f"{forest}.{array}"][at] = value
    write_tensors(folder / "model.safetensors", arrays)
    refused(folder, r"model\.safetensors: 1\.(left|feature|value|threshold|start) cannot be right")


@pytest.mark.parametrize(
    ("array", "change"),
    [("left", lambda a: a.astype(np.int32)), ("value", lambda a: a.astype(np.float32)), ("right", lambda a: a[:-1]),
     ("first", lambda a: a[:0]), ("start", lambda a: a.reshape(1, 1)), ("threshold", lambda a: a.reshape(2, 5))],
)  # fmt: skip
def test_arrays_of_a_forest_of_another_form_are_refused(tmp_path, array, change):
    folder = folder_of("boosting", tmp_path)
    arrays = read_tensors(folder / "model.safetensors")
    arrays[f"0.{array}"] = change(arrays[f"0.{array}"])
    write_tensors(folder / "model.safetensors", arrays)
    refused(folder, rf"model\.safetensors: 0\.{array} cannot be right")


@pytest.mark.parametrize("name", BASES)
def test_what_is_said_of_data_and_errors_is_about_this_model(tmp_path, name):
    folder = folder_of(name, tmp_path)
    kept = (folder / "model.json").read_bytes()
    errors = json.loads(kept)["validation"]["by_horizon"]
    set_in(folder / "model.json", ["validation", "by_horizon"], [*errors, 0.0])
    refused(folder, r"model\.json: validation\.by_horizon has")
    if load_features(kept, folder):
        set_in(folder / "model.json", ["data", "columns", "features"], {})
        refused(folder, r"model\.json: data\.columns\.features lacks")


def load_features(content, folder):
    (folder / "model.json").write_bytes(content)
    return load(folder).features


@pytest.mark.parametrize("key", ["source", "label"])
@pytest.mark.parametrize("text", ["a\nb", "\x1b[2J", "\u202e", "x" * 301, "\0"])
def test_words_on_the_data_are_one_line(tmp_path, key, text):
    folder = folder_of("trend", tmp_path)
    set_in(folder / "model.json", ["data", key], text)
    refused(folder, rf"model\.json: data\.{key}: ")


@pytest.mark.parametrize("kind", [[], {}, None, 1, "x" * 1000, "oracle"])
def test_a_kind_of_another_type_is_refused(tmp_path, kind):
    folder = folder_of("trend", tmp_path)
    set_in(folder / "model.json", ["kind"], kind)
    refused(folder, r"model\.json: kind .{1,45} is not one of")


def test_a_forecast_that_is_not_finite_is_refused(tmp_path):
    folder = folder_of("ridge", tmp_path)
    arrays = read_tensors(folder / "model.safetensors")
    arrays["coefficients"] = np.full_like(arrays["coefficients"], 3e38)
    write_tensors(folder / "model.safetensors", arrays)
    (tmp_path / "asset.csv").write_bytes(BASES["ridge"].asset)
    with pytest.raises(ModelError, match="its forecast of .* is not finite"):
        forecast(tmp_path / "asset.csv", load(folder))


def test_reading_a_small_file_takes_little_memory(tmp_path):
    import tracemalloc

    (tmp_path / "x.safetensors").write_bytes(BASES["ridge"].files["model.safetensors"])
    tracemalloc.start()
    read_tensors(tmp_path / "x.safetensors")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20


def test_words_of_a_file_are_neither_markup_nor_formulas(tmp_path, capsys):
    from dlnet.forecast import draw
    from dlnet.plots.style import figure_style, save_figure
    from dlnet.report.tables import forecast_table, show

    (tmp_path / "asset.csv").write_bytes(BASES["trend"].asset)
    result = forecast(tmp_path / "asset.csv", load(folder_of("trend", tmp_path)))
    odd = replace(result, label="[/b] :bell: $\\frac$", asset="$x$ [/]", model="[red]")
    with figure_style():
        save_figure(draw(odd), tmp_path / "picture.png")
    show(forecast_table(odd, (1, 5)))
    printed = capsys.readouterr().out
    assert "[/b] :bell: $\\frac$" in printed
    assert "[red]" in printed
