"""Students by name: their shapes and their jobs in a sweep."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from dlnet.config.students import StudentParams
from dlnet.config.teacher import CellName, TeacherParams
from dlnet.config.training import TrainingParams
from dlnet.data.encode import Encoder
from dlnet.distill.teacher import averaged
from dlnet.losses.soft import TEMPERATURE
from dlnet.models.network import NetConfig, branch_usage
from dlnet.models.trained import TrainedModel
from dlnet.train.loop import Job, Trained, TrainingData, TrainPlan
from dlnet.train.pool import Stack, stacked


def plan_of(training: TrainingParams, noise: float, temperature: float = TEMPERATURE) -> TrainPlan:
    """The training section as a plan; ``noise`` is the track's, ``temperature`` that of soft targets."""
    return TrainPlan(**training.model_dump(), noise=noise, temperature=temperature)


def shape(encoder: Encoder, cell: CellName, hidden: int, solver: str, substeps: int, branches: int = 1) -> NetConfig:
    """Configuration of a network that fits an encoder."""
    capacity = encoder.track == "capacity"
    return NetConfig(
        cell=cell,
        solver=solver,
        substeps=substeps,
        hidden=hidden,
        channels=len(encoder.channels),
        steps=encoder.steps,
        skip="slopes" if capacity else "last",
        knots=encoder.knots,
        horizon=encoder.horizon,
        level=not capacity,
        branches=branches,
    )


def teacher_shape(encoder: Encoder, params: TeacherParams) -> NetConfig:
    """Configuration of one member of the teacher."""
    return shape(encoder, params.cell, params.hidden, params.solver, params.substeps)


def sweep(encoder: Encoder, params: StudentParams) -> list[Stack]:
    """All students of the sweep, assigned to stacks by shape."""
    stacks = []
    for cell, hidden in ((cell, hidden) for cell, sizes in params.hidden.items() for hidden in sizes):
        config = shape(encoder, cell, hidden, "euler", params.substeps, params.branches)
        jobs = [
            Job(f"{cell}-{hidden}-{loss}-s{seed}", seed, loss, params.alpha)
            for loss, seed in product(params.losses, params.seeds)
        ]
        stacks += stacked(config, jobs)
    return stacks


def shapes_by_name(stacks: Sequence[Stack]) -> dict[str, NetConfig]:
    """Name of each job -> its configuration."""
    return {job.name: stack.config for stack in stacks for job in stack.jobs}


def as_model(
    result: Trained, config: NetConfig, encoder: Encoder, training_data: TrainingData, **lineage: Any
) -> TrainedModel:
    """A trained network as a student that can be saved; ``training_data`` is that of its encoder.

    With several branches its metrics tell which part of the validation windows each speaks for.
    """
    parameters = averaged([result])
    metrics: dict[str, Any] = {"mae_validation": result.mae_validation, "steps": result.steps}
    if config.branches > 1:
        metrics["branch_usage"] = branch_usage(parameters, training_data.validation_z, config)[0].tolist()
    taught = {"loss": result.job.loss, "seed": result.job.seed, "training_windows": training_data.labelled}
    if result.job.loss != "labels":
        taught["alpha"] = result.job.alpha
    return TrainedModel(result.job.name, encoder, config, parameters, metrics, {**taught, **lineage})
