"""The run that keeps the releases of a registered model, in an experiment of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlnet.errors import RegistryError
from dlnet.registry.client import artefact_root
from dlnet.registry.lock import publishing

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "dlnet-releases"
OF = "dlnet.ledger"  # tag of a ledger: the registered model that it belongs to


def find_run(client: MlflowClient, name: str) -> str | None:
    """The ledger of a registered model, as the id of a run; None if there is none yet.

    Raises:
        RegistryError: it was deleted in MLflow and can be restored.
    """
    from mlflow.entities import ViewType

    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        return None
    if found.lifecycle_stage != "active":
        restore = f"mlflow experiments restore --experiment-id {found.experiment_id}"
        raise RegistryError(
            f"experiment {EXPERIMENT}, which records the releases, was deleted in MLflow; run {restore}"
        )
    runs = client.search_runs([found.experiment_id], f"tags.`{OF}` = '{name}'", run_view_type=ViewType.ALL)
    if not runs:
        return None
    run = min(runs, key=lambda run: (run.info.start_time, run.info.run_id))
    if run.info.lifecycle_stage != "active":
        restore = f"mlflow runs restore --run-id {run.info.run_id}"
        raise RegistryError(f"{name}: the run that records its releases was deleted in MLflow; run {restore}")
    return str(run.info.run_id)


def make_run(client: MlflowClient, uri: str, name: str) -> str:
    """The ledger of a registered model; made if there is none, once, whoever else does the same.

    Raises:
        RegistryError: it was deleted in MLflow and can be restored, or the registry does not answer.
    """
    run_id = find_run(client, name)
    if run_id:
        return run_id
    with publishing(client, uri):
        run_id = find_run(client, name)
        if run_id:
            return run_id
        found = client.get_experiment_by_name(EXPERIMENT)
        experiment = (
            found.experiment_id if found else client.create_experiment(EXPERIMENT, artefact_root(EXPERIMENT, uri))
        )
        run = client.create_run(experiment, run_name=f"releases of {name}", tags={OF: name})
        client.set_terminated(run.info.run_id)
        return str(run.info.run_id)
