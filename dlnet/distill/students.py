"""Students: the jobs of a sweep, and trained students as models."""

from __future__ import annotations

from itertools import product
from typing import Any

from dlnet.config.students import StudentParams
from dlnet.data.encode import Encoder
from dlnet.models.network import branch_usage
from dlnet.models.shapes import net_config
from dlnet.models.trained import TrainedModel
from dlnet.train.data import TrainingData
from dlnet.train.job import Job, Trained, as_model
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

    With several branches its metrics include the share of validation windows that the gate assigns to each.
    """
    student = as_model(result, encoder, data, **lineage)
    if student.liquid.branches > 1:
        usage = branch_usage(student.parameters, data.validation_z, student.liquid)[0]
        student.metrics["branch_usage"] = usage.tolist()
    return student
