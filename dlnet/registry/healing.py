"""Restores what was deleted in MLflow behind a publication, and finds what is missing or changed in logged models."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

from dlnet.errors import RegistryError, UntrustedError
from dlnet.registry.artefacts import FOLDER, open_store
from dlnet.registry.fetch import FRAME
from dlnet.registry.keys import digests
from dlnet.registry.pointers import ACTIVE, existing_run
from dlnet.registry.publication import Model
from dlnet.registry.statement import SIGNED

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, LoggedModel
    from mlflow.entities import Run as LoggedRun

State = Literal["whole", "incomplete", "foreign"]
"""Of a logged model's files: as published; some missing or changed; some that publish never writes."""
CODE = ("edge_model.py", "float_model.py", "form_model.py")


class Healer:
    """Restores runs and experiments in one registry.

    Attributes:
        said: one line for each thing that was restored.
        restored: ids of the runs that were.
    """

    def __init__(self, client: MlflowClient, uri: str) -> None:
        self.client = client
        self.uri = uri
        self.said: list[str] = []
        self.restored: set[str] = set()

    def experiment(self, found: Experiment) -> None:
        """Restore an experiment that is marked as deleted, with its runs."""
        if found.lifecycle_stage == ACTIVE:
            return
        self.client.restore_experiment(found.experiment_id)
        self.said.append(f"experiment {found.name} had been deleted in MLflow: restored")

    def run(self, run: LoggedRun) -> LoggedRun:
        """The run; restored, with its experiment, if it is marked as deleted."""
        self.experiment(self.client.get_experiment(run.info.experiment_id))
        if run.info.lifecycle_stage == ACTIVE:
            return run
        run_id = run.info.run_id
        self.restored.add(run_id)
        if self.client.get_run(run_id).info.lifecycle_stage != ACTIVE:  # its experiment may have brought it back
            self.client.restore_run(run_id)
            self.said.append(f"run {run.info.run_name} ({run_id}) had been deleted in MLflow: restored")
        return self.client.get_run(run_id)

    def exists(self, run_id: str | None) -> bool:
        """Whether there is such a run; it is restored if it is marked as deleted."""
        run = existing_run(self.client, run_id or "")
        if run is not None:
            self.run(run)
        return run is not None

    def state(self, model: Model, logged: LoggedModel) -> State:
        """Compare the files of a logged model with those of ``model``."""
        try:
            store = open_store(str(logged.artifact_location), self.uri)
        except UntrustedError as error:  # a server that does not serve its artefacts: nothing can be compared
            self.said.append(f"{logged.name}: its files are not compared: {error}")
            return "whole"
        wanted = {f"{FOLDER}/{name}": sha256 for name, sha256 in model.sha256.items()}
        wanted[model.code.name] = digests({"code": model.code})["code"]
        wanted |= {f"code/{name}": sha256 for name, sha256 in digests(model.brings).items()}
        frame = FRAME - {SIGNED, *CODE}
        try:
            listed = {entry.path for entry in store.entries()}
        except UntrustedError:
            return "foreign"
        except RegistryError:  # the whole folder is missing
            return "incomplete"
        if listed - wanted.keys() - FRAME:
            return "foreign"
        if (wanted.keys() | frame) - listed:
            return "incomplete"
        same = all(hashlib.sha256(store.read(path)).hexdigest() == sha256 for path, sha256 in wanted.items())
        return "whole" if same else "incomplete"
