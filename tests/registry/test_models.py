"""Registered models against what they were made from."""

from __future__ import annotations

import importlib
import json
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from made_pipeline import EDGE, make, task_params

import dlnet
from dlnet.data.encode import fit_encoder
from dlnet.data.windows import WindowDataset
from dlnet.errors import RegistryError
from dlnet.export.convert import weights_of
from dlnet.export.litert import convert
from dlnet.export.reference import (
    affine,
    as_input,
    hidden_path,
    predict_reference,
    quantise_anchor,
    quantise_inputs,
    run,
)
from dlnet.export.spec import make_spec, save_spec
from dlnet.models.network import initial
from dlnet.models.precision import Precision
from dlnet.models.shapes import net_config
from dlnet.models.trained import TrainedModel, load_network
from dlnet.registry.client import connect
from dlnet.registry.collect import collect
from dlnet.registry.fetch import fetched
from dlnet.registry.models import EDGE_CODE, EDGE_PACKAGES, requirements
from dlnet.registry.publish import publish
from tasks import BATTERY, changed


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("made"))


def code(name):
    """A models-from-code file as a module; MLflow's own warnings on import are not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("mlflow.pyfunc")
        return importlib.import_module(f"dlnet.registry.{name}")


RISING = changed(target={"direction": "rising", "range": (0.0, 100.0), "over_nominal": False})
NEAR_TIE = 4  # units of the gate's logits: LiteRT and the reference differ by up to two


def gate_margins(spec, z):
    """How far the gate's best logit lies above its second best, in 2^-12; of windows z (N, T, C)."""
    if spec.gate is None:
        return np.full(len(z), np.inf)
    inputs = np.concatenate([z[:, -1].astype(np.int64), as_input(hidden_path(spec, z)[:, -1])], axis=1)
    best = np.sort(affine(spec.gate, inputs), axis=1)
    return best[:, -1] - best[:, -2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("track", "cell", "changes", "bits"),
    [
        ("with_target", "liquid", {}, 8),
        ("sensors_only", "ltc", {"substeps": 2}, 8),
        ("with_target", "liquid", {"branches": 3}, 8),
        ("sensors_only", "ltc", {"branches": 2, "rank": 3}, 4),
        ("sensors_only", "liquid", {"skip": "none", "branches": 4}, 4),
    ],
)
def test_the_edge_model_forecasts_as_the_integer_reference_does(made, tmp_path, track, cell, changes, bits):
    dataset = WindowDataset.load(made / "data/windows")
    encoder = fit_encoder(dataset, task_params(track))
    config = replace(net_config(encoder, cell, 5, "euler", 1), **changes)
    parameters = initial(config, [3])
    if config.branches > 1:  # heads that differ, more than one of them used
        source = torch.Generator().manual_seed(5)
        parameters["wg"] = 2 * torch.randn(parameters["wg"].shape, generator=source)
        parameters["bo"] = parameters["bo"] + 0.5 * torch.randn(parameters["bo"].shape, generator=source)
    student = TrainedModel("one", encoder, config, parameters)
    spec = make_spec(weights_of(student), precision=Precision.of(bits))
    files = convert(spec, quantise_inputs(encoder.encode(dataset, dataset.windows("train", 1))))
    save_spec(tmp_path / "spec.json", spec)
    (tmp_path / "step.tflite").write_bytes(files.step)
    (tmp_path / "head.tflite").write_bytes(files.head)
    quantities = RISING if bits == 4 else BATTERY
    (tmp_path / "model.json").write_text(json.dumps({"quantities": quantities.model_dump()}))
    names = ("spec.json", "step.tflite", "head.tflite", "model.json")
    model = code("edge_model").EdgeModel()
    model.load_context(SimpleNamespace(artifacts={name: str(tmp_path / name) for name in names}))
    ends = dataset.windows("validation", 1)
    z, anchor = encoder.encode(dataset, ends), encoder.anchor(dataset, ends)
    found = quantities.target.to_health(model.predict(None, {"z": z, "anchor": anchor}))
    truth = predict_reference(spec, z, anchor)
    clear = gate_margins(spec, quantise_inputs(z)) > NEAR_TIE
    branch = run(spec, quantise_inputs(z), quantise_anchor(anchor)).branch
    assert len(set(branch[clear])) >= min(2, config.branches)
    assert clear.mean() > 0.9
    assert found.shape == truth.shape
    # A few LSB of the int16 state, far below any error of a forecast; at a near tie another branch may be used.
    assert np.abs(found - truth)[clear].max() < 5e-5
    single = quantities.target.to_health(model.predict(None, {"z": z[:1], "anchor": anchor[:1]}))
    assert single[0] == pytest.approx(found[0], abs=1e-7)


def test_the_edge_model_needs_no_dlnet():
    text = EDGE_CODE.read_text()
    assert "import dlnet" not in text
    assert "from dlnet" not in text


def test_requirements_are_pins_without_local_suffix():
    assert all(line.count("==") == 1 and "+" not in line for line in requirements((*EDGE_PACKAGES, "torch")))


def test_a_registered_student_and_teacher_forecast_as_their_files_do(registry, made):
    import mlflow

    publish(collect(made), connect())
    dataset = WindowDataset.load(made / "data/windows")
    ends = dataset.windows("validation", 5)
    for name, path in (("dlnet-teacher", "teacher"), ("dlnet-student", "students/liquid-4-labels-s0")):
        student = load_network(made / f"models/{path}")
        z, anchor = student.encoder.encode(dataset, ends), student.encoder.anchor(dataset, ends)
        model = mlflow.pyfunc.load_model(f"models:/{name}/1")
        assert model.predict({"z": z, "anchor": anchor}) == pytest.approx(student.predict(z, anchor))
        assert "cloudpickle" not in str(model.metadata.flavors["python_function"].get("python_model", ""))


def test_a_fetched_model_opens_and_knows_its_version_and_goes_afterwards(registry, made):
    publish(collect(made), connect())
    with fetched("models:/dlnet-edge@candidate") as files:
        model = dlnet.load(files.folder).model
        assert model.device.version == "dlnet-edge/1"
        assert model.device.sha256 == dlnet.load(made / "models/edge" / EDGE).model.device.sha256
    assert not files.folder.exists()


def test_a_missing_alias_is_reported_with_advice(registry):
    with pytest.raises(RegistryError, match="models/edge/NAME") as caught, fetched("models:/dlnet-edge@candidate"):
        pass
    assert "\n" not in str(caught.value)
