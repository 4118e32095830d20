"""A fresh registry a test: a migrated SQLite file is made once (about 12 s) and copied."""

import importlib
import os
import shutil
import warnings
from pathlib import Path

import pytest
from filelock import FileLock
from made_pipeline import make

from dlnet.config.quantities import load_quantities

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    """A migrated file, made by the first worker that comes; it takes about 12 s."""
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    path = folder / "migrated.db"
    with FileLock(folder / "migrated.lock"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what mlflow says of itself and its libraries on first use
        importlib.import_module("mlflow.pyfunc")
        making = path if path.exists() else folder / "making.db"
        from dlnet.registry.client import connect

        connect(f"sqlite:///{making}")._tracking_client.store.engine.dispose()
        making.rename(path)
        os.environ.pop("MLFLOW_TRACKING_URI", None)  # mlflow leaves it there
    return path


@pytest.fixture
def registry(migrated, tmp_path, monkeypatch):
    """An empty working directory with an empty registry in it; connect with ``connect()``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(migrated, tmp_path / "mlflow.db")
    return tmp_path


@pytest.fixture(scope="session")
def three(tmp_path_factory, migrated):
    """A registry with three versions of dlnet-edge: 1 and 2 pass, 3 (the newest) is no better than persistence."""
    from dlnet.registry.client import connect
    from dlnet.registry.collect import collect
    from dlnet.registry.publish import publish

    root = tmp_path_factory.mktemp("three")
    shutil.copy(migrated, root / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        client = connect()
        for i, int8 in enumerate((0.0012, 0.00121, 0.1)):
            publish(collect(make(root / f"made{i}", int8=int8)), client)
        client._tracking_client.store.engine.dispose()
    return root


@pytest.fixture(scope="session")
def batteries_and_pumps(tmp_path_factory, three):
    """The registry ``three``, and in it two versions of dlnet-pump-edge that pass."""
    from dlnet.registry.client import connect
    from dlnet.registry.collect import collect
    from dlnet.registry.publish import publish

    pump = load_quantities("pump", PROJECT / "tasks")
    root = tmp_path_factory.mktemp("pumps")
    shutil.copy(three / "mlflow.db", root / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        client = connect()
        for i, int8 in enumerate((0.0012, 0.00121)):
            made = make(root / f"made{i}", int8=int8, quantities=pump)
            publish(collect(made), client)
        client._tracking_client.store.engine.dispose()
    return root


@pytest.fixture
def both(batteries_and_pumps, registry):
    """A registry of its own with versions of a battery's and a pump's models; their files are shared."""
    shutil.copy(batteries_and_pumps / "mlflow.db", registry / "mlflow.db")
    return registry


@pytest.fixture
def versions(three, registry):
    """A registry of its own with the three versions; their files are shared, do not change them."""
    shutil.copy(three / "mlflow.db", registry / "mlflow.db")
    return registry
