"""Builds a publication from what the pipeline left in models/, reports/ and data/windows/."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

from dlnet.baselines.record import BaselineRecord, BaselineTable
from dlnet.config.publish import PublishParams
from dlnet.cost.device import UNITS
from dlnet.data.documents import TaskRecord
from dlnet.data.encode import Encoder
from dlnet.data.windows import WindowDataset
from dlnet.errors import RegistryError
from dlnet.export.documents import EdgeMetrics
from dlnet.export.saved import SavedEdge
from dlnet.firmware.documents import FirmwareReport, MeasuredElites, UnmeasuredElites
from dlnet.gate.budget import UNITS as UNITS_ON_DEVICE
from dlnet.gate.budget import within_budget
from dlnet.gate.verdict import Verdict, verdict
from dlnet.metrics import Errors
from dlnet.models.document import EVALUATION, Evaluated, ForecastErrors
from dlnet.models.trained import SavedNetwork
from dlnet.registry.card import edge_card, float_card
from dlnet.registry.keys import lineage, locked_stages
from dlnet.registry.models import EDGE_CODE, EDGE_PACKAGES, FLOAT_CODE, FLOAT_PACKAGES, requirements
from dlnet.registry.pareto_html import fronts_page
from dlnet.registry.publication import Curve, Data, Model, Publication, RunRecord
from dlnet.report.documents import (
    EdgeErrors,
    EdgeSummary,
    EvaluationReport,
    FiguresBySplit,
    ScoresBySplit,
    Student,
    SummaryReport,
)
from dlnet.saved import load_as

EDGE_FILES = ("model.json", "step.tflite", "head.tflite", "spec.json", "golden.safetensors", "metrics.json")
NETWORK_FILES = ("model.json", "model.safetensors")
FIGURES, REPORTS = ("*.png", "*.html"), ("*.json", "*.md")
CURVE_POINTS = 200  # of a learning curve; MLflow's charts show no more
ERRORS = (
    *("mae", "rmse", "cell_mae", "before_knee", "after_knee"),
    *("mae_float", "mae_int8", "rmse_int8", "cell_mae_int8", "mae_litert", "mae_tflm"),
)
HEADLINE = ("mae_float", "mae_int8", "rmse_int8", "cell_mae_int8", "parameters", "tflite_bytes", "spec_bytes")
Summed = TypeVar("Summed", bound=Student)
# Columns of a table of students that are figures; the others say who it is.
MEASURED = {"mae_validation", *UNITS}


@dataclass(frozen=True)
class _Project:
    """What several runs need: where, the reports, and one encoded window to show the models."""

    root: Path
    summary: SummaryReport
    evaluation: EvaluationReport
    baselines: dict[str, BaselineRecord]
    firmware: MeasuredElites | UnmeasuredElites | None
    dataset: WindowDataset
    limits: PublishParams

    @property
    def task(self) -> TaskRecord:
        """What the models were asked for, of which data."""
        return self.dataset.task

    def folder(self, kind: str) -> Path:
        return self.root / "models" / kind

    def example(self, encoder: Encoder) -> dict[str, Any]:
        ends = self.dataset.windows("validation", 1)[:1]
        return {"z": encoder.encode(self.dataset, ends), "anchor": encoder.anchor(self.dataset, ends)}


def collect(root: Path, limits: PublishParams) -> Publication:
    """Describe the pipeline below ``root``.

    Raises:
        DLNetError: an output of an earlier stage is missing or broken; names the file.
    """
    try:
        return _collect(root, limits)
    except FileNotFoundError as error:
        raise RegistryError(f"{error.filename}: no such file; run the stage that makes it (dvc repro)") from error


def _collect(root: Path, limits: PublishParams) -> Publication:
    windows = root / "data/windows"
    firmware = root / "reports/firmware.json"
    project = _Project(
        root,
        SummaryReport.read(root / "reports/summary.json"),
        EvaluationReport.read(root / "reports/evaluation.json"),
        BaselineTable.read(root / "models/baselines/baselines.json").root,
        FirmwareReport.read(firmware).root if firmware.is_file() else None,
        WindowDataset.load(windows),
        limits,
    )
    tags = lineage(root)
    children = [*_baselines(project), *_teacher(project), *_students(project), *_edges(project)]
    return Publication(
        experiment=f"dlnet/{project.task.source}",
        pipeline=_pipeline(project, children),
        children=tuple(children),
        data=_data(project, tags),
        lineage=tags,
    )


def _data(project: _Project, tags: Mapping[str, str]) -> Data:
    digest = tags["dlnet.data"]
    if digest.startswith("none: "):  # outside of DVC the folder has no md5 of its own
        digest = "unlocked"
    source = {
        "dvc.path": "data/windows",
        "dvc.md5": tags["dlnet.data"],
        "dlnet.source": project.task.source,
    }
    counts = {
        f"{split}.{what}": number
        for split, entry in project.task.counts.items()
        for what, number in entry.content().items()
    }
    return Data(f"{project.task.source}-{project.task.inputs}", digest, source, counts)


def _pipeline(project: _Project, children: list[RunRecord]) -> RunRecord:
    reports = project.root / "reports"
    pictures = [path for pattern in FIGURES for path in sorted((reports / "figures").glob(pattern))]
    files = {f"figures/{path.name}": path for path in pictures}
    for folder in ("data", "plots"):
        files |= {f"{folder}/{path.name}": path for path in sorted((reports / folder).glob("*")) if path.is_file()}
    written = (path for pattern in REPORTS for path in sorted(reports.glob(pattern)))
    files |= {path.name: path for path in (project.root / "params.yaml", *written)}
    files.pop("publish.json", None)  # this stage's own output
    fronts = {name: project.folder(name) for name in ("front1", "front2")}
    files |= {f"fronts/{name}.json": folder / "front.json" for name, folder in fronts.items()}
    tables = {f"fronts/{name}-table.json": _front_table(folder) for name, folder in fronts.items()}
    lock = json.dumps(locked_stages(project.root), indent=1, sort_keys=True)
    metrics = _headline(project.summary, children)
    return RunRecord(
        kind="pipeline",
        name="pipeline",
        title=_title(project, metrics),
        params=dict(flatten(YAML(typ="safe").load(project.root / "params.yaml"))),
        metrics=metrics,
        files=files,
        texts={"dvc.lock.json": lock},
        tables=tables,
        views={"figures/fronts.html": _fronts_page(project)},
        volatile={f"volatile/{path.name}": path for path in sorted((reports / "volatile").glob("*.json"))},
        tags={"mlflow.note.content": f"Data: {project.task.label}. Errors are MAE of SoH on test cells."},
    )


def _fronts_page(project: _Project) -> str:
    names = {"front1": "First front: students", "front2": "Second front: students and pruned students"}
    tables = {title: pd.read_parquet(project.folder(name) / "table.parquet") for name, title in names.items()}
    tested = {entry.name: entry.mae for entry in project.summary.students}
    return fronts_page(tables, tested, {name: entry.validation.mae for name, entry in project.baselines.items()})


def _title(project: _Project, metrics: Mapping[str, float]) -> str:
    """Short: MLflow's list of runs shows 22 letters of it."""
    return f"int8 {metrics['mae_int8']:.5f}, {project.task.inputs}"


