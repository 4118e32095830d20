"""Students that were trained on own and public assets, trained on for a while on the own ones alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dlnet.config.students import FineTuneParams
from dlnet.models.architectures import Config
from dlnet.train.data import TrainingData
from dlnet.train.job import LABELS, Job, Trained
from dlnet.train.plan import TrainPlan
from dlnet.train.pool import run_stacks, stacked

CHECKS = 6  # validations in fine-tuning, at least
FORECASTS = "l1"  # loss with the teacher: its forecasts alone


@dataclass(frozen=True)
class Tuned:
    """A student after fine-tuning, or as it was; ``lineage`` says which, and is empty where there was none."""

    result: Trained
    lineage: dict[str, Any] = field(default_factory=dict)


def fine_tune(results: Sequence[Trained], data: TrainingData, plan: TrainPlan, params: FineTuneParams) -> list[Tuned]:
    """Train students on with the own windows of ``data``; each is kept where its validation error became less.

    Those with a teacher learn from labels and its forecasts, the others from labels. There is nothing to do without
    public sources, or with no steps.

    Args:
        data: that the students were trained on. plan: of that training, but for steps and learning rate of ``params``.
    """
    if data.own is None or not params.steps:
        return [Tuned(result) for result in results]
    check = max(1, min(plan.check, params.steps // CHECKS))
    short = replace(plan, steps=params.steps, learning_rate=params.learning_rate, check=check)
    by_shape: dict[Config, list[Job]] = {}
    for result in results:
        loss = result.job.loss if result.job.loss == LABELS else FORECASTS
        by_shape.setdefault(result.config, []).append(replace(result.job, loss=loss, start=result.parameters))
    stacks = [stack for config, jobs in by_shape.items() for stack in stacked(config, jobs)]
    found = {after.job.name: after for after in run_stacks(stacks, [data.of_own()], short, "fine-tune")}
    return [_better(before, found[before.job.name], plan, params) for before in results]


def _better(before: Trained, after: Trained, plan: TrainPlan, params: FineTuneParams) -> Tuned:
    kept = after.mae_validation < before.mae_validation
    lineage = {
        "fine_tuned": kept,
        "fine_tune_steps": params.steps,
        "mae_validation_before": before.mae_validation,
        "mae_validation_after": after.mae_validation,
    }
    if not kept:
        return Tuned(before, lineage)
    later = [(step + plan.steps, name, loss, error) for step, name, loss, error in after.curve]
    steps, curve = plan.steps + after.steps, [*before.curve, *later]
    return Tuned(replace(after, job=before.job, steps=steps, curve=curve), lineage)
