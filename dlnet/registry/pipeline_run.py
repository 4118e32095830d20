"""The run of the whole pipeline: its reports, fronts and headline figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from dlnet.gate.choice import Choice
from dlnet.registry.keys import locked_stages, read_params
from dlnet.registry.pareto_html import fronts_page
from dlnet.registry.project import Project, flatten
from dlnet.registry.publication import RunRecord
from dlnet.report.documents import SummaryReport

FIGURES, REPORTS = ("*.png", "*.html"), ("*.json", "*.md")
HEADLINE = ("mae_float", "mae_int8", "rmse_int8", "asset_mae_int8", "parameters", "tflite_bytes", "spec_bytes")


def pipeline_run(project: Project) -> RunRecord:
    """The parent run."""
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
    metrics = _headline(project.summary, project.choice)
    return RunRecord(
        kind="pipeline",
        name="pipeline",
        title=_title(project, metrics),
        params=dict(flatten(read_params(project.root))),
        metrics=metrics,
        files=files,
        texts={"dvc.lock.json": lock},
        tables=tables,
        views={"figures/fronts.html": _fronts_page(project)},
        volatile={f"volatile/{path.name}": path for path in sorted((reports / "volatile").glob("*.json"))},
        tags={"mlflow.note.content": _note(project)},
    )


def _note(project: Project) -> str:
    words = project.task.quantities
    errors = f"Errors are MAE of {words.target.error_label} on test {words.asset.many}."
    return f"Data: {project.task.label}. {errors}\n\n{project.choice.sentence}"


def _fronts_page(project: Project) -> str:
    names = {"front1": "First front: students", "front2": "Second front: students and pruned students"}
    tables = {title: pd.read_parquet(project.folder(name) / "table.parquet") for name, title in names.items()}
    tested = {entry.name: entry.mae for entry in project.summary.students}
    return fronts_page(tables, tested, {name: entry.validation.mae for name, entry in project.baselines.items()})


def _title(project: Project, metrics: Mapping[str, float]) -> str:
    """Title of the run; short, since MLflow's list of runs shows 22 letters."""
    kind = project.choice.kind
    return f"{'int8' if kind == 'network' else kind} {metrics['mae_chosen']:.5f}, {project.task.track}"


def _headline(summary: SummaryReport, choice: Choice) -> dict[str, float]:
    """The figures that the list of runs shows: test errors, size, and the results of gate and budget."""
    metrics = {f"mae_{name}": entry.mae for name, entry in summary.baselines.items()}
    metrics["mae_teacher"] = summary.teacher.mae
    metrics |= {name: float(getattr(summary.edge, name)) for name in HEADLINE}
    metrics["int8_over_boosting"] = metrics["mae_int8"] / metrics["mae_boosting"]
    chosen = choice.chosen
    metrics |= {"mae_chosen": summary.shipped(choice.name).mae, **dict(chosen.model.costs)}
    return {**metrics, "gate_passed": float(chosen.gate.passed), "budget_passed": float(chosen.budget.passed)}


def _front_table(folder: Path) -> pd.DataFrame:
    table = pd.read_parquet(folder / "table.parquet")
    return table[table["front"]].sort_values("mae_validation", ignore_index=True)