def _headline(summary: SummaryReport, children: list[RunRecord]) -> dict[str, float]:
    """The figures that the list of runs shows: test errors, size, and what the gate said."""
    metrics = {f"mae_{name}": entry.mae for name, entry in summary.baselines.items()}
    metrics["mae_teacher"] = summary.teacher.mae
    metrics |= {name: float(getattr(summary.edge, name)) for name in HEADLINE}
    metrics["int8_over_boosting"] = metrics["mae_int8"] / metrics["mae_boosting"]
    for run in children:
        if run.model and run.model.verdict and run.model.budget:
            metrics |= {name: run.metrics[name] for name in UNITS_ON_DEVICE if name in run.metrics}
            metrics |= {"gate_passed": float(run.model.verdict.passed), "budget_passed": float(run.model.budget.passed)}
    return metrics


def _front_table(folder: Path) -> pd.DataFrame:
    table = pd.read_parquet(folder / "table.parquet")
    return table[table["front"]].sort_values("mae_validation", ignore_index=True)


def _baselines(project: _Project) -> Iterator[RunRecord]:
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


def _teacher(project: _Project) -> Iterator[RunRecord]:
    folder = project.folder("teacher")
    teacher = load_as(folder, SavedNetwork).network
    metrics = {"mae_validation": teacher.metrics["mae_validation"], **_errors(project.summary.teacher, "")}
    learning = pd.read_parquet(folder / "learning.parquet")
    yield RunRecord(
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
        model=_float_model(project, "dlnet-teacher", folder, metrics, project.evaluation.teacher),
    )


