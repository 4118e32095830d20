"""The version that is meant where no model is named."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from dlnet.errors import RegistryError
from dlnet.registry.client import connect, registry_errors, tracking_uri
from dlnet.registry.databases import shown, sqlite_file
from dlnet.registry.names import CANDIDATE, CHAMPION, ModelUri, edge_name

ADVICE = "give a model with --model, such as models/edge/NAME, or run dvc repro and make publish"


@dataclass(frozen=True)
class Registered:
    """A version of a registered model.

    Attributes:
        alias: that it was found by. created: when it was registered. registry: where, without passwords.
    """

    uri: str
    alias: str
    created: datetime
    registry: str


def registered(name: str, registry: str | None = None) -> Registered:
    """The champion of an edge model, else its candidate; its number is kept, so that it stays the same version.

    Raises:
        RegistryError: the registry does not answer, or has neither.
    """
    name, registry = edge_name(name), registry or tracking_uri()
    database = sqlite_file(registry)
    if database is not None and not database.is_file():  # connecting would make one
        raise RegistryError(f"no model is named, no run is in this folder, and there is no {database.name}; {ADVICE}")
    client = connect(registry)
    with registry_errors(registry, ADVICE):
        models = client.search_registered_models(f"name = '{name}'")
        aliases = models[0].aliases if models else {}
        alias = next((known for known in (CHAMPION, CANDIDATE) if known in aliases), None)
        if alias is None:
            raise RegistryError(f"{shown(registry)}: {name} has neither @{CHAMPION} nor @{CANDIDATE}; {ADVICE}")
        number = int(aliases[alias])
        version = client.get_model_version(name, str(number))
    created = datetime.fromtimestamp(version.creation_timestamp / 1000, UTC).astimezone()
    return Registered(str(ModelUri(name, number, None)), alias, created, shown(registry))
