"""``model.json``, the description of a saved model. A saved model is one self-contained folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NamedTuple, Self, TypeVar

import numpy as np
from pydantic import Field

from dlnet.config.base import Positive
from dlnet.config.clean import CleanParams
from dlnet.config.presets import Preset
from dlnet.config.quantities import Name, Quantities
from dlnet.data.csvfiles import Columns
from dlnet.data.windows import Ends, Floats, Singles, WindowDataset
from dlnet.documents import Document, Label
from dlnet.errors import ModelError
from dlnet.files import read_json
from dlnet.metrics import by_horizon

FORMAT: Literal["dlnet-model/3"] = "dlnet-model/3"
FILE = "model.json"
EVALUATION = "evaluation.json"
AGAIN = "run dvc repro"
TAIL = 0.001  # share of the training rows beyond each end of a stored range
FIRST = 5  # rows whose median is an asset's first health

Kind = TypeVar("Kind", bound="ModelDocument")


class Range(NamedTuple):
    """Two ends of a range, both of it."""

    low: float
    high: float


class DataFacts(Document):
    """The data a model was trained on.

    Attributes:
        nominal: quantities of new assets in it, in the task's unit.
        columns: of its files, so that files like them can be read. preset: whose values it was trained with.
        typical: feature -> its median in training, which holds where a file begins without a value of it.
    """

    preset: Preset = "default"

    source: Label
    label: Label
    simulated: bool
    nominal: tuple[Positive, ...]
    columns: Columns
    typical: dict[str, float] = Field(default_factory=dict)


class ForecastErrors(Document):
    """Errors of the target, in its unit, on the windows of a split; ``by_horizon``: MAE of each row ahead."""

    mae: float
    rmse: float
    asset_mae: float
    by_horizon: tuple[float, ...]

    @classmethod
    def of(cls, forecast: Floats | Singles, dataset: WindowDataset, ends: Ends) -> Self:
        """Errors of (N, horizon) forecasts of the windows ``ends`` (N,)."""
        ahead = by_horizon(forecast, dataset.targets(ends), dataset.unit_size)
        return dataset.errors(forecast, ends).to(cls, by_horizon=tuple(ahead.tolist()))


class Evaluated(Document):
    """``evaluation.json`` beside a registered model: its errors from the evaluate stage."""

    validation: ForecastErrors
    test: ForecastErrors


class Seen(Document):
    """What a model saw in training: least and greatest value, without the outermost 0.1 % of rows at each end.

    Attributes:
        health: of all cleaned rows of the training assets. first: of their medians over the first ``FIRST`` rows.
        features: of each, in its own unit.
    """

    health: Range
    first: Range
    features: dict[Label, Range]

    @classmethod
    def of(cls, dataset: WindowDataset) -> Self:
        """Ranges of the training rows of the prepare stage."""
        rows = dataset.training_rows
        low, high = np.nanquantile(
            np.column_stack([dataset.health[rows], dataset.features[rows]]), [TAIL, 1 - TAIL], axis=0
        )
        ranges = [Range(*pair) for pair in zip(low.tolist(), high.tolist(), strict=True)]
        first = first_health(dataset)
        return cls(
            health=ranges[0],
            first=Range(float(first.min()), float(first.max())),
            features=dict(zip(dataset.feature_names, ranges[1:], strict=True)),
        )


def first_health(dataset: WindowDataset) -> Floats:
    """(A,) median health over the first ``FIRST`` rows of each training asset in use."""
    rows = dataset.training_rows
    health, of_asset = dataset.health[rows], dataset.asset_index[rows]
    starts = np.flatnonzero(np.diff(of_asset, prepend=-1))
    return np.array([np.nanmedian(part[:FIRST]) for part in np.split(health, starts[1:])])


class Facts(Document):
    """What a model needs to be used, beside the model itself: its task, facts about its data, how rows are cleaned.

    Attributes:
        seen: ranges of the training rows; None in a model that was saved before they were stored.
    """

    quantities: Quantities
    data: DataFacts
    clean: CleanParams
    seen: Seen | None = None

    @classmethod
    def of(cls, dataset: WindowDataset) -> Self:
        """Facts of the data of the prepare stage."""
        task = dataset.task
        return cls(quantities=task.quantities, data=task.to(DataFacts), clean=task.clean, seen=Seen.of(dataset))


class ModelDocument(Facts):
    """Base of ``model.json`` of every kind of model."""

    format: Literal["dlnet-model/3"] = FORMAT
    kind: str
    name: Name
    validation: ForecastErrors


def read_document(folder: Path, kind: type[Kind]) -> Kind:
    """Read ``model.json`` of a saved model.

    Raises:
        ModelError: another format, another kind, or a part is missing or wrong; names file and field.
    """
    read_raw(folder)
    return kind.read(folder / FILE)


def read_raw(folder: Path) -> dict[str, Any]:
    """The content of ``model.json``, if it has the current format.

    Raises:
        ModelError: there is no such file, or it is of another format.
    """
    path = folder / FILE
    if not path.is_file():
        raise ModelError(f"{folder}: no model in it (no {FILE}); name a folder such as models/edge/NAME")
    content = read_json(path)
    written = content.get("format") if isinstance(content, dict) else None
    if written != FORMAT:
        raise ModelError(
            f"{path}: made by an older version (format {repr(written)[:40]}, expected {FORMAT!r}); {AGAIN}"
        )
    return dict(content)
