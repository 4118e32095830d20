"""The models that are registered: files, card, and the verdicts of gate and budget."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from dlnet.export.documents import EdgeMetrics
from dlnet.export.saved import SavedEdge
from dlnet.gate.budget import within_budget
from dlnet.gate.verdict import Verdict, verdict
from dlnet.models.document import EVALUATION, Evaluated, ForecastErrors
from dlnet.models.trained import SavedNetwork
from dlnet.registry.card import edge_card, float_card
from dlnet.registry.models import EDGE_CODE, EDGE_PACKAGES, FLOAT_CODE, FLOAT_PACKAGES, requirements
from dlnet.registry.names import Role
from dlnet.registry.project import Project, device_figures, summary_of
from dlnet.registry.publication import Model
from dlnet.report.documents import FiguresBySplit, ScoresBySplit
from dlnet.saved import load_as

EDGE_FILES = ("model.json", "step.tflite", "head.tflite", "spec.json", "golden.safetensors", "metrics.json")
NETWORK_FILES = ("model.json", "model.safetensors")


def float_model(
    project: Project,
    role: Role,
    folder: Path,
    metrics: Mapping[str, float],
    scores: ScoresBySplit | FiguresBySplit,
) -> Model:
    """The teacher or a float student, to be registered under its role.

    Args:
        metrics: for its card. scores: its errors, from reports/evaluation.json.
    """
    network = load_as(folder, SavedNetwork).network
    return Model(
        name=project.registered(role),
        code=FLOAT_CODE,
        files={name: folder / name for name in NETWORK_FILES},
        texts={EVALUATION: _evaluated(scores)},
        example=project.example(network.encoder),
        horizon=network.encoder.horizon,
        requirements=requirements(FLOAT_PACKAGES),
        description=float_card(network.name, project.task, metrics),
        about=project.about(role),
    )


def edge_model(project: Project, folder: Path, described: EdgeMetrics) -> Model:
    """The int8 model, with the verdicts of gate and budget; ``described`` is its metrics.json."""
    encoder = load_as(folder, SavedEdge).device.encoder
    judged = _verdict(project, described)
    budget = within_budget(
        *device_figures(summary_of(project.summary.edges, folder.name), project.firmware), project.limits.budget
    )
    scores = project.evaluation.edge[folder.name].int8
    return Model(
        name=project.registered("edge"),
        code=EDGE_CODE,
        files={name: folder / name for name in EDGE_FILES},
        texts={EVALUATION: _evaluated(scores)},
        example=project.example(encoder),
        horizon=encoder.horizon,
        requirements=requirements(EDGE_PACKAGES),
        description=edge_card(project.summary, judged, budget),
        about=project.about("edge"),
        verdict=judged,
        budget=budget,
    )


def _verdict(project: Project, described: EdgeMetrics) -> Verdict:
    mae = {name: entry.validation.mae for name, entry in project.baselines.items()}
    mae |= {"int8": described.mae_int8_validation, "float": described.mae_float_validation}
    size = {name: float(entry.bytes) for name, entry in project.baselines.items()}
    return verdict(mae, {**size, "int8": described.spec_bytes}, project.limits)


def _evaluated(scores: ScoresBySplit | FiguresBySplit) -> str:
    """``evaluation.json`` of a model, from its entry in reports/evaluation.json."""
    both = Evaluated(validation=scores.validation.to(ForecastErrors), test=scores.test.to(ForecastErrors))
    return json.dumps(both.content(), indent=1, sort_keys=True, allow_nan=False) + "\n"
