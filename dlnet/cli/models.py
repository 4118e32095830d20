"""A model on the command line: a folder, or ``models:/NAME@ALIAS``, or ``models:/NAME/VERSION``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dlnet.export.saved import SavedEdge
from dlnet.saved import LoadedModel, load, load_as

REGISTERED = "models:/dlnet-edge@candidate"


@contextmanager
def model_folder(name: str) -> Iterator[Path]:
    """The folder of a model; files out of the registry stand in a temporary one.

    Raises:
        RegistryError: the registry refuses, is damaged, or has no such version.
    """
    if not name.startswith("models:/"):
        yield Path(name)
        return
    from dlnet.registry.fetch import fetched

    with fetched(name) as files:
        yield files.folder


@contextmanager
def opened(name: str) -> Iterator[LoadedModel]:
    """The model, opened; errors as ``dlnet.load`` and ``model_folder``."""
    with model_folder(name) as folder:
        yield load(folder)


@contextmanager
def opened_edge(name: str) -> Iterator[SavedEdge]:
    """An edge model, opened.

    Raises:
        ModelError: it is of another kind, which firmware cannot be made of.
    """
    with model_folder(name) as folder:
        yield load_as(folder, SavedEdge)
