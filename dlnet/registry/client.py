"""The connection to MLflow: its URI, its health check, and its errors in one line."""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Never

import requests
from tqdm import tqdm

from dlnet.errors import RegistryError
from dlnet.extras import missing_extra
from dlnet.http import CallError, ask
from dlnet.registry.databases import check_file, remedy, shown, without_passwords

if TYPE_CHECKING:  # re-exported for rooms that do not import mlflow
    from mlflow import MlflowClient as MlflowClient  # noqa: PLC0414
    from mlflow.entities.model_registry import ModelVersion as ModelVersion  # noqa: PLC0414

DATABASE = Path("mlflow.db")
ARTEFACTS = Path("mlartifacts")  # beside mlflow.db; a server has its own artefact store
PROBE_SECONDS, PROBE_BYTES = 5.0, 1 << 16  # of the whole answer to /health, which is "OK"
NO_HOME = "/nonexistent"  # Debian's name for it
AGAIN = "nothing is lost: run make publish again, it resumes where it stopped"


def tracking_uri() -> str:
    """``MLFLOW_TRACKING_URI``, or the SQLite file ``mlflow.db`` in the working directory."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{DATABASE.absolute()}"


def is_server(uri: str) -> bool:
    """Whether a URI names a server, which stores artefacts itself."""
    return uri.startswith(("http://", "https://"))


def artefact_root(experiment: str, uri: str) -> str | None:
    """Where a new experiment keeps its artefacts; None leaves it to the server."""
    return None if is_server(uri) else (ARTEFACTS / experiment).absolute().as_uri()


def connect(uri: str | None = None) -> MlflowClient:
    """A client for ``uri`` (default ``tracking_uri()``); makes the SQLite file if there is none.

    Raises:
        MissingExtraError: mlflow is not installed.
        RegistryError: the registry does not answer, or its database cannot be used.
    """
    uri = uri or tracking_uri()
    _prepare_environment()
    probe(uri)
    check_file(uri)
    import mlflow

    # Stores of model versions look up logged models through the global URI, not through the client's.
    mlflow.set_tracking_uri(uri)
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    with registry_errors(uri), _migration_bar():
        client = mlflow.MlflowClient(uri)
        client.search_experiments(max_results=1)
    return client


def probe(uri: str) -> None:
    """Check a server's health with one request; other URIs pass.

    Raises:
        RegistryError: no answer, or an error status.
    """
    if not is_server(uri):
        return
    advice = "start the server, or unset MLFLOW_TRACKING_URI to use mlflow.db here"
    try:
        answer = ask("GET", f"{uri.rstrip('/')}/health", seconds=PROBE_SECONDS, most=PROBE_BYTES)
    except CallError as error:
        raise RegistryError(f"{shown(uri)}: MLflow does not answer ({error}); {advice}") from error
    if answer.status != 200:
        raise RegistryError(f"{shown(uri)}: MLflow answers /health with {answer.status}; {advice}")


@contextmanager
def registry_errors(uri: str, advice: str = AGAIN) -> Iterator[None]:
    """Turn exceptions of MLflow, its database and the network into a RegistryError of one line."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, requests.RequestException, OSError) as error:
        text = without_passwords(str(error).strip() or type(error).__name__, uri)
        advised = remedy(uri, text)
        raise RegistryError(
            f"{shown(uri)}: {_short(text.splitlines()[0].partition('. Take a backup')[0])}; {advised or advice}"
        ) from error


def set_version_tag(client: MlflowClient, name: str, version: int, key: str, value: str) -> None:
    """Set a tag of a model version, also if another process adds the same tag at the same time.

    Raises:
        MlflowException: the registry refuses it.
    """
    from mlflow.exceptions import MlflowException

    try:
        client.set_model_version_tag(name, str(version), key, value)
    except MlflowException:
        # MLflow's store selects the tag, then inserts it: of two concurrent writers one fails. Now the tag exists.
        client.set_model_version_tag(name, str(version), key, value)


def write_param(client: MlflowClient, run_id: str, key: str, value: str) -> str:
    """Write a param of a run unless it exists; returns the stored value.

    Raises:
        MlflowException: the registry refuses it.
    """
    from mlflow.exceptions import MlflowException

    try:
        client.log_param(run_id, key, value, synchronous=True)
    except MlflowException:
        if key not in params_of(client, run_id):  # a failure, not another writer's value
            raise
    return params_of(client, run_id)[key]


def params_of(client: MlflowClient, run_id: str) -> dict[str, str]:
    """The params of a run."""
    params: dict[str, str] = client.get_run(run_id).data.params
    return params


def _short(text: str, limit: int = 200) -> str:
    return text if len(text) <= limit else f"{text[:limit]}..."


def _prepare_environment() -> None:
    spec = importlib.util.find_spec("mlflow")
    if spec is None or spec.origin is None:  # the project's folder mlflow/ looks like an empty package
        raise missing_extra("mlflow")
    # A uid without a name has none: MLflow looks for credentials there, and would stop.
    if os.path.expanduser("~") == "~":  # noqa: PTH111 - Path's raises
        os.environ["HOME"] = NO_HOME
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault(
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true"
    )  # two lines a run that break the progress bar
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # 7 by default: minutes against a dead server
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # one bar for each file


class _Counter(logging.Handler):
    """Counts the migrations that alembic logs while a new database is made (about 12 s)."""

    def __init__(self, bar: tqdm[Never]) -> None:
        super().__init__(logging.INFO)
        self.bar = bar

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().startswith("Running upgrade"):
            self.bar.update()


@contextmanager
def _migration_bar() -> Iterator[None]:
    logger = logging.getLogger("alembic.runtime.migration")
    level, propagate = logger.level, logger.propagate
    with tqdm(desc="MLflow database", unit=" migrations", delay=1) as bar:
        handler = _Counter(bar)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate
