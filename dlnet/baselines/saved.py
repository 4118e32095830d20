"""Baselines as saved models: a folder with ``model.json`` and, except for trends, ``model.safetensors``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dlnet.baselines.boosting import Boosting
from dlnet.baselines.check import check_forest, check_shape, check_start, check_trend
from dlnet.baselines.forest import Forest
from dlnet.baselines.forms import Form, count_of
from dlnet.baselines.summaries import Knots, Summary
from dlnet.baselines.trends import Trend
from dlnet.config.baselines import FormKind
from dlnet.data.windows import Histories, Singles, WindowDataset
from dlnet.documents import Document
from dlnet.errors import ModelError
from dlnet.files import read_tensors, write_tensors
from dlnet.models.document import (
    FILE,
    Facts,
    ForecastErrors,
    ModelDocument,
    read_document,
)

WEIGHTS = "model.safetensors"
Arrays = dict[str, np.ndarray]
RIDGE_ARRAYS = ("center", "scale", "coefficients", "intercept")


class TrendDocument(ModelDocument):
    """``model.json`` of persistence, line and parabola."""

    kind: Literal["trend"] = "trend"
    degree: int
    length: int
    horizon: int


class RidgeShape(Document):
    """The inputs of a form or of forests, and the knots that they predict; ``form``: of its terms."""

    summary: Summary
    knots: Knots
    form: FormKind = "quadratic"


class RidgeDocument(ModelDocument):
    """``model.json`` of a ridge regression."""

    kind: Literal["ridge"] = "ridge"
    shape: RidgeShape


class BoostingDocument(ModelDocument):
    """``model.json`` of gradient boosting; ``start``: the ridge that the forests add to, if any."""

    kind: Literal["boosting"] = "boosting"
    shape: RidgeShape
    start: RidgeShape | None
    library_bytes: int


@dataclass(frozen=True)
class SavedBaseline:
    """A baseline opened from its folder."""

    document: TrendDocument | RidgeDocument | BoostingDocument
    model: Trend | Form | Boosting

    @property
    def window(self) -> int:
        """Cycles of history that it needs."""
        return self.model.window

    @property
    def horizon(self) -> int:
        """Rows ahead."""
        return self.model.horizon

    @property
    def features(self) -> tuple[str, ...]:
        """Features that it uses."""
        return self.model.features

    @property
    def remembers(self) -> bool:
        """Whether rows before the window are inputs: then ``predict`` reads ``Histories.life``."""
        return self.model.remembers

    @property
    def uses_target(self) -> bool:
        """Whether the health of past rows is an input."""
        return self.model.uses_target

    def predict(self, histories: Histories) -> Singles:
        """N windows -> (N, horizon) health."""
        return self.model.predict(histories)


def save_baseline(folder: Path, name: str, model: Trend | Form | Boosting, dataset: WindowDataset) -> None:
    """Write a baseline's folder; ``dataset`` is what it was fitted on."""
    ends = dataset.windows("validation", dataset.stride_eval)
    errors = ForecastErrors.of(model.forecast(dataset, ends), dataset, ends)
    common: dict[str, Any] = {**dict(Facts.of(dataset)), "name": name, "validation": errors}
    if isinstance(model, Trend):
        trend = TrendDocument(**common, degree=model.degree, length=model.length, horizon=model.horizon)
        trend.write(folder / FILE)
        return
    if isinstance(model, Form):
        write_tensors(folder / WEIGHTS, _ridge_arrays(model, ""))
        RidgeDocument(**common, shape=_shape(model)).write(folder / FILE)
        return
    arrays = {f"{i}.{key}": value for i, forest in enumerate(model.forests) for key, value in forest.arrays().items()}
    start = None if model.start is None else _shape(model.start)
    write_tensors(folder / WEIGHTS, arrays | ({} if model.start is None else _ridge_arrays(model.start, "start.")))
    shape = RidgeShape(summary=model.summary, knots=model.knots)
    boosting = BoostingDocument(**common, shape=shape, start=start, library_bytes=model.library_bytes)
    boosting.write(folder / FILE)


