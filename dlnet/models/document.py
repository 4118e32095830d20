"""``model.json``, the description of a saved model. A saved model is one self-contained folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self, TypeVar

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

Kind = TypeVar("Kind", bound="ModelDocument")


class DataFacts(Document):
    """The data a model was trained on.

    Attributes:
        nominal: quantities of new assets in it, in the task's unit.
        columns: of its files, so that files like them can be read. preset: whose values it was trained with.
    """

    preset: Preset = "default"

    source: Label
    label: Label
    simulated: bool
    nominal: tuple[Positive, ...]
    columns: Columns


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


class Facts(Document):
    """What a model needs to be used, beside the model itself: its task, facts about its data, how rows are cleaned."""

    quantities: Quantities
    data: DataFacts
    clean: CleanParams

    @classmethod
    def of(cls, dataset: WindowDataset) -> Self:
        """Facts of the data of the prepare stage."""
        task = dataset.task
        return cls(quantities=task.quantities, data=task.to(DataFacts), clean=task.clean)


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
