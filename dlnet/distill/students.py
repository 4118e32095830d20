"""Students by name: their shapes, their jobs in a sweep, and what distilling gained."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import pandas as pd

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


def gains(table: pd.DataFrame) -> list[dict[str, Any]]:
    """What each loss gained over labels alone, seed by seed.

    Args:
        table: a student a row, with columns ``cell``, ``hidden``, ``loss``, ``seed``, ``mae_validation``.

    Returns:
        One dict a (cell, hidden, loss): mean and standard deviation over seeds of the MAE and of the relative gain,
        ``1 - mae / mae of the labels-only student of the same seed``.
    """
    keys = ["cell", "hidden"]
    alone = table[table["loss"] == "labels"].set_index([*keys, "seed"])["mae_validation"]
    rows = []
    for (cell, hidden, loss), part in table.groupby([*keys, "loss"], sort=True):
        own = part.set_index([*keys, "seed"])["mae_validation"]
        gain = 1 - own / alone.reindex(own.index)
        rows.append(
            {
                "cell": cell,
                "hidden": int(hidden),
                "loss": loss,
                "seeds": len(own),
                "mae_validation": _spread(own),
                "gain": _spread(gain),
            }
        )
    return rows


def stage2_gains(table: pd.DataFrame) -> list[dict[str, Any]]:
    """What distilling again gained over labels alone after pruning.

    Args:
        table: a pruned student a row, columns ``parent``, ``method``, ``sparsity``, ``seed``, ``stage2`` (``taught``
            or ``labels``) and ``mae_validation``.

    Returns:
        One dict a (method, sparsity): over elites and seeds, mean and standard deviation of both MAEs and of the
        relative gain.
    """
    rows = []
    for (method, sparsity), part in table.groupby(["method", "sparsity"], sort=True):
        wide = part.pivot_table(index=["parent", "seed"], columns="stage2", values="mae_validation")
        rows.append(
            {
                "method": method,
                "sparsity": float(sparsity),
                "networks": len(wide),
                "taught": _spread(wide["taught"]),
                "labels": _spread(wide["labels"]),
                "gain": _spread(1 - wide["taught"] / wide["labels"]),
            }
        )
    return rows


def teaches(table: pd.DataFrame, teacher_mae: float) -> dict[str, Any]:
    """Whether the teacher beats the best student without a teacher on validation, and the words that say so."""
    alone = table[table["loss"] == "labels"].groupby(["cell", "hidden"])["mae_validation"].mean()
    best, name = float(alone.min()), "-".join(map(str, alone.idxmin()))
    better = teacher_mae < best
    text = (
        f"The teacher (validation MAE {teacher_mae:.5f}) beats the best student trained on labels alone "
        f"({name}, {best:.5f} on average over seeds): it is distilled from."
        if better
        else f"The teacher (validation MAE {teacher_mae:.5f}) does not beat the best student trained on labels alone "
        f"({name}, {best:.5f} on average over seeds): the second stage does not use it."
    )
    return {"teaches": bool(better), "teacher_mae": teacher_mae, "student_mae": best, "student": name, "text": text}


def _spread(values: pd.Series) -> dict[str, float]:
    return {"mean": float(values.mean()), "std": float(values.std(ddof=0))}
