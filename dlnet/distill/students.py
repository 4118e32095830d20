"""Students: their jobs in a sweep, trained ones as models, and what distilling gained."""

from __future__ import annotations

from itertools import product
from typing import Any

import pandas as pd

from dlnet.config.students import StudentParams
from dlnet.data.encode import Encoder
from dlnet.models.network import branch_usage
from dlnet.models.shapes import net_config
from dlnet.models.trained import TrainedModel
from dlnet.train.data import TrainingData
from dlnet.train.job import LABELS, Job, Trained, as_model
from dlnet.train.pool import Stack, stacked


def sweep(encoder: Encoder, params: StudentParams) -> list[Stack]:
    """All students of the sweep, assigned to stacks by shape."""
    stacks = []
    for cell, hidden in ((cell, hidden) for cell, sizes in params.hidden.items() for hidden in sizes):
        config = net_config(encoder, cell, hidden, "euler", params.substeps, params.branches)
        jobs = [
            Job(f"{cell}-{hidden}-{loss}-s{seed}", seed, loss, params.alpha)
            for loss, seed in product(params.losses, params.seeds)
        ]
        stacks += stacked(config, jobs)
    return stacks


def as_student(result: Trained, encoder: Encoder, data: TrainingData, **lineage: Any) -> TrainedModel:
    """A trained liquid network as a model that can be saved; ``data`` is that of its encoder.

    With several branches its metrics hold the part of the validation windows that the gate gives to each.
    """
    student = as_model(result, encoder, data, **lineage)
    if student.liquid.branches > 1:
        usage = branch_usage(student.parameters, data.validation_z, student.liquid)[0]
        student.metrics["branch_usage"] = usage.tolist()
    return student


def gains(table: pd.DataFrame) -> list[dict[str, Any]]:
    """What each loss gained over labels alone, seed by seed.

    Args:
        table: a student a row, with columns ``cell``, ``hidden``, ``loss``, ``seed``, ``mae_validation``.

    Returns:
        One dict a (cell, hidden, loss): mean and standard deviation over seeds of the MAE and of the relative gain,
        ``1 - mae / mae of the labels-only student of the same seed``.
    """
    keys = ["cell", "hidden"]
    alone = table[table["loss"] == LABELS].set_index([*keys, "seed"])["mae_validation"]
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
    alone = table[table["loss"] == LABELS].groupby(["cell", "hidden"])["mae_validation"].mean()
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
