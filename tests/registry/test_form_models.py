"""Registered forms: the reference comes with the model, and forecasts without the project installed."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import venv
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dlnet.export.reference import run
from dlnet.export.spec import save_spec
from dlnet.files import write_json
from dlnet.firmware.random_form import RandomForm
from dlnet.firmware.random_model import random_model
from dlnet.registry.core_code import brought
from dlnet.registry.fetch import BROUGHT
from dlnet.registry.models import FORM_CODE, FORM_PACKAGES, requirements, save_model
from dlnet.registry.publication import Model

FORMS = {
    "linear": RandomForm("quadratic", history=(100, 400)),
    "forest": RandomForm("forest", age=True),
    "blend": RandomForm("linear", weight=20000),
}
ASK = """
import json, sys
import mlflow.pyfunc, numpy as np
folder, out = sys.argv[1:]
asked = {name: np.array(rows, np.float32) for name, rows in json.load(open(folder + "/asked.json")).items()}
found = mlflow.pyfunc.load_model(folder + "/model").predict(asked)
json.dump(found.tolist(), open(out, "w"))
import dlnet
print(dlnet.__file__)
"""


@pytest.fixture(autouse=True, scope="module")
def _mlflow():
    """MLflow's own warnings on import are not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("mlflow.pyfunc")


def made(folder, name):
    """A saved model of a random form, its device model and inputs."""
    model = random_model(form=FORMS[name])
    rng, spec = np.random.default_rng(5), model.spec
    x = rng.integers(-16384, 16385, (4, spec.form.inputs)).astype(np.int16)
    z = rng.integers(-16384, 16385, (4, spec.steps, spec.channels)).astype(np.int16) * spec.has_network
    anchor = np.full(4, 1 << 24, np.int32)
    asked = {"x": x / 4096, "anchor": np.ones((4, 1))} | ({"z": z / 4096} if spec.has_network else {})
    save_spec(folder / "spec.json", spec)
    write_json(folder / "model.json", {"quantities": model.quantities.model_dump(mode="json")})
    write_json(folder / "asked.json", {key: value.tolist() for key, value in asked.items()})
    registered = Model(
        name="dlnet-edge",
        code=FORM_CODE,
        files={one: folder / one for one in ("spec.json", "model.json")},
        example={key: value[:1].astype(np.float32) for key, value in asked.items()},
        horizon=spec.horizon,
        requirements=requirements(FORM_PACKAGES),
        description="",
        brings=brought(),
    )
    save_model(registered, folder / "model", model_id="m-1", run_id="1" * 32)
    truth = run(spec, z.astype(np.int16), anchor, x).forecast * model.codec.value_scale
    return truth + model.codec.value_offset


def test_the_modules_that_are_brought_are_the_core_alone():
    names = set(brought())
    assert {"dlnet/__init__.py", "dlnet/export/spec.py", "dlnet/export/reference.py"} <= names
    assert not any("data" in name or "cli" in name or "config" in name for name in names)
    assert all(BROUGHT.fullmatch(f"code/{name}") for name in names)


@pytest.mark.parametrize("name", FORMS)
def test_a_saved_form_forecasts_as_the_reference_with_its_own_modules_only(tmp_path, name):
    truth = made(tmp_path, name)
    for path in (tmp_path / "model").rglob("*"):
        if path.is_file() and path.suffix in (".py", ".yaml", "") or path.name == "MLmodel":
            assert str(tmp_path) not in path.read_text(errors="replace"), path
    code = [str(path.relative_to(tmp_path / "model")) for path in (tmp_path / "model/code").rglob("*.py")]
    assert sorted(code) == [f"code/{one}" for one in brought()]
    found = json.loads(_asked(tmp_path, sys.executable)[0])
    assert np.abs(np.array(found) - truth).max() < 1e-6


def _asked(folder, python, isolated=()):
    """The answer of the model in a process of its own, and where its dlnet came from."""
    out = folder / "found.json"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [str(python), *isolated, "-c", ASK, str(folder), str(out)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return out.read_text(), done.stdout.strip()


@pytest.mark.slow
def test_a_form_is_served_in_an_environment_of_its_requirements_alone(tmp_path):
    truth = made(tmp_path, "blend")
    venv.create(tmp_path / "own", with_pip=True)
    python = tmp_path / "own/bin/python"
    listed = tmp_path / "model/requirements.txt"
    assert "dlnet" not in re.sub(r"#.*", "", listed.read_text())
    installed = subprocess.run(
        [str(python), "-m", "pip", "install", "-q", "-r", str(listed)], check=False, capture_output=True, text=True
    )
    assert installed.returncode == 0, installed.stderr[-2000:]
    found, where = _asked(tmp_path, python)
    assert np.abs(np.array(json.loads(found)) - truth).max() < 1e-6
    assert Path(where).is_relative_to(tmp_path / "model/code")


def test_other_code_is_another_version(tmp_path):
    shutil.copyfile(FORM_CODE, tmp_path / "code.py")
    (tmp_path / "module.py").write_text("A = 1\n")
    one = Model("dlnet-edge", tmp_path / "code.py", {}, {}, 1, (), "", brings={"dlnet/a.py": tmp_path / "module.py"})
    key = one.key
    (tmp_path / "module.py").write_text("A = 2\n")
    assert replace(one).key != key