def _students(project: _Project) -> Iterator[RunRecord]:
    """Students of the sweep as the first front saw them, then the pruned ones as the second did."""
    first = pd.read_parquet(project.folder("front1") / "table.parquet")
    second = pd.read_parquet(project.folder("front2") / "table.parquet")
    chosen = project.summary.edge.name
    for kind, table in (("students", first), ("pruned", second[second["kind"] == "pruned"])):
        folder = project.folder(kind)
        learning = dict(list(pd.read_parquet(folder / "learning.parquet").groupby("name", sort=False)))
        for row in table.to_dict("records"):
            row.pop("kind", None)
            yield _student(project, folder, row, learning[row["name"]], chosen)


def _student(project: _Project, folder: Path, row: dict[Any, Any], learning: pd.DataFrame, chosen: str) -> RunRecord:
    name, kind = str(row["name"]), "student" if folder.name == "students" else "pruned"
    metrics = {key: float(value) for key, value in row.items() if key in MEASURED and pd.notna(value)}
    summed = _named(project.summary.students, name)
    metrics |= {**_errors(summed, ""), **_usage(summed)}
    who = {key: _text(value) for key, value in row.items() if key not in MEASURED and not _absent(value)}
    path, scores = folder / name, project.evaluation.students[name]
    return RunRecord(
        kind=kind,
        name=name,
        title=f"{kind} {name}",
        params={key: value for key, value in who.items() if key not in ("name", "front", "elite")},
        metrics=metrics,
        curves=_curves(learning, name),
        files={file: path / file for file in NETWORK_FILES},
        tags={f"dlnet.{key}": who[key] for key in ("front", "elite")},
        model=_float_model(project, "dlnet-student", path, metrics, scores) if name == chosen else None,
    )


def _float_model(
    project: _Project,
    registered: str,
    folder: Path,
    metrics: Mapping[str, float],
    scores: ScoresBySplit | FiguresBySplit,
) -> Model:
    network = load_as(folder, SavedNetwork).network
    return Model(
        name=registered,
        code=FLOAT_CODE,
        files={name: folder / name for name in NETWORK_FILES},
        texts={EVALUATION: _evaluated(scores)},
        example=project.example(network.encoder),
        horizon=network.encoder.horizon,
        requirements=requirements(FLOAT_PACKAGES),
        description=float_card(network.name, project.task, metrics),
    )


def _edges(project: _Project) -> Iterator[RunRecord]:
    chosen = project.summary.edge.name
    folders = sorted(path for path in project.folder("edge").iterdir() if path.is_dir())
    if chosen not in {folder.name for folder in folders}:
        raise RegistryError(
            f"{project.folder('edge') / chosen}: no such folder; reports/summary.json names it as the edge model"
        )
    for folder in folders:
        described = EdgeMetrics.read(folder / "metrics.json")
        summed = _named(project.summary.edges, folder.name)
        figures, origin = device_figures(summed, project.firmware)
        metrics = {**dict(_numbers(described.content())), **_errors(summed, ""), **_usage(summed), **figures}
        yield RunRecord(
            kind="edge",
            name=folder.name,
            title=f"int8 {folder.name}",
            params={"device_figures": origin},
            metrics=metrics,
            files={file: folder / file for file in EDGE_FILES},
            model=_edge_model(project, folder, described) if folder.name == chosen else None,
        )


