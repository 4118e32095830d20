"""Train a stack of networks together, each with its own random stream and early stopping."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from dlnet.models.architectures import Config, predict
from dlnet.models.head import horizon_basis, knot_basis
from dlnet.train import checkpoint
from dlnet.train.data import TrainingData
from dlnet.train.job import Job, Trained
from dlnet.train.plan import TrainPlan, loss_points
from dlnet.train.state import State, begin, keep, result
from dlnet.train.step import take_step


def train(
    config: Config,
    jobs: Sequence[Job],
    training_sets: Sequence[TrainingData],
    plan: TrainPlan,
    *,
    resume: Path | None = None,
    title: str = "train",
    position: int = 0,
) -> list[Trained]:
    """Train ``jobs`` side by side.

    Args:
        config: the shape they share. training_sets: those that jobs refer to by index. plan: how to train.
        resume: file that holds the state after each validation; if it exists, training resumes from it.
        title, position: of the progress bar.

    Returns:
        One result a job, in order.
    """
    state = begin(config, jobs, training_sets)
    if resume is not None and resume.exists():
        checkpoint.restore(resume, state)
    # Where few rows measured the target, hardly one is among the points: then all rows ahead count.
    points = config.horizon if any(data.sparse for data in training_sets) else plan.points
    ahead = loss_points(config.horizon, points)
    at_points, basis = [data.at(ahead) for data in training_sets], knot_basis(config.knots, ahead)
    bar = tqdm(total=plan.steps, initial=state.step, desc=title, position=position, unit="step", leave=False)
    running: list[Tensor] = []
    while state.step < plan.steps and state.live:
        running.append(take_step(state, config, jobs, at_points, plan, basis))
        bar.update()
        if state.step % plan.check == 0 or state.step == plan.steps:
            _validate(state, config, jobs, training_sets, plan.patience, torch.stack(running).mean(0))
            running.clear()
            if resume is not None:
                checkpoint.save(resume, state)
    bar.close()
    return [result(state, config, jobs, m) for m in range(len(jobs))]


def _validate(
    state: State,
    config: Config,
    jobs: Sequence[Job],
    training_sets: Sequence[TrainingData],
    patience: int,
    loss: Tensor,
) -> None:
    """Keep the best weights of each live network, and stop networks that no longer improve.

    ``loss`` is (jobs,), the mean since the last validation.
    """
    improving = []
    for i, error in _validation_errors(state, config, jobs, training_sets):
        m = state.live[i]
        state.curve.append((state.step, jobs[m].name, float(loss[m]), error))
        state.stale[m] += 1
        if error < state.best_error[m]:
            state.best_error[m], state.best_step[m], state.stale[m] = error, state.step, 0
            for name, value in state.parameters.items():
                state.best[name][m] = value[i].detach()
        if state.stale[m] < patience:
            improving.append(i)
    if len(improving) < len(state.live):
        keep(state, sorted(improving))


@torch.no_grad()
def _validation_errors(
    state: State, config: Config, jobs: Sequence[Job], training_sets: Sequence[TrainingData]
) -> list[tuple[int, float]]:
    """(index among the live networks, MAE in health), one training set after the other."""
    errors: list[tuple[int, float]] = []
    full = horizon_basis(config)
    for index in sorted({jobs[m].training_set for m in state.live}):
        data = training_sets[index]
        at = [i for i, m in enumerate(state.live) if jobs[m].training_set == index]
        chosen = {name: value[at] for name, value in state.parameters.items()}
        gap = predict(chosen, data.validation_z, config, full) - data.validation_change
        mean = torch.nanmean if data.validation_change.isnan().any() else torch.mean
        errors += zip(at, (mean(gap.abs(), (1, 2)) * data.delta_scale).tolist(), strict=True)
    return errors
