"""What the run of each baseline, teacher, student and edge model holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dlnet.cost.device import UNITS
from dlnet.errors import RegistryError
from dlnet.export.documents import EdgeMetrics
from dlnet.gate.choice import CHOICE
from dlnet.metrics import Errors
from dlnet.models.trained import SavedNetwork
from dlnet.registry.model_records import NETWORK_FILES, edge_files, edge_model, float_model
from dlnet.registry.project import Project, flatten, param_text, summary_of
from dlnet.registry.publication import Curve, RunRecord
from dlnet.report.documents import EdgeErrors, Student
from dlnet.saved import load_as

CURVE_POINTS = 200  # of a learning curve; MLflow's charts show no more
ERRORS = (
    *("mae", "rmse", "asset_mae", "before_knee", "after_knee"),
    *("mae_float", "mae_int8", "rmse_int8", "asset_mae_int8", "mae_litert", "mae_tflm"),
)
MEASURED = {"mae_validation", *UNITS}
"""Columns of a table of students that become metrics; the others become params and tags."""


def baseline_runs(project: Project) -> Iterator[RunRecord]:
    """One run a baseline."""
    for name, entry in sorted(project.baselines.items()):
        yield RunRecord(
            kind="baseline",
            name=name,
            title=f"baseline {name}",
            params=dict(flatten(entry.chosen)),
            metrics={
                "bytes": float(entry.bytes),
                **_errors(entry.validation, "_validation"),
                **_errors(project.summary.baselines[name], ""),
            },
        )


def teacher_run(project: Project) -> RunRecord:
    """The run of the teacher."""
    folder = project.folder("teacher")
    teacher = load_as(folder, SavedNetwork).network
    metrics = {"mae_validation": teacher.metrics["mae_validation"], **_errors(project.summary.teacher, "")}
    learning = pd.read_parquet(folder / "learning.parquet")
    return RunRecord(
        kind="teacher",
        name="teacher",
        title="teacher",
        params=dict(flatten({**asdict(teacher.config), **teacher.lineage})),
        metrics={**metrics, "parameters": float(teacher.count)},
        curves={
            f"{name}.{metric}": curve
            for name in sorted(set(learning["name"]))
            for metric, curve in _curves(learning, name).items()
        },
        files={name: folder / name for name in NETWORK_FILES},
        model=float_model(project, "teacher", folder, metrics, project.evaluation.teacher),
    )


def student_runs(project: Project) -> Iterator[RunRecord]:
    """One run a student: those of the sweep from the first front's table, the pruned ones from the second's."""
    first = pd.read_parquet(project.folder("front1") / "table.parquet")
    second = pd.read_parquet(project.folder("front2") / "table.parquet")
    chosen = project.summary.edge.name
    for kind, table in (("students", first), ("pruned", second[second["kind"] == "pruned"])):
        folder = project.folder(kind)
        learning = dict(list(pd.read_parquet(folder / "learning.parquet").groupby("name", sort=False)))
        for row in table.to_dict("records"):
            row.pop("kind", None)
            yield _student(project, folder, row, learning[row["name"]], chosen)


def _student(project: Project, folder: Path, row: dict[Any, Any], learning: pd.DataFrame, chosen: str) -> RunRecord:
    name, kind = str(row["name"]), "student" if folder.name == "students" else "pruned"
    metrics = {key: float(value) for key, value in row.items() if key in MEASURED and pd.notna(value)}
    summary = summary_of(project.summary.students, name)
    metrics |= {**_errors(summary, ""), **_usage(summary)}
    params = {key: param_text(value) for key, value in row.items() if key not in MEASURED and not _absent(value)}
    path, scores = folder / name, project.evaluation.students[name]
    return RunRecord(
        kind=kind,
        name=name,
        title=f"{kind} {name}",
        params={key: value for key, value in params.items() if key not in ("name", "front", "elite")},
        metrics=metrics,
        curves=_curves(learning, name),
        files={file: path / file for file in NETWORK_FILES},
        tags={f"dlnet.{key}": params[key] for key in ("front", "elite")},
        model=float_model(project, "student", path, metrics, scores) if name == chosen else None,
    )


def edge_runs(project: Project) -> Iterator[RunRecord]:
    """One run a model of models/edge; the one chosen for the device carries a model to register.

    Raises:
        RegistryError: the chosen one has no folder.
    """
    chosen = project.choice.name
    folders = sorted(path for path in project.folder("edge").iterdir() if path.is_dir())
    if chosen not in {folder.name for folder in folders}:
        raise RegistryError(
            f"{project.folder('edge') / chosen}: no such folder; {CHOICE} names it as the model for the device"
        )
    for folder in folders:
        described = EdgeMetrics.read(folder / "metrics.json")
        standing = project.choice.standing(folder.name)
        passed = {"gate_passed": float(standing.gate.passed), "budget_passed": float(standing.budget.passed)}
        metrics = {**dict(_numbers(described.content())), **_tested(project, folder.name), **passed}
        kind = standing.model.kind
        yield RunRecord(
            kind="edge",
            name=folder.name,
            title=f"{'int8' if kind == 'network' else kind} {folder.name}",
            params={"device_figures": standing.model.origin},
            metrics={**metrics, **dict(standing.model.costs)},
            files={file: folder / file for file in edge_files(kind)},
            model=edge_model(project, folder) if folder.name == chosen else None,
        )


def _tested(project: Project, name: str) -> dict[str, float]:
    """Test errors of a model of models/edge, and the usage of its branches."""
    student = next((edge for edge in project.summary.edges if edge.name == name), None)
    if student is not None:
        return {**_errors(student, ""), **_usage(student)}
    return _errors(project.summary.shipped(name), "")


def _curves(learning: pd.DataFrame, name: str) -> dict[str, Curve]:
    """Curves of one model, thinned evenly."""
    rows = learning[learning["name"] == name]
    kept = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, CURVE_POINTS).astype(int))]
    steps = [int(step) for step in kept["step"]]
    return {
        f"learning.{metric}": tuple(zip(steps, map(float, kept[metric]), strict=True))
        for metric in ("loss", "mae_validation")
    }


def _errors(entry: Errors | EdgeErrors, suffix: str) -> dict[str, float]:
    """Test or validation errors of a report's entry, each under the same name for every kind of model."""
    values = {name: getattr(entry, name, None) for name in ERRORS}
    known = {f"{name}{suffix}": float(value) for name, value in values.items() if value is not None}
    return {**known, f"worst_asset_mae{suffix}": entry.worst_asset.mae}


def _usage(entry: Student) -> dict[str, float]:
    """Part of the validation windows that each branch handles; empty for a model with one branch."""
    return {f"branch_usage_{branch}": part for branch, part in enumerate(entry.branch_usage or ())}


def _numbers(entry: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in entry.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{name}", float(value)


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))