def _edge_model(project: _Project, folder: Path, described: EdgeMetrics) -> Model:
    encoder = load_as(folder, SavedEdge).device.encoder
    judged = _verdict(project, described)
    budget = within_budget(
        *device_figures(_named(project.summary.edges, folder.name), project.firmware), project.limits.budget
    )
    scores = project.evaluation.edge[folder.name].int8
    return Model(
        name="dlnet-edge",
        code=EDGE_CODE,
        files={name: folder / name for name in EDGE_FILES},
        texts={EVALUATION: _evaluated(scores)},
        example=project.example(encoder),
        horizon=encoder.horizon,
        requirements=requirements(EDGE_PACKAGES),
        description=edge_card(project.summary, judged, budget),
        verdict=judged,
        budget=budget,
    )


def _verdict(project: _Project, described: EdgeMetrics) -> Verdict:
    mae = {name: entry.validation.mae for name, entry in project.baselines.items()}
    mae |= {"int8": described.mae_int8_validation, "float": described.mae_float_validation}
    size = {name: float(entry.bytes) for name, entry in project.baselines.items()}
    return verdict(mae, {**size, "int8": described.spec_bytes}, project.limits)


def _curves(learning: pd.DataFrame, name: str) -> dict[str, Curve]:
    """Curves of one model, thinned evenly."""
    rows = learning[learning["name"] == name]
    kept = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, CURVE_POINTS).astype(int))]
    steps = [int(step) for step in kept["step"]]
    return {
        f"learning.{metric}": tuple(zip(steps, map(float, kept[metric]), strict=True))
        for metric in ("loss", "mae_validation")
    }


def _named(entries: Sequence[Summed], name: str) -> Summed:
    found = next((entry for entry in entries if entry.name == name), None)
    if found is None:
        raise RegistryError(f"reports/summary.json: has no model {name}; run dvc repro")
    return found


def _errors(entry: Errors | EdgeErrors, suffix: str) -> dict[str, float]:
    """Test or validation errors of a report's entry, under one name wherever they stand."""
    found = {name: getattr(entry, name, None) for name in ERRORS}
    known = {f"{name}{suffix}": float(value) for name, value in found.items() if value is not None}
    return {**known, f"worst_cell_mae{suffix}": entry.worst_cell.mae}


def _usage(entry: Student) -> dict[str, float]:
    """Part of the validation windows that each branch speaks for; nothing of a model with one branch."""
    return {f"branch_usage_{place}": part for place, part in enumerate(entry.branch_usage or ())}


def device_figures(
    edge: EdgeSummary, firmware: MeasuredElites | UnmeasuredElites | None
) -> tuple[dict[str, float], str]:
    """Flash and RAM (B), instructions and modelled ms a forecast of a model; and where they come from.

    Taken from reports/firmware.json if that is of this model; else what reports/summary.json has of the cost model, for
    weights of the bits it was quantised in.
    """
    if isinstance(firmware, MeasuredElites) and firmware.model == edge.name:
        return firmware.budgeted, "compiled and emulated"
    return {key: float(getattr(edge, key)) for key in UNITS_ON_DEVICE}, "cost model"


def _numbers(entry: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in entry.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{prefix}{name}", float(value)


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested params as dotted names and texts."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _text(value)


def _evaluated(scores: ScoresBySplit | FiguresBySplit) -> str:
    """``evaluation.json`` of a model, from its entry in reports/evaluation.json."""
    both = Evaluated(validation=scores.validation.to(ForecastErrors), test=scores.test.to(ForecastErrors))
    return json.dumps(both.content(), indent=1, sort_keys=True, allow_nan=False) + "\n"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=lambda other: other.item())


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))
