"""The core alone, installed as a user installs it, opens a model and forecasts a cell from its CSV."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dlnet.export.spec import save_spec
from dlnet.files import write_json
from dlnet.firmware.random_model import random_model

ROOT = Path(__file__).parent.parent
SHIPPED = ("dlnet", "stages", "studies", "pyproject.toml", "README.md", "LICENSE")
HEAVY = ("torch", "sklearn", "scipy", "mlflow", "tensorflow", "pyarrow", "requests")
INDEXES = {"INDEX_URL": "DEFAULT_INDEX", "EXTRA_INDEX_URL": "INDEX"}  # a site's settings: pip's name -> uv's
PARAMS = """\
data:
  {source: embedded, path: data, mirror: null, csv: {capacity: cap, unit: Ah, nominal_ah: 1.1, features: {}}}
clean: {window: 7, sigmas: 3.0, floor_soh: 0.006, feature_sigmas: 6.0, min_rows: 45}
"""


def run(*command, cwd=None, env=None):
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module", name="core")
def _core(tmp_path_factory):
    """The ``bin`` of an environment that holds a wheel of this project and what it requires, of the lock's versions."""
    top = tmp_path_factory.mktemp("core")
    source, wheels, venv = top / "source", top / "wheels", top / "venv"
    source.mkdir()
    run("cp", "-r", *(ROOT / name for name in SHIPPED if (ROOT / name).exists()), source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--no-deps"]
    run(*pip, "--no-build-isolation", "--wheel-dir", wheels, source)
    uv = [Path(sys.executable).with_name("uv"), "--quiet"]
    run(*uv, "venv", "--python", sys.executable, venv)
    links = {"UV_FIND_LINKS": os.environ.get("PIP_FIND_LINKS", "")}
    index = {f"UV_{to}": os.environ[f"PIP_{name}"] for name, to in INDEXES.items() if os.environ.get(f"PIP_{name}")}
    install = [*uv, "pip", "install", "--python", venv / "bin/python", "-c", ROOT / "requirements.lock"]
    run(*install, *wheels.glob("*.whl"), env={**os.environ, **links, **index})
    return venv / "bin"


@pytest.fixture
def project(tmp_path):
    """A model with random weights, and a cell's file."""
    model = random_model(hidden=6)
    folder = tmp_path / "model"
    folder.mkdir()
    save_spec(folder / "spec.json", model.spec)
    write_json(folder / "student.json", {"name": model.name, "encoder": model.encoder.to_json()})
    (tmp_path / "params.yaml").write_text(PARAMS)
    rows, rng = 80, np.random.default_rng(0)
    cell = pd.DataFrame({name: rng.uniform(0.5, 1.5, rows) for name in model.encoder.features})
    cell.assign(capacity=1.1 - 0.001 * np.arange(rows)).to_csv(tmp_path / "cell.csv", index=False)
    return tmp_path


def environment():
    """Without the paths that would lend the core this environment's packages."""
    return {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}


@pytest.mark.slow
def test_the_core_forecasts_a_cell(core, project):
    command = [core / "dlnet", "forecast", "cell.csv", "--model", "model", "--nominal", "1.1"]
    printed = run(*command, cwd=project, env=environment())
    assert "cycles ahead" in printed
    found = pd.read_csv(project / "forecasts/cell.csv")
    here = run(
        sys.executable,
        "-m",
        "dlnet.cli",
        *command[1:],
        "--out",
        "here",
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert here.splitlines()[:-1] == printed.splitlines()[:-1]
    assert found.equals(pd.read_csv(project / "here/cell.csv"))
    assert len(found) == 100


@pytest.mark.slow
def test_the_core_holds_nothing_heavy(core, tmp_path):
    look = f"import importlib.util as u; print([n for n in {HEAVY!r} if u.find_spec(n)], u.find_spec('dlnet').origin)"
    held, origin = run(core / "python", "-c", look, cwd=tmp_path, env=environment()).split("] ")
    assert held == "["
    assert str(core.parent) in origin


@pytest.mark.slow
def test_the_core_says_which_extra_a_network_needs(core, project):
    (project / "network.json").write_text("{}")
    done = subprocess.run(
        [core / "dlnet", "forecast", "cell.csv", "--model", "network.json"],
        cwd=project, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr == "error: torch is not installed; this needs the extra train: pip install 'dlnet[train]'\n"
