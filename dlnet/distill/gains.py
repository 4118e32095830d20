"""Gains of distillation over training on labels only, and whether the teacher beats the students."""

from __future__ import annotations

from itertools import product

import pandas as pd

from dlnet.documents import Document


class MeanStd(Document):
    """Mean and standard deviation (of the population)."""

    mean: float
    std: float


class TeacherVerdict(Document):
    """Whether the teacher beats the best student without a teacher on validation windows, with a sentence for reports.

    Attributes:
        student: ``cell-hidden`` of that student, and its branches where there are several.
        teacher_mae, student_mae: health, the latter averaged over seeds.
    """

    teaches: bool
    teacher_mae: float
    student_mae: float
    student: str
    text: str


class Gain(Document):
    """Over the seeds of one kind of student: its MAE, and its relative gain over training on labels only, per seed."""

    cell: str
    hidden: int
    branches: int = 1
    loss: str
    seeds: int
    mae_validation: MeanStd
    gain: MeanStd


class PruningGain(Document):
    """Over elites and seeds of one way of pruning: MAE with teachers and with labels only, and the relative gain."""

    method: str
    sparsity: float
    bits: int = 0
    loss: str = "l1"
    networks: int
    taught: MeanStd
    labels: MeanStd
    gain: MeanStd


class Distillation(Document):
    """The document models/students/distillation.json."""

    teacher: TeacherVerdict
    gains: tuple[Gain, ...]


class PrunedDistillation(Document):
    """The document models/pruned/distillation.json."""

    gains: tuple[PruningGain, ...]


def gains(table: pd.DataFrame) -> tuple[Gain, ...]:
    """Gain of each loss over training on labels only: ``1 - mae / mae of the labels-only student of the same seed``.

    Args:
        table: one row per student, with columns ``cell``, ``hidden``, ``branches``, ``loss``, ``seed`` and
            ``mae_validation``.
    """
    keys = ["cell", "hidden", "branches"]
    alone = table[table["loss"] == "labels"].set_index([*keys, "seed"])["mae_validation"]
    rows = []
    for (cell, hidden, branches, loss), part in table.groupby([*keys, "loss"], sort=True):
        own = part.set_index([*keys, "seed"])["mae_validation"]
        gain = _spread(1 - own / alone.reindex(own.index))
        kind = {"cell": cell, "hidden": int(hidden), "branches": int(branches), "loss": loss}
        rows.append(Gain(**kind, seeds=len(own), mae_validation=_spread(own), gain=gain))
    return tuple(rows)


def pruning_gains(table: pd.DataFrame) -> tuple[PruningGain, ...]:
    """Gain of distillation over training on labels only, after pruning.

    Args:
        table: a row per pruned student, columns ``parent``, ``method``, ``sparsity``, ``bits``, ``loss`` (one with
            teachers, or ``labels``), ``seed`` and ``mae_validation``.
    """
    rows, kind = [], ["method", "sparsity", "bits"]
    for ((method, sparsity, bits), part), loss in product(
        table.groupby(kind, sort=True), sorted(set(table["loss"]) - {"labels"})
    ):
        wide = part.pivot_table(index=["parent", "seed"], columns="loss", values="mae_validation")
        with_teacher, labels = wide[loss], wide["labels"]
        rows.append(
            PruningGain(
                method=method,
                sparsity=float(sparsity),
                bits=int(bits),
                loss=loss,
                networks=len(wide),
                taught=_spread(with_teacher),
                labels=_spread(labels),
                gain=_spread(1 - with_teacher / labels),
            )
        )
    return tuple(rows)


def teacher_verdict(table: pd.DataFrame, teacher_mae: float) -> TeacherVerdict:
    """Whether the teacher beats the best student without a teacher; ``table`` as in ``gains``."""
    alone = table[table["loss"] == "labels"].groupby(["cell", "hidden", "branches"])["mae_validation"].mean()
    best, (cell, hidden, branches) = float(alone.min()), alone.idxmin()
    name = f"{cell}-{hidden}" if branches == 1 else f"{cell}-{hidden}-b{branches}"
    better = teacher_mae < best
    text = (
        f"The teacher (validation MAE {teacher_mae:.5f}) beats the best student trained on labels alone "
        f"({name}, {best:.5f} on average over seeds): it is distilled from."
        if better
        else f"The teacher (validation MAE {teacher_mae:.5f}) does not beat the best student trained on labels alone "
        f"({name}, {best:.5f} on average over seeds): the second stage does not use it."
    )
    return TeacherVerdict(teaches=bool(better), teacher_mae=teacher_mae, student_mae=best, student=name, text=text)


def _spread(values: pd.Series) -> MeanStd:
    return MeanStd(mean=float(values.mean()), std=float(values.std(ddof=0)))
