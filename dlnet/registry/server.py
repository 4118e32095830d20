"""The team's tracking server from this environment: MLflow with users and passwords, its database, its artefacts.

The same server as mlflow/compose.yaml, for machines without an image registry. Secrets reach it through its
environment and through files of mode 600, never through arguments.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import requests

from dlnet.registry.postgres import Postgres, installed
from dlnet.registry.server_env import FILE, S3_KEY, S3_SECRET, ServerError, read_env, write_secret

HOME = Path(".mlflow-server")
START_SECONDS, STOP_SECONDS = 180.0, 20.0
PASSED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE")
"""What the server sees of this environment; the rest is nobody's business there."""
AUTH = """[mlflow]
default_permission = READ
database_uri = {uri}
admin_username = admin
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 60
"""
"""The cache: the slow hash of a password is computed once a minute, not with every request."""


@dataclass(frozen=True)
class Settings:
    """What to run.

    Attributes:
        home: folder of secrets, database and artefacts.
        store: ``auto`` (PostgreSQL if it is installed, else SQLite), ``postgres`` or ``sqlite``; a home keeps the one
            that it was made with.
        artefacts: where artefacts go, e.g. ``s3://bucket``; None: the folder ``artifacts`` in ``home``.
        s3_endpoint: of an S3-compatible store; None: Amazon's.
        names: host names by which the server may be asked, besides its own address.
        private_webhooks: allow webhooks to plain http and to this network, for a relay on the same machine.
    """

    home: Path = HOME
    host: str = "127.0.0.1"
    port: int = 5000
    store: str = "auto"
    artefacts: str | None = None
    s3_endpoint: str | None = None
    names: tuple[str, ...] = ()
    private_webhooks: bool = False

    def chosen(self) -> str:
        """``postgres`` or ``sqlite``."""
        held = [name for name, path in PLACES.items() if (self.home / path).exists()]
        if self.store == "auto":
            return held[0] if held else ("postgres" if installed() else "sqlite")
        if held and self.store not in held:
            raise ServerError(f"{self.home}: holds a {held[0]} database; use --store {held[0]}, or another --home")
        return self.store


PLACES = {"postgres": "postgres/data", "sqlite": "mlflow.db"}


def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        ServerError: secrets are missing, the port is taken, or a part does not start.
    """

    def stop(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    with running(settings) as process:
        print(f"MLflow: http://{settings.host}:{settings.port} ({settings.chosen()}); secrets: {settings.home / FILE}")
        sys.stdout.flush()
        if process.wait():
            raise ServerError(f"MLflow ended with code {process.returncode}; see {settings.home / 'mlflow.log'}")


@contextmanager
def running(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """The server as child processes, healthy on entry and stopped at the end."""
    secrets = read_env(settings.home / FILE)
    if _answers(settings):
        raise ServerError(f"http://{settings.host}:{settings.port} answers already; choose another --port")
    with _databases(settings, secrets) as (backend, auth):
        process = _start(settings, secrets, backend, auth)
        try:
            _wait(settings, process)
            yield process
        finally:
            _stop(process)


@contextmanager
def _databases(settings: Settings, secrets: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Addresses of MLflow's two databases: its own, and that of users."""
    if settings.chosen() == "sqlite":
        folder = settings.home.absolute()
        yield f"sqlite:///{folder / 'mlflow.db'}", f"sqlite:///{folder / 'auth.db'}"
        return
    postgres = Postgres(settings.home / "postgres", secrets["POSTGRES_PASSWORD"])
    with postgres.running():
        yield postgres.uri("mlflow"), postgres.uri("mlflow_auth")


def _start(settings: Settings, secrets: Mapping[str, str], backend: str, auth: str) -> subprocess.Popen[bytes]:
    own = f"{settings.host}:{settings.port}"
    names = [own, *(f"{name}:{settings.port}" for name in ("localhost",) if settings.host == "127.0.0.1")]
    names += settings.names
    origins = [f"{scheme}://{name}" for name in names for scheme in ("http", "https")]
    artefacts = settings.artefacts or str((settings.home / "artifacts").absolute())
    command = [
        sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth", "--host", settings.host,
        "--port", str(settings.port), "--workers", "1", "--serve-artifacts", "--artifacts-destination", artefacts,
        "--allowed-hosts", ",".join(names), "--cors-allowed-origins", ",".join(origins), "--x-frame-options", "DENY",
    ]  # fmt: skip
    log = os.open(settings.home / "mlflow.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            command, env=_environment(settings, secrets, backend, auth), stdout=log, stderr=log,
            stdin=subprocess.DEVNULL, start_new_session=True, cwd=settings.home,
        )  # fmt: skip
    finally:
        os.close(log)


def _environment(settings: Settings, secrets: Mapping[str, str], backend: str, auth: str) -> dict[str, str]:
    config = settings.home / "auth.ini"
    write_secret(config, AUTH.format(uri=auth.replace("%", "%%")))  # "%" is configparser's own
    values = {name: os.environ[name] for name in PASSED if name in os.environ}
    values |= {name: value for name, value in secrets.items() if name.startswith("MLFLOW_")}
    values |= {
        "MLFLOW_BACKEND_STORE_URI": backend,
        "MLFLOW_AUTH_CONFIG_PATH": str(config.absolute()),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_WEBHOOK_CACHE_TTL": "1",  # seconds; by default a new webhook may stay unheard for a minute
    }
    if settings.artefacts and settings.artefacts.startswith("s3:"):
        values |= {name: secrets[name] for name in (S3_KEY, S3_SECRET)}
        values["AWS_DEFAULT_REGION"] = os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
        if settings.s3_endpoint:
            values["MLFLOW_S3_ENDPOINT_URL"] = settings.s3_endpoint
    if settings.private_webhooks:
        values |= {"MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true", "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https"}
    return values


def _wait(settings: Settings, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(settings):
        if process.poll() is not None or time.monotonic() > deadline:
            log = settings.home / "mlflow.log"
            lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()] or ["no word"]
            raise ServerError(f"MLflow did not start: {lines[-1][:200]}; see {log}")
        time.sleep(0.2)


def _answers(settings: Settings) -> bool:
    try:
        return requests.get(f"http://{settings.host}:{settings.port}/health", timeout=5).ok
    except requests.RequestException:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the whole group: mlflow is the parent of the process that answers."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(STOP_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
