"""A fresh registry a test: a migrated SQLite file is made once (about 12 s) and copied."""

import importlib
import shutil
import warnings

import pytest


@pytest.fixture(scope="session")
def migrated(tmp_path_factory):
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what mlflow says of itself and its libraries on import

        importlib.import_module("mlflow.pyfunc")
        from dlnet.registry.client import connect

        connect(f"sqlite:///{path}")._tracking_client.store.engine.dispose()
    return path


@pytest.fixture
def registry(migrated, tmp_path, monkeypatch):
    """An empty working directory with an empty registry in it; connect with ``connect()``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(migrated, tmp_path / "mlflow.db")
    return tmp_path
