"""Signs registered versions. A version that is signed already is not signed again unless what is signed has changed."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dlnet.errors import SignatureError
from dlnet.files import write_bytes
from dlnet.gate.verdict import Verdict
from dlnet.registry.artefacts import open_store
from dlnet.registry.client import set_version_tag
from dlnet.registry.names import task_of_name
from dlnet.registry.publication import Model
from dlnet.registry.signature import Signer
from dlnet.registry.statement import SIGNED, SIGNED_BY, SignedFile, SignedResult, Statement

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel
    from mlflow.entities.model_registry import ModelVersion


class Signing:
    """Signs versions in one registry with one key."""

    def __init__(self, client: MlflowClient, uri: str, signer: Signer) -> None:
        self.client = client
        self.uri = uri
        self.signer = signer

    def sign(self, model: Model, lineage: Mapping[str, str], version: ModelVersion, logged: LoggedModel) -> None:
        """Sign a version, and make its tags say what is signed.

        A version keeps the lineage that this key signed first, as it keeps it when it is published again. The tags are
        not signed as they are: others may have changed them.

        Args:
            lineage: of this publication. logged: the logged model of the version.
        """
        wanted, signed = stated(model, lineage), self._signed(str(logged.artifact_location))
        if signed is None or signed.model_copy(update={"lineage": wanted.lineage}) != wanted:
            signed = wanted
            self._store(logged.model_id, self.signer.sign(wanted.payload))
        for key, value in {**signed.tags, SIGNED_BY: self.signer.key_id}.items():
            if version.tags.get(key) != value:
                set_version_tag(self.client, version.name, int(version.version), key, value)

    def _signed(self, location: str) -> Statement | None:
        """What this key signed; None if there is nothing, or something damaged or of another key."""
        store = open_store(location, self.uri)
        if SIGNED not in {entry.path for entry in store.entries()}:
            return None
        try:
            return Statement.parse(self.signer.publishers.verified(store.read(SIGNED), location), location)
        except SignatureError:
            return None

    def _store(self, model_id: str, envelope: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            write_bytes(Path(folder) / SIGNED, envelope)
            self.client.log_model_artifact(model_id, str(Path(folder) / SIGNED))


def stated(model: Model, lineage: Mapping[str, str]) -> Statement:
    """What is to be signed about a model."""
    sizes = {name: path.stat().st_size for name, path in model.files.items()}
    sizes |= {name: len(text.encode()) for name, text in model.texts.items()}
    gate, budget = results(model)
    return Statement(
        name=model.name,
        task=task_of_name(model.name),
        key=model.key,
        files={name: SignedFile(bytes=sizes[name], sha256=value) for name, value in model.sha256.items()},
        gate=gate,
        budget=budget,
        lineage=dict(lineage),
    )


def results(model: Model) -> tuple[SignedResult | None, SignedResult | None]:
    """Results of gate and budget; None for a model without them."""
    gate, budget = (_result(verdict) for verdict in (model.verdict, model.budget))
    return gate, budget


def _result(verdict: Verdict | None) -> SignedResult | None:
    return SignedResult(reasons=verdict.reasons, held=verdict.held) if verdict else None
