"""The next cycles of one cell, from its file and a stored model."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from dlnet.config.base import StageConfig
from dlnet.config.clean import CleanParams
from dlnet.config.data import DataParams
from dlnet.data import csvfiles, schema
from dlnet.data.clean import hampel
from dlnet.data.encode import Encoder
from dlnet.data.prepare import FEATURE_FLOOR
from dlnet.errors import DataError, ModelError
from dlnet.extras import named_extras
from dlnet.files import read_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.floating[Any]]
ABOUT = "about.json"  # beside a registered model: where it comes from and how far off it was
KINDS = ("students", "pruned")
SCORES = ("mae", "rmse", "cell_mae", "by_horizon")


class ForecastConfig(StageConfig):
    """What a forecast reads of params.yaml: the mapping of columns, and how to clean."""

    data: DataParams
    clean: CleanParams


@dataclass(frozen=True)
class Forecaster:
    """A stored model, ready to be asked.

    Attributes:
        predict: encoded window (N, T, C) and anchor (N, 1) -> (N, horizon) SoH.
        about: what ``about`` made; empty where nothing is known.
    """

    name: str
    encoder: Encoder
    predict: Callable[[Any, Any], Floats]
    about: Mapping[str, Any]

    @property
    def error(self) -> Floats | None:
        """(horizon,) mean absolute error of each cycle ahead on validation cells, SoH; None where not known."""
        found = self.about.get("validation", {}).get("by_horizon")
        return None if found is None else np.asarray(found, np.float64)


@dataclass(frozen=True)
class Forecast:
    """What is known of a cell and what is expected.

    Attributes:
        history: (rows,) cleaned SoH; NaN where the file has no capacity.
        ahead: (horizon,) SoH of the next cycles. error: (horizon,) typical error, or None.
    """

    cell: str
    model: str
    label: str
    nominal_ah: float
    history: Floats
    ahead: Floats
    error: Floats | None

    def table(self) -> pd.DataFrame:
        """One row a cycle ahead: ``cycle_ahead``, ``soh``, and ``typical_error`` where it is known."""
        table = pd.DataFrame({"cycle_ahead": np.arange(1, len(self.ahead) + 1), "soh": self.ahead})
        return table if self.error is None else table.assign(typical_error=self.error)


def about(name: str, task: Mapping[str, Any], scores: Mapping[str, Any]) -> dict[str, Any]:
    """What a forecast must know of a model's data and errors.

    Args:
        task: data/windows/task.json. scores: the model's entry in reports/evaluation.json.
    """
    data = {key: task[key] for key in ("source", "label", "nominal_ah")}
    kept = {part: {key: scores[part][key] for key in SCORES if key in scores[part]} for part in ("validation", "test")}
    return {"name": name, "data": data, **kept}


def load(path: Path) -> Forecaster:
    """Read a model from models/edge/NAME, models/students/NAME.json, or a folder out of the registry.

    Raises:
        ModelError: nothing there that can forecast. MissingExtraError: it is a network, and torch is not installed.
    """
    if (path / "spec.json").is_file():
        return _edge(path)
    if (path / "model.json").is_file():
        return _float(path / "model.json")
    if path.is_file() and path.suffix == ".json":
        return _float(path)
    raise ModelError(f"{path}: no model; name a folder such as models/edge/NAME, or models:/dlnet-edge@candidate")


def _edge(folder: Path) -> Forecaster:
    from dlnet.export.reference import predict_reference
    from dlnet.export.spec import load_spec

    spec = load_spec(folder / "spec.json")
    beside = [folder / "student.json", *(folder.parent.parent / kind / f"{folder.name}.json" for kind in KINDS)]
    found = next((path for path in beside if path.is_file()), None)
    if found is None:
        raise ModelError(f"{beside[1]}: no such file, and the encoder of {folder} stands in it; run dvc repro")
    student = read_json(found)

    def predict(z: Floats, anchor: Floats) -> Floats:
        return predict_reference(spec, z, anchor)

    known = _about(folder, student["name"], "edge")
    return Forecaster(f"{student['name']} (int8)", Encoder.from_json(student["encoder"]), predict, known)


def _float(path: Path) -> Forecaster:
    with named_extras():
        from dlnet.models.trained import load_network

    student = load_network(path)
    part = "teacher" if path.parent.name == "teacher" else "students"
    return Forecaster(student.name, student.encoder, student.predict, _about(path.parent, student.name, part))


def _about(folder: Path, name: str, part: str) -> dict[str, Any]:
    """From beside the model, or from the reports of the project that the model stands in."""
    if (folder / ABOUT).is_file():
        content: dict[str, Any] = read_json(folder / ABOUT)
        return content
    above = 2 if part == "edge" else 1
    if len(folder.absolute().parents) <= above:
        return {}
    root = folder.absolute().parents[above]
    task, evaluation = root / "data/windows/task.json", root / "reports/evaluation.json"
    if not (task.is_file() and evaluation.is_file()):
        return {}
    found = read_json(evaluation).get(part, {})
    scores = {"teacher": found, "students": found.get(name), "edge": found.get(name, {}).get("int8")}[part]
    return about(name, read_json(task), scores) if scores else {}


def forecast(path: Path, model: Forecaster, config: ForecastConfig, nominal_ah: float | None = None) -> Forecast:
    """Forecast the cell in a CSV file, one row a cycle, oldest first.

    Args:
        nominal_ah: capacity of the cell when new, Ah; else the mapping's (source csv) or that of the model's data.

    Raises:
        DataError: a column is missing, a value makes no sense, or there are fewer cycles than the model looks at.
    """
    encoder = model.encoder
    cycles, has_capacity, nominal = read_cell(path, model, config, nominal_ah)
    if len(cycles) < encoder.window:
        raise DataError(f"{path}: {len(cycles)} cycles, but the model looks at {encoder.window}; add older cycles")
    back, clean = config.clean.window - 1, config.clean
    soh = np.full(len(cycles), np.nan)
    if has_capacity:
        soh = hampel(cycles["capacity_ah"].to_numpy() / nominal, back, 0, clean.sigmas, clean.floor_soh)[0]
    values = cycles[list(encoder.features)].to_numpy(np.float64)
    features = hampel(values, back, 0, clean.feature_sigmas, FEATURE_FLOOR)[0]
    z = encoder.encode_history(soh[None, -encoder.window :], features[None, -encoder.window :])
    ahead = model.predict(z, encoder.anchor_history(soh[None, -encoder.window :]))[0]
    label = model.about.get("data", {}).get("label", "unknown data")
    return Forecast(path.stem, model.name, label, nominal, soh, np.asarray(ahead, np.float64), model.error)


def _nominal(model: Forecaster, data: DataParams) -> float:
    if data.source == "csv":
        return data.csv.nominal_ah
    known = model.about.get("data", {}).get("nominal_ah", [])
    if len(known) == 1:
        return float(known[0])
    raise DataError("the nominal capacity of this cell is not known; give it with --nominal AH")


def read_cell(
    path: Path, model: Forecaster, config: ForecastConfig, nominal_ah: float | None = None
) -> tuple[pd.DataFrame, bool, float]:
    """Cycles of one cell as they stand in its file.

    Returns:
        ``capacity_ah`` and the model's features; whether capacity was in the file, which a model of track ``charge``
        can do without; the nominal capacity in Ah.

    Raises:
        DataError: there is no such file, a column is missing, or a value makes no sense.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    encoder, nominal = model.encoder, nominal_ah or _nominal(model, config.data)
    columns = _columns(encoder, config.data)
    if encoder.track == "charge" and columns.capacity not in _header(path):
        stand_in = csvfiles.Columns(columns.there(encoder.features[0]), "Ah", columns.features)
        return csvfiles.read_cycles(path, stand_in), False, nominal
    cycles = csvfiles.read_cycles(path, columns)
    schema.check_cycles(path, cycles, columns, nominal)
    return cycles, True, nominal


