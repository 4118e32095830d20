"""Opens saved models of every kind: reads ``kind`` in ``model.json`` and calls the module that implements it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from dlnet.data.windows import Floats, Histories, Singles
from dlnet.errors import ModelError
from dlnet.extras import named_extras
from dlnet.models.document import AGAIN, FILE, ModelDocument, read_raw


class LoadedModel(Protocol):
    """A saved model, ready to forecast."""

    @property
    def document(self) -> ModelDocument:
        """Its name, the data it was trained on, how rows are cleaned for it, its errors on validation windows."""

    @property
    def window(self) -> int:
        """Cycles of history that it needs."""

    @property
    def horizon(self) -> int:
        """Rows ahead that it forecasts."""

    @property
    def features(self) -> tuple[str, ...]:
        """Features that it uses."""

    @property
    def uses_target(self) -> bool:
        """Whether the health of past rows is an input."""

    @property
    def remembers(self) -> bool:
        """Whether rows before the window are inputs: then ``predict`` reads ``Histories.life``."""

    def predict(self, histories: Histories) -> Floats | Singles:
        """N windows of at least ``window`` rows -> (N, horizon) health."""


# Imports are inside the functions, so that torch, for one, is needed only for the kinds that use it.


def _network(folder: Path) -> LoadedModel:
    with named_extras():
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
    """Open a saved model that must be of the class ``kind``.

    Raises:
        ModelError: as ``load``, or the model is of another kind.
    """
    model = load(path)
    if not isinstance(model, kind):
        raise ModelError(f"{path}: a model of kind {model.document.kind!r} cannot be used here; name another model")
    return model


def load_all(folder: Path, kind: type[Kind]) -> dict[str, Kind]:
    """The saved models of the class ``kind`` among the folders in ``folder``, by name.

    Raises:
        ModelError: as ``load``.
    """
    models = {path.parent.name: load(path.parent) for path in sorted(folder.glob(f"*/{FILE}"))}
    return {name: model for name, model in models.items() if isinstance(model, kind)}


def load(path: Path | str) -> LoadedModel:
    """Open a saved model by its folder.

    Raises:
        ModelError: the folder has no model, or one of an older version, or a damaged one.
    """
    folder = Path(path)
    kind = read_raw(folder).get("kind")
    if not isinstance(kind, str) or kind not in OPENERS:
        raise ModelError(f"{folder / FILE}: kind {repr(kind)[:40]} is not one of {', '.join(OPENERS)}; run dvc repro")
    model = OPENERS[kind](folder)
    _check_facts(folder / FILE, model)
    return model


def _check_facts(path: Path, model: LoadedModel) -> None:
    """Check that what ``model.json`` says of data and errors is about this model."""
    document = model.document
    lacking = [name for name in model.features if name not in document.data.columns.features]
    if lacking:
        raise ModelError(f"{path}: data.columns.features lacks {lacking[0][:40]!r}, which the model reads; {AGAIN}")
    errors = len(document.validation.by_horizon)
    if errors != model.horizon:
        raise ModelError(f"{path}: validation.by_horizon has {errors} rows, the forecast {model.horizon}; {AGAIN}")
