"""Forecast of the next rows of one asset, from its CSV file and a saved model. Does not read params.yaml."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dlnet.config.presets import MARKS
from dlnet.config.quantities import Quantities
from dlnet.data import csvfiles
from dlnet.data.assetfile import read_asset_file
from dlnet.data.clean import clean_inputs
from dlnet.data.windows import Histories
from dlnet.errors import DataError, ModelError
from dlnet.export.frontend import acceptable, clean_codes, flagged, to_codes
from dlnet.export.saved import SavedEdge
from dlnet.saved import LoadedModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class FileLayout:
    """How an asset's file differs from the files that the model was trained on; what is not given is as in those.

    Attributes:
        target: column of the task's quantity. unit: of that column. time: column of the time.
        features: name in the model -> column. nominal: quantity of the asset when new, in the task's unit.
    """

    target: str | None = None
    unit: str | None = None
    time: str | None = None
    features: Mapping[str, str] = field(default_factory=dict)
    nominal: float | None = None


@dataclass(frozen=True)
class Forecast:
    """The history of an asset, and the forecast of its next rows, in the unit of the task's target.

    Attributes:
        history: (rows,) cleaned target; NaN where the file has none.
        ahead: (horizon,) target in the next rows. error: (horizon,) mean absolute error on validation assets.
        nominal: quantity of the asset when new; 1 where the target is no share of it. notes: on its file.
    """

    asset: str
    model: str
    label: str
    quantities: Quantities
    nominal: float
    history: Floats
    ahead: Floats
    error: Floats
    notes: tuple[str, ...]

    def table(self) -> pd.DataFrame:
        """One row a step of time: how far ahead, the target, and its typical error."""
        words = self.quantities
        ahead, target = (_column_name(word) for word in (f"{words.time.one}_ahead", words.target.symbol))
        return pd.DataFrame({ahead: np.arange(1, len(self.ahead) + 1), target: self.ahead, "typical_error": self.error})


def _column_name(word: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", word.lower()).strip("_")


@dataclass(frozen=True)
class Asset:
    """Rows of one asset as read from its file.

    Attributes:
        rows: ``quantity``, if it is in the file, and the model's features, oldest first.
        notes: what readers of results should know.
    """

    rows: pd.DataFrame
    nominal: float
    notes: tuple[str, ...]

    @property
    def has_target(self) -> bool:
        """Whether the quantity is in the file; a model of track ``sensors_only`` does not need it."""
        return csvfiles.QUANTITY in self.rows

    @property
    def target(self) -> Floats:
        """(rows,) the target; NaN where the file has none."""
        if not self.has_target:
            return np.full(len(self.rows), np.nan)
        return self.rows[csvfiles.QUANTITY].to_numpy() / self.nominal


AS_TRAINED = FileLayout()


def forecast(path: Path, model: LoadedModel, layout: FileLayout = AS_TRAINED) -> Forecast:
    """Forecast the asset in a CSV file, oldest row first.

    Raises:
        DataError: a column is missing, a value is invalid, or there are fewer rows than the model needs.
        ModelError: the forecast is not finite.
    """
    asset, document = read_asset(path, model, layout), model.document
    quantities, target = document.quantities, document.quantities.target
    if len(asset.rows) < model.window:
        many = quantities.time.many
        raise DataError(f"{path}: {len(asset.rows)} {many}, but the model looks at {model.window}; add older {many}")
    measured, values = target.to_health(asset.target), asset.rows[list(model.features)].to_numpy(np.float64)
    health, features = clean_inputs(measured, values, model.features, document.clean, quantities)
    with np.errstate(over="ignore", invalid="ignore"):  # whether the result is finite is checked
        ahead = model.predict(Histories(health[None], features[None], model.features))[0]
    if not np.isfinite(ahead).all():
        raise ModelError(f"{document.name}: its forecast of {path} is not finite; train the model again, on such data")
    return Forecast(
        path.stem,
        name_of(model),
        document.data.label,
        quantities,
        asset.nominal,
        target.from_health(health),
        target.from_health(ahead),
        np.asarray(document.validation.by_horizon),
        (*MARKS[document.data.preset], *asset.notes, *_device_notes(model, measured, values)),
    )


def _device_notes(model: LoadedModel, health: Floats, features: Floats) -> tuple[str, ...]:
    """What a board would say of this forecast: a row that it refuses, a feature beyond the range of its codes."""
    if not isinstance(model, SavedEdge):
        return ()
    codec, target = model.device.codec, model.document.quantities.target
    own = [] if codec.target is None else [target.from_health(health)[:, None]]
    rows = np.concatenate([*own, features], axis=1)
    taken = acceptable(codec, rows)
    notes = () if taken.all() else (f"A board refuses {(~taken).sum()} of these rows as impossible.",)
    clean = clean_codes(codec, to_codes(codec, rows[taken]))[-codec.window :]
    if not flagged(clean[None])[0]:
        return notes
    beyond = [name for i, name in enumerate(codec.names) if flagged(clean[None, :, i : i + 1])[0]]
    return (
        *notes,
        f"A board gives this forecast as saturated: {', '.join(beyond)} is beyond what its codes hold, which is what "
        "the training assets went through and half as much more.",
    )


def name_of(model: LoadedModel) -> str:
    """Name of a model as tables show it."""
    document = model.document
    return f"{document.name} (int8)" if document.kind == "edge" else document.name


def read_asset(path: Path, model: LoadedModel, layout: FileLayout = AS_TRAINED) -> Asset:
    """Read the rows of one asset, with the columns that the model was trained on unless ``layout`` names others.

    Raises:
        DataError: there is no such file, a column is missing, or a value is invalid.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    quantities = model.document.quantities
    nominal, columns = _nominal(model, layout), _columns(path, model, layout)
    if columns.unit not in quantities.target.units:
        known = ", ".join(quantities.target.units)
        raise DataError(f"--unit {columns.unit}: no unit of {quantities.target.quantity}; the model knows {known}")
    own = read_asset_file(path, columns, quantities, nominal)
    return Asset(own.rows, nominal, own.notes)


