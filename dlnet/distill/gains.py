"""Gains of distillation over training on labels only, and whether the teacher beats the students."""

from __future__ import annotations

import pandas as pd

from dlnet.documents import Document


class MeanStd(Document):
    """Mean and standard deviation (of the population)."""

    mean: float
    std: float


class TeacherVerdict(Document):
    """Whether the teacher beats the best student without a teacher on validation windows, with a sentence for reports.

    Attributes:
        student: ``cell-hidden`` of that student. teacher_mae, student_mae: health, the latter averaged over seeds.
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
    loss: str
    seeds: int
    mae_validation: MeanStd
    gain: MeanStd


class PruningGain(Document):
    """Over elites and seeds of one way of pruning: MAE with teachers and with labels only, and the relative gain."""

    method: str
    sparsity: float
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
        table: one row per student, with columns ``cell``, ``hidden``, ``loss``, ``seed``, ``mae_validation``.
    """
    keys = ["cell", "hidden"]
    alone = table[table["loss"] == "labels"].set_index([*keys, "seed"])["mae_validation"]
    rows = []
    for (cell, hidden, loss), part in table.groupby([*keys, "loss"], sort=True):
        own = part.set_index([*keys, "seed"])["mae_validation"]
        gain = _spread(1 - own / alone.reindex(own.index))
        rows.append(
            Gain(cell=cell, hidden=int(hidden), loss=loss, seeds=len(own), mae_validation=_spread(own), gain=gain)
        )
    return tuple(rows)


def pruning_gains(table: pd.DataFrame) -> tuple[PruningGain, ...]:
    """Gain of distillation over training on labels only, after pruning.

    Args:
        table: a row per pruned student, columns ``parent``, ``method``, ``sparsity``, ``seed``, ``stage2`` (``taught``
            or ``labels``) and ``mae_validation``.
    """
    rows = []
    for (method, sparsity), part in table.groupby(["method", "sparsity"], sort=True):
        wide = part.pivot_table(index=["parent", "seed"], columns="stage2", values="mae_validation")
        with_teacher, labels = wide["taught"], wide["labels"]
        rows.append(
            PruningGain(
                method=method,
                sparsity=float(sparsity),
                networks=len(wide),
                taught=_spread(with_teacher),
                labels=_spread(labels),
                gain=_spread(1 - with_teacher / labels),
            )
        )
    return tuple(rows)


def teacher_verdict(table: pd.DataFrame, teacher_mae: float) -> TeacherVerdict:
    """Whether the teacher beats the best student without a teacher; ``table`` as in ``gains``."""
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
    return TeacherVerdict(teaches=bool(better), teacher_mae=teacher_mae, student_mae=best, student=name, text=text)


def _spread(values: pd.Series) -> MeanStd:
    return MeanStd(mean=float(values.mean()), std=float(values.std(ddof=0)))
