"""``mlflow server`` as anybody starts it: SQLite, artefacts in a folder, no password."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import helper_paths
import requests

helper_paths.use("relay")

from running_relay import free_port  # noqa: E402

KEY = "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"


@contextmanager
def plain_server(folder: Path, migrated: Path, workers: int = 1, **more: str) -> Iterator[str]:
    """A server on the database of ``folder``, made if there is none; its URI."""
    database = folder / "served.db"
    if not database.exists():
        shutil.copy(migrated, database)
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if name not in ("MLFLOW_TRACKING_URI", KEY)}
    command = [
        sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
        "--workers", str(workers), "--backend-store-uri", f"sqlite:///{database}",
        "--artifacts-destination", str(folder / "served"),
    ]  # fmt: skip
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment | {"MLFLOW_DISABLE_TELEMETRY": "true"} | more,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait(f"http://127.0.0.1:{port}", process, folder / "server.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # with its workers; a busy machine takes minutes for less
        process.wait()


def _wait(uri: str, process: subprocess.Popen, log: Path, seconds: float = 240) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        try:
            if requests.get(f"{uri}/health", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.3)
    raise AssertionError(log.read_text()[-2000:])