def _nominal(model: LoadedModel, layout: FileLayout) -> float:
    quantities, trained_on = model.document.quantities, model.document.data.nominal
    if not quantities.target.over_nominal:
        return 1.0
    if layout.nominal is not None:
        return layout.nominal
    if len(trained_on) == 1:
        return trained_on[0]
    raise DataError(
        f"the nominal {quantities.target.quantity} of this {quantities.asset.one} is not known; give it with "
        f"--nominal, in {quantities.target.unit}"
    )


def _columns(path: Path, model: LoadedModel, layout: FileLayout) -> csvfiles.Columns:
    trained_on = model.document.data.columns
    unknown = sorted(set(layout.features) - set(model.features))
    if unknown:
        known = ", ".join(model.features) or "none"
        raise DataError(f"--column: the model looks at no feature {unknown[0]!r}; its features: {known}")
    features = {name: layout.features.get(name, trained_on.features[name]) for name in model.features}
    target = layout.target or trained_on.target
    if not model.uses_target and target not in _header(path):
        target = None
    return csvfiles.Columns(target, layout.unit or trained_on.unit, layout.time or trained_on.time, features)


def _header(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
        return [name.strip() for name in next(csv.reader(stream), [])]


def draw(result: Forecast) -> Figure:
    """Two panels, the whole history and its enlarged end with the forecast; call it inside ``figure_style()``."""
    from matplotlib.figure import Figure

    from dlnet.plots.style import caption

    figure = Figure(figsize=(10, 4.4), layout="constrained")
    life, close = figure.subplots(1, 2, width_ratios=[1, 1.3])
    horizon, words, target = len(result.ahead), result.quantities, result.quantities.target
    for axes, first in ((life, 0), (close, max(0, len(result.history) - 2 * horizon))):
        _curves(axes, result, first)
        axes.set_xlabel(f"{words.time.one} (row of the data)")
    over = f" ({target.quantity} / {result.nominal:g} {target.unit})" if target.over_nominal else f" ({target.unit})"
    life.set_ylabel(target.symbol + over)
    life.set_title("Whole file")
    end = target.shown(result.ahead[-1])
    close.set_title(f"Next {words.time.count(horizon)}: {target.symbol} {end} at the end")
    close.legend(loc="best")
    figure.suptitle(result.asset, x=0.01, ha="left")
    band = f"Band: mean absolute error at each {words.time.one} ahead, validation {words.asset.many}."
    caption(figure, f"Model {result.model}, trained on {result.label}. {band}")
    return figure


def _curves(axes: Axes, result: Forecast, first: int) -> None:
    from dlnet.plots.style import INK, PALETTE

    rows = len(result.history)
    next_rows = np.arange(rows + 1, rows + len(result.ahead) + 1)
    axes.plot(
        np.arange(first + 1, rows + 1), result.history[first:], color=INK, linewidth=1.3, label="measured, cleaned"
    )
    axes.plot(next_rows, result.ahead, color=PALETTE[1], label="forecast")
    low, high = result.ahead - result.error, result.ahead + result.error
    axes.fill_between(next_rows, low, high, color=PALETTE[1], alpha=0.25, linewidth=0, label="typical error")
    axes.axvline(rows + 0.5, color=INK, linewidth=0.8, linestyle=(0, (3, 3)))
