"""reports/summary.json: one figure for everything that matters, and reports/metrics.json, its headline for DVC.

Errors are of test windows; those of validation windows, on which everything was chosen, stand under "validation".
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from dlnet.cost import device as cost
from dlnet.cost.shape import model_shape
from dlnet.export.layout import Spec
from dlnet.report.evaluation import ENGINES, Evaluation
from dlnet.report.pipeline import FRONTS, Edge, Pipeline

ERRORS = ("mae", "rmse", "cell_mae", "worst_cell", "before_knee", "after_knee")
COSTS = (
    "parameters",
    "nonzero_parameters",
    "flash_bytes",
    "ram_bytes",
    "instructions",
    "ms_modelled",
    "energy_uj",
    "co2_ug",
)
LINEAGE = ("kind", "cell", "hidden", "loss", "seed", "method", "sparsity", "parent", "stage2")
RULE = "of the elites of the second front, the one whose int8 form has the least MAE on validation windows"
GROUP = ["cell", "hidden", "loss"]


def summarise(evaluation: Evaluation, pipeline: Pipeline, task: dict[str, Any]) -> dict[str, Any]:
    """What reports/summary.json holds (docs/reading-the-report.md says what each key means).

    Args:
        evaluation: of all models. pipeline: the models. task: content of data/windows/task.json.
    """
    content = evaluation.content
    chosen = choose_edge(content["edge"])
    baselines = {name: _baseline(pipeline.baselines[name], scores) for name, scores in content["baselines"].items()}
    students = [_student(pipeline, name, scores) for name, scores in content["students"].items()]
    edges = {name: _edge(pipeline, name, content) for name in content["edge"]}
    edge = {**edges[chosen], "rule": RULE}
    teacher = _teacher(pipeline, content["teacher"], task)
    return {
        "data": _data(task),
        "baselines": baselines,
        "teacher": teacher,
        "students": students,
        "elites": [_elite(pipeline, name, students, edges) for name in pipeline.elites],
        "edge": edge,
        "edges": [edges[name] for name in sorted(edges)],
        "fronts": [_front(pipeline, name) for name in FRONTS],
        "ratios": _ratios(edge, baselines, teacher),
        "validation": {"ratios": _ratios(edge["validation"], _validation(baselines), teacher["validation"])},
        "spread": _spread(pipeline, students, edge),
    }


def choose_edge(scores: dict[str, dict[str, Any]]) -> str:
    """Name of the model for the device: least int8 MAE on validation windows, then the first by name."""
    return min(scores, key=lambda name: (scores[name]["int8"]["validation"]["mae"], name))


def headline(summary: dict[str, Any]) -> dict[str, Any]:
    """The few figures that ``dvc metrics show`` and ``dvc metrics diff`` print, all of test windows."""
    edge = summary["edge"]
    return {
        "mae": {
            "int8": edge["mae_int8"],
            "float": edge["mae_float"],
            "teacher": summary["teacher"]["mae"],
            **{name: entry["mae"] for name, entry in summary["baselines"].items()},
        },
        "int8": {
            "worst_cell_mae": edge["worst_cell"]["mae"],
            "over_float": summary["ratios"]["int8 over float"],
            "parameters": edge["parameters"],
            "spec_bytes": edge["spec_bytes"],
            "tflite_bytes": edge["tflite_bytes"],
        },
    }


def _data(task: dict[str, Any]) -> dict[str, Any]:
    counts = {split: task["counts"][split] for split in ("train", "validation", "test")}
    return {
        **{key: task[key] for key in ("source", "label", "simulated", "inputs", "window", "horizon")},
        "cells": sum(part["cells"] for part in counts.values()),
        "windows": sum(part["windows"] for part in counts.values()),
        "splits": counts,
        "notes": task.get("notes", []),
    }


def _errors(scores: dict[str, Any]) -> dict[str, Any]:
    """Errors of test windows, and under "validation" those of validation windows."""
    return {**_figures(scores["test"]), "validation": _figures(scores["validation"])}


def _figures(score: dict[str, Any], suffix: str = "") -> dict[str, Any]:
    return {f"{name}{suffix}": score[name] for name in ERRORS}


def _baseline(described: dict[str, Any], scores: dict[str, Any]) -> dict[str, Any]:
    known = {key: value for key, value in described.items() if isinstance(value, bool | int | float | str)}
    return {**known, **_errors(scores)}


def _teacher(pipeline: Pipeline, scores: dict[str, Any], task: dict[str, Any]) -> dict[str, Any]:
    teacher, verdict = pipeline.teacher, pipeline.distillation["students"]["teacher"]
    return {
        **_errors(scores),
        "parameters": teacher.count,
        "bytes": 4 * teacher.count,
        "members": len(teacher.parameters["b"]),
        "cell": teacher.config.cell,
        "solver": teacher.liquid.solver,
        "hidden": teacher.config.hidden,
        "uses_capacity": teacher.encoder.track == "capacity",
        "sees_more_than_students": teacher.encoder.track != task["inputs"],
        "teaches": verdict["teaches"],
        "verdict": verdict["text"],
    }


def _student(pipeline: Pipeline, name: str, scores: dict[str, Any]) -> dict[str, Any]:
    row = pipeline.row(name)
    known = {key: row[key] for key in (*LINEAGE, *COSTS) if row.get(key) is not None}
    return {"name": name, **known, **_usage(pipeline, name), "bytes": row["bytes_float32"], **_errors(scores)}


def _usage(pipeline: Pipeline, name: str) -> dict[str, Any]:
    """Part of the validation windows that each branch speaks for; nothing where there is one branch."""
    metrics = pipeline.students[name].metrics
    return {"branch_usage": metrics["branch_usage"]} if "branch_usage" in metrics else {}


def _costs_of_bits(edge: Edge, row: dict[str, Any]) -> dict[str, Any]:
    """Modelled costs where weights have other bits than the front counted; time, energy, CO2e go with the cycles."""
    counted, shape = model_shape(edge.student), model_shape(edge.student, edge.spec.precision)
    if cost.cycle_parts(counted) == cost.cycle_parts(shape):
        return {}
    ratio = cost.forecast_cycles(shape) / cost.forecast_cycles(counted)
    return {
        "flash_bytes": round(cost.flash_bytes(shape)),
        "ram_bytes": round(cost.ram_bytes(shape)),
        "instructions": round(cost.forecast_instructions(shape)),
        **{key: row[key] * ratio for key in ("ms_modelled", "energy_uj", "co2_ug")},
    }


def _four_bits(spec: Spec) -> dict[str, Any]:
    """The matrices with weights of 4 bits; nothing where there is none."""
    names = [name for name, part in spec.parts.items() if part.bits == 4]
    return {"four_bits": names} if names else {}


def _elite(
    pipeline: Pipeline, name: str, students: list[dict[str, Any]], edges: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    student = next(one for one in students if one["name"] == name)
    fronts = [front for front in FRONTS if name in pipeline.fronts[front]["elites"]]
    quantised = {"mae_int8": edges[name]["mae_int8"]} if name in edges else {}
    return {**student, "fronts": fronts, **quantised}


def _edge(pipeline: Pipeline, name: str, content: dict[str, Any]) -> dict[str, Any]:
    scores, row = content["edge"][name], pipeline.row(name)
    known = {key: row[key] for key in (*LINEAGE, *COSTS) if row.get(key) is not None}
    return {
        "name": name,
        **known,
        **_costs_of_bits(pipeline.edges[name], row),
        **_usage(pipeline, name),
        **_four_bits(pipeline.edges[name].spec),
        **pipeline.edges[name].bytes,
        **_edge_errors(content["students"][name], scores, "test"),
        "validation": _edge_errors(content["students"][name], scores, "validation"),
    }


def _edge_errors(student: dict[str, Any], scores: dict[str, Any], part: str) -> dict[str, Any]:
    """Errors of a quantised student, of its float form and in the other engines; ``worst_cell`` is int8's."""
    int8, others = scores["int8"][part], {engine: scores[engine][part] for engine in ENGINES if engine != "int8"}
    return {
        **{f"{name}_float": student[part][name] for name in ("mae", "rmse", "cell_mae")},
        **{f"{name}_int8": int8[name] for name in ("mae", "rmse", "cell_mae")},
        **{name: int8[name] for name in ("worst_cell", "before_knee", "after_knee")},
        **{f"mae_{engine}": score["mae"] for engine, score in others.items()},
        **{f"most_from_int8_{engine}": score["most_from_int8"] for engine, score in others.items()},
    }


