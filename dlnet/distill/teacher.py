"""The teacher: several liquid networks, small ones or large ones, whose forecasts are averaged."""

from __future__ import annotations

from pathlib import Path

from dlnet.config.teacher import TeacherParams
from dlnet.config.training import TrainingParams
from dlnet.data.encode import Encoder
from dlnet.models.network import NetConfig
from dlnet.models.shapes import net_config
from dlnet.models.trained import TrainedModel
from dlnet.train.data import TrainingData
from dlnet.train.job import Job, Trained, stack_parameters
from dlnet.train.plan import plan_of
from dlnet.train.pool import Stack, run_stacks, stacked


def train_teacher(
    encoder: Encoder, params: TeacherParams, data: TrainingData, noise: float, resume: Path | None = None
) -> tuple[TrainedModel, list[Trained]]:
    """Train the members on labels, each from its own seed.

    Args:
        data: that of ``encoder``. noise: of its features, see ``TrainPlan``.
        resume: folder that holds the states of the stacks; training resumes from those that exist.

    Returns:
        The teacher, and the training of each member.
    """
    config, stacks, training = _members(encoder, params, noise)
    resumed = [Stack(config, jobs, resume / f"{jobs[0].name}.safetensors" if resume else None) for jobs in stacks]
    results = run_stacks(resumed, [data], plan_of(training, noise), "teach")
    metrics = {"members_mae_validation": [member.mae_validation for member in results]}
    lineage = {"kind": params.kind, "members": len(results), "training_windows": data.labelled, "inputs": encoder.track}
    return TrainedModel("teacher", encoder, config, stack_parameters(results), metrics, lineage), results


def _members(
    encoder: Encoder, params: TeacherParams, noise: float
) -> tuple[NetConfig, list[tuple[Job, ...]], TrainingParams]:
    """Shape of the members, those that train side by side, and how.

    Small networks train in stacks; large ones fill a core each.
    """
    if params.kind == "continuous":
        large = params.continuous
        config = net_config(encoder, large.cell, large.hidden, large.solver, large.substeps)
        return config, [(_job(params, i),) for i in range(large.members)], large.training
    small = params.ensemble
    config = net_config(encoder, small.cell, small.hidden, "euler", 1)
    jobs = [_job(params, i, noise * small.noise[i % len(small.noise)]) for i in range(small.members)]
    return config, [stack.jobs for stack in stacked(config, jobs)], small.training


def _job(params: TeacherParams, member: int, noise: float | None = None) -> Job:
    return Job(f"member-{member}", 1000 * params.seed + member, noise=noise)
