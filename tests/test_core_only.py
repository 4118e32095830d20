"""A core-only installation opens a model and forecasts a cell from its CSV."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from saved_models import save_device_model

from dlnet import load
from dlnet.baselines.saved import TrendDocument
from dlnet.firmware.random_model import random_model
from dlnet.forecast import forecast
from tasks import BATTERY

ROOT = Path(__file__).parent.parent
SHIPPED = ("dlnet", "stages", "studies", "pyproject.toml", "README.md", "LICENSE")
HEAVY = ("torch", "sklearn", "scipy", "mlflow", "tensorflow", "pyarrow", "requests")
INDEXES = {"INDEX_URL": "DEFAULT_INDEX", "EXTRA_INDEX_URL": "INDEX"}  # package index settings: pip's name -> uv's


def run(*command, cwd=None, env=None):
    completed = subprocess.run(list(map(str, command)), cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


@pytest.fixture(scope="module", name="core")
def _core(tmp_path_factory):
    """The ``bin`` of an environment with a wheel of this project and its requirements, in the versions of the lock."""
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
    """An edge model with random weights, a trend, and a cell's file."""
    model = random_model(hidden=6, quantities=BATTERY)
    edge = load(save_device_model(tmp_path / "edge", model)).document
    common = {name: getattr(edge, name) for name in ("data", "clean", "quantities", "validation")}
    TrendDocument(name="line", degree=1, length=20, horizon=100, **common).write(tmp_path / "line/model.json")
    rows, rng = 80, np.random.default_rng(0)
    encoder = model.encoder
    ranges = zip(encoder.features, encoder.low, encoder.high, strict=True)
    cell = pd.DataFrame({name: rng.uniform(low, high, rows) for name, low, high in ranges})
    cell.assign(capacity=1.1 - 0.001 * np.arange(rows)).to_csv(tmp_path / "cell.csv", index=False)
    return tmp_path


def environment():
    """The environment variables, without those that would add the packages of this environment."""
    return {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}


@pytest.mark.slow
@pytest.mark.parametrize("model", ["edge", "line"])
def test_the_core_forecasts_as_with_all_extras(core, project, model):
    run(core / "dlnet", "forecast", "cell.csv", "--model", model, cwd=project, env=environment())
    forecasts = pd.read_csv(project / "forecasts/cell.csv")
    expected = forecast(project / "cell.csv", load(project / model)).table()
    pd.testing.assert_frame_equal(forecasts, expected, atol=5e-7, rtol=0, check_dtype=False)  # written with six places
    assert len(forecasts) == 100


@pytest.mark.slow
def test_the_core_loads_in_python(core, project):
    code = "import dlnet; from dlnet.forecast import forecast; from pathlib import Path"
    code += "; print(repr(float(forecast(Path('cell.csv'), dlnet.load('edge')).ahead[-1])))"
    printed = run(core / "python", "-c", code, cwd=project, env=environment())
    assert float(printed) == forecast(project / "cell.csv", load(project / "edge")).ahead[-1]


@pytest.mark.slow
def test_the_core_has_no_heavy_package(core, tmp_path):
    code = f"import importlib.util as u; print([n for n in {HEAVY!r} if u.find_spec(n)], u.find_spec('dlnet').origin)"
    installed, origin = run(core / "python", "-c", code, cwd=tmp_path, env=environment()).split("] ")
    assert installed == "["
    assert str(core.parent) in origin


@pytest.mark.slow
def test_the_core_names_the_extra_that_a_network_needs(core, project):
    document = project / "edge/model.json"
    document.write_text(document.read_text().replace('"kind": "edge"', '"kind": "network"'))
    assert '"network"' in document.read_text()
    completed = subprocess.run(
        [core / "dlnet", "forecast", "cell.csv", "--model", "edge"],
        cwd=project, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert completed.returncode == 1
    assert completed.stderr == "error: torch is not installed; this needs the extra train: pip install 'dlnet[train]'\n"
