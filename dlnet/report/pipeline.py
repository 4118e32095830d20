"""Outputs of earlier stages in models/, read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow

from dlnet.baselines.record import BaselineRecord, BaselineTable
from dlnet.data.windows import Singles
from dlnet.distill.gains import Distillation, PrunedDistillation
from dlnet.errors import DLNetError, ModelError
from dlnet.export.documents import EdgeMetrics
from dlnet.export.layout import Spec
from dlnet.export.litert import EdgeFiles
from dlnet.export.saved import SavedEdge
from dlnet.export.size import spec_bytes
from dlnet.files import read_tensors
from dlnet.models.trained import SavedNetwork, TrainedModel
from dlnet.saved import load_as
from dlnet.select.record import FrontRecord

FRONTS = ("front1", "front2")


@dataclass(frozen=True)
class Edge:
    """A quantised student: the integer spec, both .tflite files, and the float student it was made from.

    ``sha256`` is that of the firmware's model.
    """

    student: TrainedModel
    spec: Spec
    files: EdgeFiles
    sha256: str

    @property
    def bytes(self) -> dict[str, int]:
        """Size of the .tflite files together, and of the spec as firmware stores it."""
        return {"tflite_bytes": len(self.files.step) + len(self.files.head), "spec_bytes": spec_bytes(self.spec)}


@dataclass(frozen=True)
class Form:
    """A model of models/edge that is no student alone: a linear form, a forest, a blend; and its metrics.json."""

    saved: SavedEdge
    metrics: EdgeMetrics


@dataclass(frozen=True)
class Pipeline:
    """All models of one run of the pipeline.

    Attributes:
        baselines: name -> entry of baselines.json. predictions: name -> (windows, horizon) health, validation first.
        students: those of the sweep and the pruned ones, by name. edges: the quantised elites of the second front.
        forms: all other models of models/edge.
        tables, fronts: of "front1" and "front2". distillation, pruned: gains of the sweep and of the pruned students.
        learning: curves of "teacher", "students" and "pruned".
    """

    baselines: dict[str, BaselineRecord]
    predictions: dict[str, Singles]
    teacher: TrainedModel
    students: dict[str, TrainedModel]
    edges: dict[str, Edge]
    forms: dict[str, Form]
    tables: dict[str, pd.DataFrame]
    fronts: dict[str, FrontRecord]
    distillation: Distillation
    pruned: PrunedDistillation
    learning: dict[str, pd.DataFrame]

    @classmethod
    def load(cls, models: Path) -> Pipeline:
        """Read the folder ``models``.

        Raises:
            DLNetError: a file is missing or damaged, or files are of different runs; names it.
        """
        tables = {name: read_table(models / name / "table.parquet") for name in FRONTS}
        students = {
            str(name): load_as(models / kind / str(name), SavedNetwork).network
            for name, kind in tables["front2"][["name", "kind"]].itertuples(index=False)
        }
        fronts = {name: FrontRecord.read(models / name / "front.json") for name in FRONTS}
        edges = {name: _load_edge(models / "edge" / name, students) for name in fronts["front2"].elites}
        return cls(
            baselines=BaselineTable.read(models / "baselines/baselines.json").root,
            predictions=read_tensors(models / "baselines/predictions.safetensors"),
            teacher=load_as(models / "teacher", SavedNetwork).network,
            students=students,
            edges=edges,
            forms={
                path.name: _load_form(path) for path in sorted((models / "edge").iterdir()) if path.name not in edges
            },
            tables=tables,
            fronts=fronts,
            distillation=Distillation.read(models / "students/distillation.json"),
            pruned=PrunedDistillation.read(models / "pruned/distillation.json"),
            learning={
                kind: read_table(models / kind / "learning.parquet") for kind in ("teacher", "students", "pruned")
            },
        )

    @property
    def elites(self) -> list[str]:
        """Names of the elites of both fronts, each once."""
        return list(dict.fromkeys(name for front in FRONTS for name in self.fronts[front].elites))

    def row(self, name: str) -> dict[str, Any]:
        """A student's row in the table of the second front; None where it has no value."""
        table = self.tables["front2"]
        row = table[table["name"] == name].iloc[0].to_dict()
        return {
            key: None if pd.isna(value) else getattr(value, "item", lambda v=value: v)() for key, value in row.items()
        }

    def prediction(self, name: str, windows: int, horizon: int) -> Singles:
        """Forecasts of a baseline.

        Raises:
            ModelError: there are none, they are not of these windows, or one is not finite.
        """
        location = f"models/baselines/predictions.safetensors: {name}"
        if name not in self.predictions:
            raise ModelError(f"{location}: missing, though baselines.json has it; run dvc repro")
        forecasts = self.predictions[name]
        if forecasts.shape != (windows, horizon):
            raise ModelError(f"{location}: shape {forecasts.shape}, expected {(windows, horizon)}; run dvc repro")
        if not np.isfinite(forecasts).all():
            raise ModelError(f"{location}: holds NaN or infinity; run dvc repro")
        return forecasts


def read_table(path: Path) -> pd.DataFrame:
    """Read a Parquet table; a missing or damaged one raises ``DLNetError`` naming it."""
    try:
        return pd.read_parquet(path)
    except FileNotFoundError as error:
        raise DLNetError(f"{path}: no such file; run the stage that makes it (dvc repro)") from error
    except pyarrow.ArrowInvalid as error:
        raise DLNetError(f"{path}: not a Parquet file ({error}); delete it and run dvc repro") from error


def _load_edge(folder: Path, students: dict[str, TrainedModel]) -> Edge:
    if folder.name not in students:
        raise ModelError(f"models/front2/front.json: elite {folder.name} is not in its table; run dvc repro")
    saved = load_as(folder, SavedEdge)
    return Edge(students[folder.name], saved.device.spec, saved.files, saved.device.sha256)


def _load_form(folder: Path) -> Form:
    metrics = EdgeMetrics.read(folder / "metrics.json")
    if metrics.kind == "network":
        raise ModelError(f"{folder}: a student that is no elite of the second front; delete models/edge, run dvc repro")
    return Form(load_as(folder, SavedEdge), metrics)
