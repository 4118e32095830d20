"""Fetches a registered version's files as untrusted data.

Others may write versions to the registry. Before a file is parsed these are checked: its name is one that the pipeline
publishes, it is a plain file below the size limit, its first bytes are those of its format, and its SHA-256 is the one
in the version's tags. If any file fails, no file of the version is used. No code of a version is ever run.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dlnet.errors import DLNetError, SignatureError, UntrustedError
from dlnet.export.documents import VersionRecord
from dlnet.export.saved import VERSION
from dlnet.files import parse_json, write_bytes
from dlnet.models.document import FILE
from dlnet.registry.artefacts import FOLDER, MAX_FILE, Entry, Store, open_store
from dlnet.registry.client import connect, registry_errors, tracking_uri
from dlnet.registry.databases import shown
from dlnet.registry.names import ModelUri, parse_uri, plain, task_of_name
from dlnet.registry.pointers import LOGGED, ready_model
from dlnet.registry.signature import publishers
from dlnet.registry.statement import SHA, SIGNED, Statement

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CONTENT = frozenset(
    {
        "evaluation.json", "golden.safetensors", "head.tflite", "metrics.json", "model.json", "model.safetensors",
        "spec.json", "step.tflite",
    }
)  # fmt: skip
"""All files that the pipeline puts into a model."""
FRAME = frozenset(
    {
        "MLmodel", "conda.yaml", "edge_model.py", "float_model.py", "form_model.py", "input_example.json",
        "python_env.yaml", "requirements.txt", "serving_input_example.json", SIGNED,
    }
)  # fmt: skip
"""Files that MLflow adds, never read here, and the signature."""
BROUGHT = re.compile(r"code/dlnet/([a-z_]+/)?[a-z_]+\.py", re.ASCII)
"""Modules that a form brings along, never read here."""
PICKLED = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".npy", ".npz")
BEGINNINGS = {
    ".json": re.compile(rb"\s*[{\[]"),
    ".safetensors": re.compile(rb".{8}\{", re.DOTALL),  # length of the header, then the header, which is JSON
    ".tflite": re.compile(rb".{4}TFL3", re.DOTALL),
}
"""First bytes of each format; a pickle matches none of them."""
ADVICE = "it must exist: see make ui, or give a model such as models/edge/NAME"


@dataclass(frozen=True)
class Version:
    """A version in the registry.

    Attributes:
        location: where its artefacts are, as the registry states it.
        run_id: the run that made it.
    """

    name: str
    number: int
    tags: Mapping[str, str]
    location: str
    run_id: str = ""

    @property
    def sha256(self) -> dict[str, str]:
        """File -> SHA-256 (hex), from the tags."""
        return {key.removeprefix(SHA): value for key, value in self.tags.items() if key.startswith(SHA)}

    def __str__(self) -> str:
        return f"{self.name} version {self.number}"


@dataclass(frozen=True)
class Fetched:
    """Files of a version in a folder, all checked."""

    version: Version
    folder: Path


def find(uri: str, client: MlflowClient, registry: str | None = None) -> Version:
    """Look up ``models:/NAME@ALIAS`` or ``models:/NAME/VERSION``.

    Raises:
        RegistryError: there is none, its logged model was deleted, or the registry does not answer.
        UntrustedError: it was not made by this project's publisher, or not for the model that the URI names.
    """
    model, registry = parse_uri(uri), registry or tracking_uri()
    with registry_errors(registry, f"{uri}: {ADVICE}"):
        if model.alias is not None:
            version = client.get_model_version_by_alias(model.name, model.alias)
        else:
            version = client.get_model_version(model.name, str(model.version))
        logged = ready_model(client, _logged_model(version), f"{version.name} version {version.version}")
    _check_name(model, version, str(logged.name))
    tags, location = dict(version.tags), str(logged.artifact_location)
    return Version(version.name, int(version.version), tags, location, version.run_id or "")


def fetch(version: Version, into: Path, registry: str | None = None) -> Fetched:
    """Write the files of a version to the folder ``into``.

    Where publishers are committed, the tags of the version that is returned are those that one of them signed, and
    ``signed.json`` is written too.

    Raises:
        SignatureError: publishers are committed, and none of them signed this version.
        UntrustedError: the version has a file that the pipeline does not publish, or a changed one.
        RegistryError: the registry does not answer.
    """
    registry = registry or tracking_uri()
    with registry_errors(registry):
        return fetch_from(open_store(version.location, registry), version, into)


def fetch_from(store: Store, version: Version, into: Path) -> Fetched:
    """``fetch`` from a store that is open: checks and results are the same wherever the files come from."""
    entries = store.entries()
    _examine(version, entries)
    version, envelope = _verified(version, store, entries)
    contents = {
        name: _checked(version, store, name) for name in sorted(version.sha256)
    }  # all, before the first is written
    _check_task(version, contents)
    for name, content in contents.items():
        write_bytes(into / name, content)
    if envelope is not None:
        write_bytes(into / SIGNED, envelope)
    return Fetched(version, into)


@contextmanager
def fetched(uri: str) -> Iterator[Fetched]:
    """The files of ``models:/NAME@ALIAS`` or ``models:/NAME/VERSION`` in a temporary folder; see ``fetch``."""
    parse_uri(uri)  # before connecting to the registry
    registry = tracking_uri()
    version = find(uri, connect(registry), registry)
    with tempfile.TemporaryDirectory() as name:
        VersionRecord(name=version.name, number=version.number, tags={}).write(Path(name) / VERSION)
        yield fetch(version, Path(name), registry)


def _verified(version: Version, store: Store, entries: Sequence[Entry]) -> tuple[Version, bytes | None]:
    """The version with the tags that a publisher signed, and the envelope; unchanged where no publisher is committed.

    Raises:
        SignatureError: it is not signed by a publisher, or its tags are not those that were signed.
    """
    known = publishers()
    if known is None:
        return version, None
    if SIGNED not in {entry.path for entry in entries}:
        raise SignatureError(f"{version}: is not signed; {known.source} is committed, so run make publish with its key")
    envelope = store.read(SIGNED)
    statement = Statement.parse(known.verified(envelope, str(version)), str(version))
    statement.check(version.name, version.tags, str(version))
    return replace(version, tags=statement.tags), envelope


def _check_task(version: Version, contents: Mapping[str, bytes]) -> None:
    """Check that a model is of the task that its registered name states."""
    try:
        task = parse_json(contents[FILE], FILE)["quantities"]["name"]
    except (KeyError, TypeError, DLNetError) as error:
        raise UntrustedError(f"{version}: its {FILE} names no task; publish it again") from error
    if task != task_of_name(version.name):
        raise UntrustedError(f"{version}: the model is of task {plain(str(task))!r}; refused")


def _check_name(asked: ModelUri, version: ModelVersion, made_for: str) -> None:
    """Check that a version is the one asked for, and that its files were published as that registered model.

    Anybody who may write to the registry can register the logged model of one task under the name of another.
    """
    if version.name != asked.name or asked.version not in (None, int(version.version)):
        raise UntrustedError(f"{asked}: the registry answers with {plain(str(version.name))} version {version.version}")
    if made_for != asked.name:
        raise UntrustedError(
            f"{version.name} version {version.version}: its files were published as {plain(made_for)!r}; refused"
        )


def _logged_model(version: ModelVersion) -> str:
    source = LOGGED.fullmatch(version.source or "")
    if not source:
        raise UntrustedError(
            f"{version.name} version {version.version}: its source is {shown(str(version.source))[:100]!r}, not "
            "a logged model; only versions made by make publish are read"
        )
    return source[1]


def _examine(version: Version, entries: Sequence[Entry]) -> None:
    """Check the listed files against the allowed names and the tags, before any is read."""
    for entry in entries:
        folder, _, name = entry.path.rpartition("/")
        if name.lower().endswith(PICKLED):
            raise UntrustedError(f"{version}: {entry.path} may hold a pickle, which runs code when read; refused")
        if BROUGHT.fullmatch(entry.path):
            continue
        if name not in (CONTENT if folder == FOLDER else FRAME):
            raise UntrustedError(f"{version}: {entry.path} is a file that the pipeline does not publish; refused")
        if entry.size is not None and entry.size > MAX_FILE:
            raise UntrustedError(f"{version}: {entry.path} has {entry.size:,} bytes, over {MAX_FILE:,}; refused")
    listed = {entry.path.removeprefix(f"{FOLDER}/") for entry in entries if entry.path.startswith(f"{FOLDER}/")}
    tagged = set(version.sha256)
    if not tagged:
        raise UntrustedError(f"{version}: carries no SHA-256 tags; only versions made by make publish are read")
    if listed != tagged:
        odd = sorted(listed ^ tagged)[0]
        problem = "is in its tags, but the file is missing" if odd in tagged else "has no SHA-256 tag"
        advice = ": run make publish, which uploads it again" if odd in tagged else ""
        raise UntrustedError(f"{version}: {odd[:100]} {problem}; refused{advice}")


def _checked(version: Version, store: Store, name: str) -> bytes:
    content = store.read(f"{FOLDER}/{name}")
    if not BEGINNINGS[Path(name).suffix].match(content):
        raise UntrustedError(f"{version}: {name} does not begin like a {Path(name).suffix} file; refused")
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != version.sha256[name]:
        raise UntrustedError(
            f"{version}: {name} has SHA-256 {sha256[:12]}..., its tag has {version.sha256[name][:12]!r}...; refused"
        )
    return content
