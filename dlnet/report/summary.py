"""reports/summary.json: the main figures; and reports/metrics.json, its headline for DVC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dlnet.cost import device as cost
from dlnet.cost.shape import model_shape
from dlnet.data.documents import TaskRecord
from dlnet.report.documents import (
    BaselineSummary,
    DataSummary,
    EdgeErrors,
    EdgeSummary,
    EliteSummary,
    EngineScores,
    EvaluationReport,
    Figures,
    FiguresBySplit,
    FormSummary,
    FrontSummary,
    Headline,
    Incomplete,
    Int8Headline,
    ScoresBySplit,
    SeedSpread,
    Spread,
    SpreadGroup,
    Student,
    StudentSummary,
    SummaryReport,
    TeacherSummary,
    ValidationSummary,
)
from dlnet.report.evaluation import Part
from dlnet.report.pipeline import FRONTS, Edge, Form, Pipeline

GROUP = ["cell", "hidden", "loss"]


def summarise(
    content: EvaluationReport,
    pipeline: Pipeline,
    task: TaskRecord,
    chosen: str,
    rule: str,
    gaps: tuple[Incomplete, ...] = (),
) -> SummaryReport:
    """Content of reports/summary.json.

    Args:
        content: errors of all models. pipeline: the models. task: content of data/windows/task.json.
        chosen, rule: the int8 student for the device, and the rule of its choice. gaps: its errors with incomplete
            rows.
    """
    baselines = {
        name: pipeline.baselines[name].to(BaselineSummary, **_errors(scores))
        for name, scores in content.baselines.items()
    }
    students = {name: _student(pipeline, name, scores) for name, scores in content.students.items()}
    edges = {name: _edge(pipeline, name, content) for name in sorted(content.edge)}
    edge, teacher = edges[chosen].model_copy(update={"rule": rule}), _teacher(pipeline, content.teacher, task)
    on_validation = {name: entry.validation for name, entry in baselines.items()}
    return SummaryReport(
        data=_data(task),
        baselines=baselines,
        teacher=teacher,
        students=tuple(students.values()),
        elites=tuple(_elite(pipeline, students[name], edges) for name in pipeline.elites),
        edge=edge,
        edges=tuple(edges.values()),
        forms=tuple(_form(pipeline.forms[name], scores) for name, scores in sorted(content.forms.items())),
        fronts=tuple(
            pipeline.fronts[name].to(FrontSummary, name=name, models=len(pipeline.tables[name])) for name in FRONTS
        ),
        ratios=_ratios(edge, baselines, teacher),
        validation=ValidationSummary(ratios=_ratios(edge.validation, on_validation, teacher.validation)),
        spread=_spread(pipeline, list(students.values()), edge),
        gaps=gaps,
    )


def headline(summary: SummaryReport, chosen: str) -> Headline:
    """The few figures that DVC prints; ``chosen`` is the model for the device."""
    edge = summary.edge
    baselines = {name: entry.mae for name, entry in summary.baselines.items()}
    return Headline(
        mae={
            "chosen": summary.shipped(chosen).mae,
            "int8": edge.mae_int8,
            "float": edge.mae_float,
            "teacher": summary.teacher.mae,
            **baselines,
        },
        int8=edge.to(Int8Headline, worst_asset_mae=edge.worst_asset.mae, over_float=summary.ratios["int8 over float"]),
    )


def _data(task: TaskRecord) -> DataSummary:
    counts = {split: task.counts[split] for split in ("train", "validation", "test")}
    assets = sum(part.assets for part in counts.values())
    windows = sum(part.windows or 0 for part in counts.values())
    return task.to(DataSummary, assets=assets, windows=windows, splits=counts)


def _errors(scores: ScoresBySplit | FiguresBySplit) -> dict[str, Any]:
    """Errors of test windows, and under "validation" those of validation windows."""
    return {**dict(scores.test.to(Figures)), "validation": scores.validation.to(Figures)}


def _teacher(pipeline: Pipeline, scores: ScoresBySplit, task: TaskRecord) -> TeacherSummary:
    teacher, verdict = pipeline.teacher, pipeline.distillation.teacher
    return TeacherSummary(
        **_errors(scores),
        parameters=teacher.count,
        bytes=4 * teacher.count,
        members=len(teacher.parameters["b"]),
        cell=teacher.config.cell,
        solver=teacher.liquid.solver,
        hidden=teacher.config.hidden,
        uses_target=teacher.encoder.track == "with_target",
        sees_more_than_students=teacher.encoder.track != task.track,
        teaches=verdict.teaches,
        verdict=verdict.text,
    )


def _row(pipeline: Pipeline, name: str) -> Student:
    row = pipeline.row(name)
    known = {key: row[key] for key in Student.model_fields if key in row}
    return Student(**known, branch_usage=pipeline.students[name].metrics.get("branch_usage"))


def _student(pipeline: Pipeline, name: str, scores: ScoresBySplit | FiguresBySplit) -> StudentSummary:
    stored = pipeline.row(name)["bytes_float32"]
    return _row(pipeline, name).to(StudentSummary, bytes=stored, **_errors(scores))


def _costs_of_bits(edge: Edge, row: Student) -> dict[str, Any]:
    """Modelled costs if weights have other bits than in the front; time, energy, CO2e scale with cycles."""
    counted, shape = model_shape(edge.student), model_shape(edge.student, edge.spec.precision)
    if cost.cycle_parts(counted) == cost.cycle_parts(shape):
        return {}
    ratio = cost.forecast_cycles(shape) / cost.forecast_cycles(counted)
    return {
        "flash_bytes": round(cost.flash_bytes(shape)),
        "ram_bytes": round(cost.ram_bytes(shape)),
        "instructions": round(cost.forecast_instructions(shape)),
        "ms_modelled": row.ms_modelled * ratio,
        "energy_uj": row.energy_uj * ratio,
        "co2_ug": row.co2_ug * ratio,
    }


def _elite(pipeline: Pipeline, student: StudentSummary, edges: Mapping[str, EdgeSummary]) -> EliteSummary:
    quantised = edges.get(student.name)
    fronts = tuple(front for front in FRONTS if student.name in pipeline.fronts[front].elites)
    return student.to(EliteSummary, fronts=fronts, mae_int8=quantised.mae_int8 if quantised else None)


def _edge(pipeline: Pipeline, name: str, content: EvaluationReport) -> EdgeSummary:
    scores, student, edge = content.edge[name], content.students[name], pipeline.edges[name]
    return costed(pipeline, name).to(
        EdgeSummary,
        four_bits=[matrix for matrix, part in edge.spec.parts.items() if part.bits == 4] or None,
        **edge.bytes,
        **dict(_edge_errors(student, scores, "test")),
        validation=_edge_errors(student, scores, "validation"),
    )


def costed(pipeline: Pipeline, name: str) -> Student:
    """A quantised student with its costs by the cost model, for weights of the bits that it was quantised to."""
    row = _row(pipeline, name)
    return row.model_copy(update=_costs_of_bits(pipeline.edges[name], row))


def _form(form: Form, scores: ScoresBySplit) -> FormSummary:
    metrics = form.metrics
    return FormSummary(
        **_errors(scores),
        name=metrics.name,
        kind=metrics.kind,
        bytes=metrics.spec_bytes,
        parameters=metrics.parameters,
        mae_float_validation=metrics.mae_float_validation,
    )


def _edge_errors(student: ScoresBySplit | FiguresBySplit, scores: EngineScores, part: Part) -> EdgeErrors:
    in_float, int8 = getattr(student, part), getattr(scores.int8, part)
    others = {name: getattr(getattr(scores, name), part) for name in ("litert", "litert_optimised", "tflm")}
    return EdgeErrors(
        **{f"{name}_float": getattr(in_float, name) for name in ("mae", "rmse", "asset_mae")},
        **{f"{name}_int8": getattr(int8, name) for name in ("mae", "rmse", "asset_mae")},
        **{name: getattr(int8, name) for name in ("worst_asset", "before_knee", "after_knee")},
        **{f"mae_{engine}": score.mae for engine, score in others.items()},
        **{f"most_from_int8_{engine}": score.most_from_int8 for engine, score in others.items()},
    )


def _ratios(edge: EdgeErrors, baselines: Mapping[str, Figures], teacher: Figures) -> dict[str, float]:
    """Ratios of window-mean MAEs."""
    return {
        **{f"edge over {name}": edge.mae_int8 / entry.mae for name, entry in baselines.items()},
        "edge over teacher": edge.mae_int8 / teacher.mae,
        "int8 over float": edge.mae_int8 / edge.mae_float,
        "litert over int8": edge.mae_litert / edge.mae_int8,
        "tflm over int8": edge.mae_tflm / edge.mae_int8,
    }


def _spread(pipeline: Pipeline, students: Sequence[StudentSummary], edge: EdgeSummary) -> Spread:
    """Mean and standard deviation over seeds of each kind of student in the sweep, and of the edge model's kind."""
    table = pd.DataFrame([{**dict(student), "mae_validation": student.validation.mae} for student in students])
    sweep = table[table["kind"] == "students"]
    groups = {key: _group(key, part) for key, part in sweep.groupby(GROUP, sort=True)}
    origin = pipeline.row(edge.parent or edge.name)
    return Spread(
        over="seeds of one split, float students, test windows",
        splits="one split here; make results runs the study over splits (docs/results.md)",
        students=tuple(groups.values()),
        edge=groups[tuple(origin[key] for key in GROUP)],
    )


def _group(key: tuple[Any, ...], part: pd.DataFrame) -> SpreadGroup:
    figures: dict[str, Any] = {name: _mean_std(part[name]) for name in ("mae", "rmse", "asset_mae", "mae_validation")}
    return SpreadGroup(**dict(zip(GROUP, key, strict=True)), seeds=len(part), **figures)


def _mean_std(values: pd.Series) -> SeedSpread:
    return SeedSpread(mean=float(values.mean()), std=float(values.std(ddof=0)) if len(values) > 1 else None)