def open_trend(folder: Path) -> SavedBaseline:
    """Open persistence, line or parabola; raises ``ModelError`` where the folder is damaged."""
    document = read_document(folder, TrendDocument)
    with _named(folder / FILE):
        check_trend(document.degree, document.length, document.horizon)
    return SavedBaseline(document, Trend(document.degree, document.length, document.horizon))


def open_ridge(folder: Path) -> SavedBaseline:
    """Open a ridge regression; raises ``ModelError`` where the folder is damaged."""
    document = read_document(folder, RidgeDocument)
    with _named(folder / FILE):
        check_shape(document.shape.summary, document.shape.knots)
    return SavedBaseline(document, _ridge(folder, document.shape, read_tensors(folder / WEIGHTS), ""))


def open_boosting(folder: Path) -> SavedBaseline:
    """Open gradient boosting; raises ``ModelError`` where the folder is damaged."""
    document = read_document(folder, BoostingDocument)
    _check_shapes(folder / FILE, document)
    arrays = read_tensors(folder / WEIGHTS)
    start = None if document.start is None else _ridge(folder, document.start, arrays, "start.")
    try:
        forests = tuple(Forest.from_arrays(_below(arrays, f"{i}.")) for i in range(len(document.shape.knots.at)))
    except KeyError as error:
        raise ModelError(f"{folder / WEIGHTS}: lacks {error}; run dvc repro") from error
    shape = document.shape
    for i, forest in enumerate(forests):
        with _named(folder / WEIGHTS, f"{i}."):
            check_forest(forest, shape.summary.width)
    return SavedBaseline(document, Boosting(shape.summary, shape.knots, forests, start, {}, document.library_bytes))


def _check_shapes(path: Path, document: BoostingDocument) -> None:
    shape, start = document.shape, document.start
    with _named(path):
        check_shape(shape.summary, shape.knots)
        if start is not None:
            check_shape(start.summary, start.knots)
            check_start((start.summary, start.knots), (shape.summary, shape.knots))


@contextmanager
def _named(path: Path, prefix: str = "") -> Iterator[None]:
    """Errors begin with the file, and names of arrays with their ``prefix``."""
    try:
        yield
    except ModelError as error:
        raise ModelError(f"{path}: {prefix}{error}") from error


def _shape(model: Form) -> RidgeShape:
    return RidgeShape(summary=model.summary, knots=model.knots, form=model.kind)


def _ridge_arrays(model: Form, prefix: str) -> Arrays:
    return {f"{prefix}{name}": getattr(model, name) for name in RIDGE_ARRAYS}


def _ridge(folder: Path, shape: RidgeShape, arrays: Arrays, prefix: str) -> Form:
    own = _below(arrays, prefix)
    width, knots = shape.summary.width, len(shape.knots.at)
    shapes = ((width,), (width,), (count_of(shape.form, width), knots), (knots,))
    for name, expected in zip(RIDGE_ARRAYS, shapes, strict=True):
        if name not in own or own[name].shape != expected:
            raise ModelError(f"{folder / WEIGHTS}: {prefix}{name} does not fit {FILE}; run dvc repro")
        # A number that does not vary in training has an infinite scale: it has no effect.
        if own[name].dtype != np.float32 or not (own[name] > 0 if name == "scale" else np.isfinite(own[name])).all():
            raise ModelError(f"{folder / WEIGHTS}: {prefix}{name} is not finite float32; run dvc repro")
    center, scale, coefficients, intercept = (own[name] for name in RIDGE_ARRAYS)
    return Form(shape.summary, shape.knots, center, scale, coefficients, intercept, shape.form)


def _below(arrays: Arrays, prefix: str) -> Arrays:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
