"""Opens the model that the command line names."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dlnet.cli.arguments import ModelArgument

if TYPE_CHECKING:
    from dlnet.export.saved import SavedEdge
    from dlnet.saved import LoadedModel


@contextmanager
def model_folder(model: ModelArgument) -> Iterator[Path]:
    """The folder of a model; files from the registry are written to a temporary one.

    Raises:
        RegistryError: the registry does not answer, holds damaged files, or has no such version.
    """
    if isinstance(model.source, Path):
        yield model.source
        return
    from dlnet.registry.fetch import fetched

    with fetched(str(model)) as files:
        yield files.folder


@contextmanager
def opened(model: ModelArgument) -> Iterator[LoadedModel]:
    """The model, opened; errors as ``dlnet.load`` and ``model_folder``."""
    from dlnet.saved import load

    with model_folder(model) as folder:
        yield load(folder)


@contextmanager
def opened_edge(model: ModelArgument) -> Iterator[SavedEdge]:
    """An edge model, opened.

    Raises:
        ModelError: it is of another kind; firmware is made from edge models only.
    """
    from dlnet.export.saved import SavedEdge
    from dlnet.saved import load_as

    with model_folder(model) as folder:
        yield load_as(folder, SavedEdge)
