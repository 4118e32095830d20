"""Whether what a version points to still exists: others may delete its run, experiment and logged model in MLflow."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from dlnet.errors import RegistryError
from dlnet.registry.names import plain

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run
    from mlflow.entities.model_registry import ModelVersion

Found = TypeVar("Found")
LOGGED = re.compile(r"models:/(m-[0-9a-f]{32})", re.ASCII)
RUN = re.compile(r"[0-9a-f]{32}", re.ASCII)  # no other text becomes part of a command that a message advises
ABSENT = "RESOURCE_DOES_NOT_EXIST"
ACTIVE = "active"
ANEW = "run make publish, which makes a new version, and promote that one"


def existing_run(client: MlflowClient, run_id: str) -> Run | None:
    """A run, also one that is marked as deleted; None if there is none (``mlflow gc`` removes marked ones for good).

    Raises:
        MlflowException: the registry does not answer.
    """
    return _unless_absent(lambda: client.get_run(run_id)) if RUN.fullmatch(run_id) else None


def existing_model(client: MlflowClient, model_id: str) -> LoggedModel | None:
    """A logged model; None if it was deleted, which MLflow cannot undo.

    Raises:
        MlflowException: the registry does not answer.
    """
    return _unless_absent(lambda: client.get_logged_model(model_id))


def existing_version(client: MlflowClient, name: str, number: int) -> ModelVersion | None:
    """A version of a registered model; None if there is none.

    Raises:
        MlflowException: the registry does not answer.
    """
    return _unless_absent(lambda: client.get_model_version(name, str(number)))


def _unless_absent(get: Callable[[], Found]) -> Found | None:
    from mlflow.exceptions import MlflowException

    try:
        return get()
    except MlflowException as error:
        if error.error_code != ABSENT:
            raise
        return None


def ready_model(client: MlflowClient, model_id: str, version: str) -> LoggedModel:
    """The logged model of ``version``, as messages name it.

    Raises:
        RegistryError: it was deleted, or was never uploaded whole; says what to do.
        MlflowException: the registry does not answer.
    """
    from mlflow.entities import LoggedModelStatus

    logged = existing_model(client, model_id)
    if logged is None:
        raise RegistryError(
            f"{version}: its logged model {model_id} was deleted in MLflow, which cannot restore it; {ANEW}"
        )
    if logged.status != LoggedModelStatus.READY:
        raise RegistryError(
            f"{version}: its logged model {model_id} was not uploaded whole; run make publish, which completes it"
        )
    return logged


def lost_run(client: MlflowClient, run_id: str) -> str | None:
    """What is wrong with the run behind a version, and the command that helps; None if nothing is.

    Raises:
        MlflowException: the registry does not answer.
    """
    run = existing_run(client, run_id)
    if run is None:
        return f"its run {plain(run_id)[:40] or '(none)'} is not in MLflow any more (mlflow gc); {ANEW}"
    experiment = client.get_experiment(run.info.experiment_id)
    if experiment.lifecycle_stage != ACTIVE:
        restore = f"mlflow experiments restore --experiment-id {experiment.experiment_id}"
        return f"its experiment {plain(experiment.name)[:80]} was deleted in MLflow; run {restore}"
    if run.info.lifecycle_stage != ACTIVE:
        return f"its run {run_id} was deleted in MLflow; run mlflow runs restore --run-id {run_id}"
    return None