def _front(pipeline: Pipeline, name: str) -> dict[str, Any]:
    front = pipeline.fronts[name]
    named: dict[str, Any] = {key: front[key] for key in ("objectives", "front", "elites", "notes") if key in front}
    return {"name": name, "models": len(pipeline.tables[name]), **named}


def _validation(entries: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: entry["validation"] for name, entry in entries.items()}


def _ratios(edge: dict[str, Any], baselines: dict[str, dict[str, Any]], teacher: dict[str, Any]) -> dict[str, float]:
    """Quotients of window-mean MAEs."""
    return {
        **{f"edge over {name}": edge["mae_int8"] / entry["mae"] for name, entry in baselines.items()},
        "edge over teacher": edge["mae_int8"] / teacher["mae"],
        "int8 over float": edge["mae_int8"] / edge["mae_float"],
        "litert over int8": edge["mae_litert"] / edge["mae_int8"],
        "tflm over int8": edge["mae_tflm"] / edge["mae_int8"],
    }


def _spread(pipeline: Pipeline, students: list[dict[str, Any]], edge: dict[str, Any]) -> dict[str, Any]:
    """Mean and standard deviation over seeds of each kind of student in the sweep, and of the edge model's kind."""
    table = pd.DataFrame([{**one, "mae_validation": one["validation"]["mae"]} for one in students])
    sweep = table[table["kind"] == "students"]
    groups = [_group(key, part) for key, part in sweep.groupby(GROUP, sort=True)]
    origin = pipeline.row(edge.get("parent") or edge["name"])
    kind = [origin[key] for key in GROUP]
    return {
        "over": "seeds of one cell split, float students, test windows",
        "splits": "one split here; make results runs the study over splits (docs/results.md)",
        "students": groups,
        "edge": next(group for group in groups if [group[key] for key in GROUP] == kind),
    }


def _group(key: Any, part: pd.DataFrame) -> dict[str, Any]:
    return {
        **{name: getattr(value, "item", lambda v=value: v)() for name, value in zip(GROUP, key, strict=True)},
        "seeds": len(part),
        **{column: _mean_std(part[column]) for column in ("mae", "rmse", "cell_mae", "mae_validation")},
    }


def _mean_std(values: pd.Series) -> dict[str, float | None]:
    """Mean and standard deviation (of the population); no deviation of one value."""
    return {"mean": float(values.mean()), "std": float(values.std(ddof=0)) if len(values) > 1 else None}
