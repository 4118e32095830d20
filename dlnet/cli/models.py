"""Opens the model that the command line names, or the one that is meant where it names none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dlnet.cli.arguments import ModelArgument
from dlnet.errors import ConfigError
from dlnet.registry.names import DEFAULT, parse_uri, registered_name

if TYPE_CHECKING:
    from dlnet.export.saved import SavedEdge
    from dlnet.saved import LoadedModel


EDGE = Path("models/edge")
PARAMS = Path("params.yaml")


def chosen(model: ModelArgument) -> ModelArgument:
    """The model; where none is named, which one it is, its source and its date are printed.

    That is the choice of the last run in this folder; where there is none, ``@champion``, else ``@candidate``, of the
    registered edge model of the task in params.yaml.

    Raises:
        RegistryError: the registry does not answer, or has neither. DLNetError: a file of the run is damaged.
    """
    if model.source is not None:
        return model
    here = _choice_here()
    if here is not None:
        return ModelArgument(here)
    from dlnet.registry.default import registered

    found = registered(_task_name())
    print(f"Model: {found.uri} (@{found.alias}), registered {found.created:%Y-%m-%d %H:%M} in {found.registry}")
    return ModelArgument(parse_uri(found.uri))


def _choice_here() -> Path | None:
    """Folder of the model that the last run here chose for the device; None if there was no run, or it is not here."""
    from dlnet.gate.choice import CHOICE, Choice
    from dlnet.gate.competitor import NAMES

    if not CHOICE.is_file():
        return None
    choice = Choice.read(CHOICE)
    folder = EDGE / choice.name
    if folder.parent != EDGE or not folder.is_dir():
        print(f"{CHOICE} names {choice.name[:100]!r}, but it is not in {EDGE}: dvc repro makes it")
        return None
    day = datetime.fromtimestamp(CHOICE.stat().st_mtime).astimezone()
    passed = "" if choice.candidate else ", refused by the gate"
    print(
        f"Model: {folder} ({NAMES[choice.kind]}{passed}), the choice of the last run in this folder "
        f"({CHOICE}, {day:%Y-%m-%d %H:%M})"
    )
    return folder


def _task_name() -> str:
    """Registered edge model of the task in params.yaml; that of batteries where there is no such file."""
    if not PARAMS.is_file():
        return DEFAULT
    from dlnet.config.base import parse_yaml, read_text

    content = parse_yaml(read_text(PARAMS), PARAMS)
    try:
        return registered_name(str(content["task"]["name"]), "edge")
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{PARAMS}: no task.name; write one, or give --model") from error


@contextmanager
def model_folder(model: ModelArgument) -> Iterator[Path]:
    """The folder of a model; files from the registry are written to a temporary one.

    Raises:
        RegistryError: the registry does not answer, holds damaged files, or has no such version.
    """
    model = chosen(model)
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
