"""Students: the jobs of a sweep, and trained students as models."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from dlnet.config.students import StudentParams
from dlnet.data.encode import Encoder
from dlnet.models.network import as_on_device, branch_usage
from dlnet.models.shapes import net_config
from dlnet.models.trained import TrainedModel
from dlnet.train.data import TrainingData
from dlnet.train.job import LABELS, Job, Trained, as_model
from dlnet.train.pool import Stack, stacked


def sweep(encoder: Encoder, params: StudentParams) -> list[Stack]:
    """All students of the sweep, assigned to stacks by shape."""
    stacks = []
    sizes = [(cell, hidden) for cell, several in params.hidden.items() for hidden in several]
    for (cell, hidden), branches in product(sizes, params.branches):
        config = net_config(encoder, cell, hidden, "euler", params.substeps, branches)
        kind = f"{cell}-{hidden}" if branches == 1 else f"{cell}-{hidden}-b{branches}"
        jobs = [
            Job(f"{kind}-{loss}-s{seed}", seed, loss, params.alpha)
            for loss, seed in product(params.losses, params.seeds)
        ]
        stacks += [stack for part in _alike(jobs, params.uses_synthetic_windows) for stack in stacked(config, part)]
    return stacks


def _alike(jobs: Sequence[Job], synthetic: bool) -> list[list[Job]]:
    """Jobs whose batches are of one size: those with a teacher see synthetic windows too, where there are any."""
    if not synthetic:
        return [list(jobs)]
    parts = [[job for job in jobs if (job.loss == LABELS) == alone] for alone in (True, False)]
    return [part for part in parts if part]


def as_student(result: Trained, encoder: Encoder, data: TrainingData, **lineage: Any) -> TrainedModel:
    """A trained liquid network as a model that can be saved; ``data`` is that of its encoder.

    With several branches its metrics include the share of validation windows that a device's gate assigns to each.
    """
    student = as_model(result, encoder, data, **lineage)
    if student.liquid.branches > 1:
        usage = branch_usage(student.parameters, data.validation_z, as_on_device(student.liquid))[0]
        student.metrics["branch_usage"] = usage.tolist()
    return student
