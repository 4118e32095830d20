"""The teacher: several large liquid networks, whose outputs are averaged."""

from __future__ import annotations

from pathlib import Path

from dlnet.config.teacher import TeacherParams
from dlnet.data.encode import Encoder
from dlnet.models.shapes import net_config
from dlnet.models.trained import TrainedModel
from dlnet.train.data import TrainingData
from dlnet.train.job import Job, Trained, stack_parameters
from dlnet.train.plan import plan_of
from dlnet.train.pool import Stack, run_stacks


def train_teacher(
    encoder: Encoder, params: TeacherParams, data: TrainingData, noise: float, resume: Path | None = None
) -> tuple[TrainedModel, list[Trained]]:
    """Train the members on labels, each from its own seed.

    Args:
        data: that of ``encoder``. noise: of its features, see ``TrainPlan``.
        resume: folder that holds the members' states; training resumes from those that exist.

    Returns:
        The teacher, and the training of each member.
    """
    config = net_config(encoder, params.cell, params.hidden, params.solver, params.substeps)
    jobs = [Job(f"member-{i}", 1000 * params.seed + i) for i in range(params.members)]
    stacks = [Stack(config, (job,), resume / f"{job.name}.safetensors" if resume else None) for job in jobs]
    results = run_stacks(stacks, [data], plan_of(params.training, noise), "teach")
    metrics = {"members_mae_validation": [member.mae_validation for member in results]}
    lineage = {"members": params.members, "training_windows": data.labelled, "inputs": encoder.track}
    return TrainedModel("teacher", encoder, config, stack_parameters(results), metrics, lineage), results
