"""The only opener of saved models: reads ``kind`` and calls the room that owns it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from dlnet.data.windows import Floats, Histories, Singles
from dlnet.errors import ModelError
from dlnet.models.document import FILE, ModelDocument, read_raw


class LoadedModel(Protocol):
    """A saved model, ready to forecast."""

    @property
    def document(self) -> ModelDocument:
        """Its name, the data it was trained on, how cycles are cleaned for it, its errors on validation windows."""

    @property
    def window(self) -> int:
        """Cycles it looks at."""

    @property
    def features(self) -> tuple[str, ...]:
        """Charge features it looks at."""

    @property
    def uses_capacity(self) -> bool:
        """Whether the SoH of past cycles is an input."""

    def predict(self, histories: Histories) -> Floats | Singles:
        """N windows of at least ``window`` cycles -> (N, horizon) SoH."""


# Imports stand inside: torch and the like are needed for their own kinds only.


def _network(folder: Path) -> LoadedModel:
    from dlnet.models.trained import open_network

    return open_network(folder)


def _trend(folder: Path) -> LoadedModel:
    from dlnet.baselines.saved import open_trend

    return open_trend(folder)


def _ridge(folder: Path) -> LoadedModel:
    from dlnet.baselines.saved import open_ridge

    return open_ridge(folder)


def _boosting(folder: Path) -> LoadedModel:
    from dlnet.baselines.saved import open_boosting

    return open_boosting(folder)


def _edge(folder: Path) -> LoadedModel:
    from dlnet.export.saved import open_edge

    return open_edge(folder)


OPENERS: dict[str, Callable[[Path], LoadedModel]] = {
    "network": _network,
    "trend": _trend,
    "ridge": _ridge,
    "boosting": _boosting,
    "edge": _edge,
}


Kind = TypeVar("Kind")


def load_as(path: Path | str, kind: type[Kind]) -> Kind:
    """``load``, where one kind of model alone will do.

    Raises:
        ModelError: as ``load``, or the model is of another kind.
    """
    model = load(path)
    if not isinstance(model, kind):
        raise ModelError(f"{path}: a model of kind {model.document.kind!r} cannot be used here; name another model")
    return model


def load(path: Path | str) -> LoadedModel:
    """Open a saved model by its folder.

    Raises:
        ModelError: no model there, one of an older version, or a damaged one.
    """
    folder = Path(path)
    kind = read_raw(folder).get("kind")
    if kind not in OPENERS:
        raise ModelError(f"{folder / FILE}: kind {kind!r} is not one of {', '.join(OPENERS)}; run dvc repro")
    return OPENERS[kind](folder)