def _header(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
        return [name.strip() for name in next(csv.reader(stream), [])]


def _columns(encoder: Encoder, data: DataParams) -> csvfiles.Columns:
    """The user's mapping where the source is csv, else the names of the published files."""
    if data.source != "csv":
        return csvfiles.Columns("capacity", "Ah", {name: name for name in encoder.features})
    missing = [name for name in encoder.features if name not in data.csv.features]
    if missing:
        raise DataError(f"params.yaml: data.csv.features does not map {missing[0]!r}, which the model looks at; add it")
    features = {name: data.csv.features[name] for name in encoder.features}
    return csvfiles.Columns(data.csv.capacity, data.csv.unit, features)


def draw(found: Forecast) -> Figure:
    """The whole life and the forecast, and its last part larger with the band; call it inside ``figure_style()``."""
    from matplotlib.figure import Figure

    from dlnet.plots.style import caption

    figure = Figure(figsize=(10, 4.4), layout="constrained")
    life, close = figure.subplots(1, 2, width_ratios=[1, 1.3])
    horizon = len(found.ahead)
    for axes, first in ((life, 0), (close, max(0, len(found.history) - 2 * horizon))):
        _curves(axes, found, first)
        axes.set_xlabel("cycle (row of the file)")
    life.set_ylabel(f"SoH (capacity / {found.nominal_ah:g} Ah)")
    life.set_title("Whole file")
    close.set_title(f"Next {horizon} cycles: SoH {found.ahead[-1]:.4f} at the end")
    close.legend(loc="lower left")
    figure.suptitle(found.cell, x=0.01, ha="left")
    band = "" if found.error is None else " Band: mean absolute error at each cycle ahead, validation cells."
    caption(figure, f"Model {found.model}, trained on {found.label}.{band}")
    return figure


def _curves(axes: Axes, found: Forecast, first: int) -> None:
    from dlnet.plots.style import INK, PALETTE

    rows = len(found.history)
    cycles = np.arange(rows + 1, rows + len(found.ahead) + 1)
    axes.plot(
        np.arange(first + 1, rows + 1), found.history[first:], color=INK, linewidth=1.3, label="measured, cleaned"
    )
    axes.plot(cycles, found.ahead, color=PALETTE[1], label="forecast")
    if found.error is not None:
        low, high = found.ahead - found.error, found.ahead + found.error
        axes.fill_between(cycles, low, high, color=PALETTE[1], alpha=0.25, linewidth=0, label="typical error")
    axes.axvline(rows + 0.5, color=INK, linewidth=0.8, linestyle=(0, (3, 3)))
