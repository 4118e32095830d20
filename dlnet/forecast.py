"""Forecast of the next cycles of one cell, from its CSV file and a saved model. Does not read params.yaml."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from dlnet.data import csvfiles, schema
from dlnet.data.clean import FEATURE_FLOOR, hampel
from dlnet.data.windows import Histories
from dlnet.errors import DataError
from dlnet.saved import LoadedModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class FileLayout:
    """How a cell's file differs from the files that the model was trained on; what is not given is as in those.

    Attributes:
        capacity: name of the capacity column. unit: of that column. features: name in the model -> column.
        nominal_ah: capacity of the cell when new, Ah.
    """

    capacity: str | None = None
    unit: Literal["Ah", "mAh"] | None = None
    features: Mapping[str, str] = field(default_factory=dict)
    nominal_ah: float | None = None


@dataclass(frozen=True)
class Forecast:
    """The history of a cell, and the forecast of its next cycles.

    Attributes:
        history: (rows,) cleaned SoH; NaN where the file has no capacity.
        ahead: (horizon,) SoH of the next cycles. error: (horizon,) mean absolute error on validation cells.
    """

    cell: str
    model: str
    label: str
    nominal_ah: float
    history: Floats
    ahead: Floats
    error: Floats

    def table(self) -> pd.DataFrame:
        """One row a cycle ahead: ``cycle_ahead``, ``soh``, ``typical_error``."""
        cycles = np.arange(1, len(self.ahead) + 1)
        return pd.DataFrame({"cycle_ahead": cycles, "soh": self.ahead, "typical_error": self.error})


@dataclass(frozen=True)
class Cell:
    """Cycles of one cell as read from its file.

    Attributes:
        cycles: ``capacity_ah`` and the model's features, one row a cycle, oldest first.
        has_capacity: whether capacity was in the file; a model of track ``charge`` does not need it.
    """

    cycles: pd.DataFrame
    has_capacity: bool
    nominal_ah: float


AS_TRAINED = FileLayout()


def forecast(path: Path, model: LoadedModel, layout: FileLayout = AS_TRAINED) -> Forecast:
    """Forecast the cell in a CSV file, one row a cycle, oldest first.

    Raises:
        DataError: a column is missing, a value is invalid, or there are fewer cycles than the model needs.
    """
    cell, document = read_cell(path, model, layout), model.document
    rows, clean = len(cell.cycles), document.clean
    if rows < model.window:
        raise DataError(f"{path}: {rows} cycles, but the model looks at {model.window}; add older cycles")
    back, soh = clean.window - 1, np.full(rows, np.nan)
    if cell.has_capacity:
        measured = cell.cycles["capacity_ah"].to_numpy() / cell.nominal_ah
        soh = hampel(measured, back, 0, clean.sigmas, clean.floor_soh)[0]
    values = cell.cycles[list(model.features)].to_numpy(np.float64)
    features = hampel(values, back, 0, clean.feature_sigmas, FEATURE_FLOOR)[0]
    ahead = model.predict(Histories(soh[None], features[None], model.features))[0]
    return Forecast(
        path.stem,
        name_of(model),
        document.data.label,
        cell.nominal_ah,
        soh,
        np.asarray(ahead, np.float64),
        np.asarray(document.validation.by_horizon),
    )


def name_of(model: LoadedModel) -> str:
    """Name of a model as tables show it."""
    document = model.document
    return f"{document.name} (int8)" if document.kind == "edge" else document.name


def read_cell(path: Path, model: LoadedModel, layout: FileLayout = AS_TRAINED) -> Cell:
    """Read the cycles of one cell, with the columns that the model was trained on unless ``layout`` names others.

    Raises:
        DataError: there is no such file, a column is missing, or a value is invalid.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    nominal, columns = layout.nominal_ah or _nominal(model), _columns(model, layout)
    if not model.uses_capacity and columns.capacity not in _header(path):
        stand_in = csvfiles.Columns(columns.name_in_file(model.features[0]), "Ah", columns.features)
        return Cell(csvfiles.read_cycles(path, stand_in), False, nominal)
    cycles = csvfiles.read_cycles(path, columns)
    schema.check_cycles(path, cycles, columns, nominal)
    return Cell(cycles, True, nominal)


def _nominal(model: LoadedModel) -> float:
    nominal = model.document.data.nominal_ah
    if len(nominal) == 1:
        return nominal[0]
    raise DataError("the nominal capacity of this cell is not known; give it with --nominal AH")


def _columns(model: LoadedModel, layout: FileLayout) -> csvfiles.Columns:
    trained_on = model.document.data.columns
    unknown = sorted(set(layout.features) - set(model.features))
    if unknown:
        known = ", ".join(model.features) or "none"
        raise DataError(f"--column: the model looks at no feature {unknown[0]!r}; its features: {known}")
    features = {name: layout.features.get(name, trained_on.features[name]) for name in model.features}
    return csvfiles.Columns(layout.capacity or trained_on.capacity, layout.unit or trained_on.unit, features)


def _header(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
        return [name.strip() for name in next(csv.reader(stream), [])]


def draw(result: Forecast) -> Figure:
    """Two panels, the whole history and its enlarged end with the forecast; call it inside ``figure_style()``."""
    from matplotlib.figure import Figure

    from dlnet.plots.style import caption

    figure = Figure(figsize=(10, 4.4), layout="constrained")
    life, close = figure.subplots(1, 2, width_ratios=[1, 1.3])
    horizon = len(result.ahead)
    for axes, first in ((life, 0), (close, max(0, len(result.history) - 2 * horizon))):
        _curves(axes, result, first)
        axes.set_xlabel("cycle (row of the file)")
    life.set_ylabel(f"SoH (capacity / {result.nominal_ah:g} Ah)")
    life.set_title("Whole file")
    close.set_title(f"Next {horizon} cycles: SoH {result.ahead[-1]:.4f} at the end")
    close.legend(loc="lower left")
    figure.suptitle(result.cell, x=0.01, ha="left")
    band = "Band: mean absolute error at each cycle ahead, validation cells."
    caption(figure, f"Model {result.model}, trained on {result.label}. {band}")
    return figure


def _curves(axes: Axes, result: Forecast, first: int) -> None:
    from dlnet.plots.style import INK, PALETTE

    rows = len(result.history)
    cycles = np.arange(rows + 1, rows + len(result.ahead) + 1)
    axes.plot(
        np.arange(first + 1, rows + 1), result.history[first:], color=INK, linewidth=1.3, label="measured, cleaned"
    )
    axes.plot(cycles, result.ahead, color=PALETTE[1], label="forecast")
    low, high = result.ahead - result.error, result.ahead + result.error
    axes.fill_between(cycles, low, high, color=PALETTE[1], alpha=0.25, linewidth=0, label="typical error")
    axes.axvline(rows + 0.5, color=INK, linewidth=0.8, linestyle=(0, (3, 3)))
