"""Tracking servers for tests, as a team runs them: with PostgreSQL or SQLite, users and passwords, S3 or a folder."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from running_relay import free_port

from dlnet.registry.postgres import installed
from dlnet.registry.server import Settings, running
from dlnet.registry.server_env import FILE, PASSWORD, make_env, read_env

needs_postgres = pytest.mark.skipif(
    installed() is None, reason="PostgreSQL is not installed: apt-get install the packages in mlflow/server.apt"
)


@contextmanager
def new_home():
    """A folder with secrets in it. Not pytest's own, which user postgres may not enter."""
    home = Path(tempfile.mkdtemp(prefix="dlnet-"))
    try:
        home.chmod(0o711)
        make_env(home / FILE)
        yield home
    finally:
        shutil.rmtree(home)


@contextmanager
def connected(settings: Settings, run=running):
    """A running server; yields its address and a client that is logged in as admin."""
    from dlnet.registry.client import connect

    secrets = read_env(settings.home / FILE)
    with run(settings), pytest.MonkeyPatch.context() as patch:
        uri = f"http://{settings.host}:{settings.port}"
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        patch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
        patch.setenv("MLFLOW_TRACKING_PASSWORD", secrets[PASSWORD])
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        patch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
        patch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")
        yield uri, connect(uri)


def settings_in(home: Path, **chosen) -> Settings:
    return replace(Settings(home=home, port=free_port()), **chosen)
