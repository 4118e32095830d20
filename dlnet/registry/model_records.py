"""The models that are registered: files, card, and what gate and budget said of the one for the device."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from dlnet.export.documents import Kind
from dlnet.export.saved import SavedEdge
from dlnet.models.document import EVALUATION, Evaluated, ForecastErrors
from dlnet.models.trained import SavedNetwork
from dlnet.registry.card import edge_card, float_card
from dlnet.registry.core_code import brought
from dlnet.registry.models import (
    EDGE_CODE,
    EDGE_PACKAGES,
    FLOAT_CODE,
    FLOAT_PACKAGES,
    FORM_CODE,
    FORM_PACKAGES,
    requirements,
)
from dlnet.registry.names import Role
from dlnet.registry.project import Project
from dlnet.registry.publication import Model
from dlnet.report.documents import FiguresBySplit, ScoresBySplit
from dlnet.saved import load_as

GRAPHS = ("step.tflite", "head.tflite")
EDGE_FILES = ("model.json", *GRAPHS, "spec.json", "golden.safetensors", "metrics.json")
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


def edge_files(kind: Kind) -> tuple[str, ...]:
    """Files of a model of models/edge; only one with a network has graphs."""
    has_network = kind in ("network", "blend")
    return tuple(name for name in EDGE_FILES if has_network or name not in GRAPHS)


def edge_model(project: Project, folder: Path) -> Model:
    """The model for the device, with the verdicts of gate and budget."""
    device = load_as(folder, SavedEdge).device
    alone = device.form_inputs is None
    chosen = project.choice.standing(folder.name)
    return Model(
        name=project.registered("edge"),
        code=EDGE_CODE if alone else FORM_CODE,
        files={name: folder / name for name in edge_files(chosen.model.kind)},
        texts={EVALUATION: _evaluated(project.evaluation.shipped(folder.name))},
        example=project.edge_example(device),
        horizon=device.encoder.horizon,
        requirements=requirements(EDGE_PACKAGES if alone else FORM_PACKAGES),
        brings={} if alone else brought(),
        description=edge_card(project.summary, project.choice),
        about=project.about("edge"),
        verdict=chosen.gate,
        budget=chosen.budget,
    )


def _evaluated(scores: ScoresBySplit | FiguresBySplit) -> str:
    """``evaluation.json`` of a model, from its entry in reports/evaluation.json."""
    both = Evaluated(validation=scores.validation.to(ForecastErrors), test=scores.test.to(ForecastErrors))
    return json.dumps(both.content(), indent=1, sort_keys=True, allow_nan=False) + "\n"
