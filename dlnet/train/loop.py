"""Train a stack of networks together: one batched product a step, a random stream and an early stop each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.optim.adamw import adamw  # the function: the class would load torch's compiler, seconds a process
from tqdm import tqdm

from dlnet.losses import LOSSES, StudentOutputs, TeacherTargets, outputs, soft
from dlnet.models import branches
from dlnet.models.network import (
    NetConfig,
    Parameters,
    forward,
    generator,
    horizon_basis,
    initial,
    knot_basis,
    predict,
    shares,
)
from dlnet.train import checkpoint

Curve = list[tuple[int, str, float, float]]


@dataclass(frozen=True)
class TrainPlan:
    """How to train.

    Attributes:
        steps, batch: gradient steps and windows a step. learning_rate: peak of AdamW's, after ``warmup`` steps,
            falling as a cosine to ``floor`` of itself. clip: largest norm of one network's gradient.
        noise: a constant shift of each feature a window, in units of its spread.
        check: steps between validations. patience: validations without gain before a network stops.
        points: cycles ahead in the loss, evenly spread. temperature: of soft targets.
    """

    steps: int
    batch: int = 256
    learning_rate: float = 8e-3
    weight_decay: float = 1e-4
    warmup: int = 60
    floor: float = 0.02
    clip: float = 1.0
    noise: float = 0.15
    check: int = 250
    patience: int = 6
    points: int = 20
    temperature: float = soft.TEMPERATURE


@dataclass(frozen=True)
class TrainingData:
    """Windows of one cell split, encoded; changes are relative to the anchor in units of ``delta_scale``.

    Attributes:
        z: (N, T, C) training windows, labelled ones first. change: (N, horizon), NaN where unlabelled.
        labelled: how many of them have labels. features: channels that noise is added to.
        validation_z, validation_change: (V, T, C), (V, horizon).
        delta_scale: SoH per unit.
        teacher: (N, horizon) the teacher's output, if any. What else it hands on, where it is asked for:
        spread: (N, horizon) standard deviation over its members. hint: (N, T, k) its hidden path, standardised.
        attention: (N, T) mean square of its states.
    """

    z: Tensor
    change: Tensor
    labelled: int
    features: slice
    validation_z: Tensor
    validation_change: Tensor
    delta_scale: float
    teacher: Tensor | None = None
    spread: Tensor | None = None
    hint: Tensor | None = None
    attention: Tensor | None = None


@dataclass(frozen=True)
class Job:
    """One network of a stack.

    Attributes:
        name: unique. seed: of its weights and batches. loss: ``labels`` or a name in ``LOSSES``.
        alpha: weight of the labels. training_data: index of its data.
        start: weights to begin from, in place of random ones (no stack axis).
        mask: 1 where a weight may be non-zero, by parameter name (no stack axis).
    """

    name: str
    seed: int
    loss: str = "labels"
    alpha: float = 1.0
    training_data: int = 0
    start: Parameters | None = None
    mask: Parameters | None = None


@dataclass
class Trained:
    """A trained network: ``parameters`` without the stack axis, at the step with the least validation error."""

    job: Job
    parameters: Parameters
    mae_validation: float
    steps: int
    curve: Curve = field(default_factory=list)


@dataclass
class State:
    """All that changes while a stack trains, so that it can be saved and taken up again.

    ``parameters`` and their moments (AdamW's running means of the gradient and of its square) are of the ``live``
    networks, ``best`` and all else of all.
    """

    live: list[int]
    parameters: Parameters
    mean: Parameters
    square: Parameters
    best: Parameters
    best_error: list[float]
    best_step: list[int]
    stale: list[int]
    streams: list[torch.Generator]
    step: int = 0
    curve: Curve = field(default_factory=list)


def train(
    config: NetConfig,
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
        config: the shape they share. training_sets: data the jobs point at. plan: how.
        resume: file that holds the state after each validation; if it exists, training goes on from it.
        title, position: of the progress bar.

    Returns:
        One result a job, in order.
    """
    state = _begin(config, jobs, training_sets)
    if resume is not None and resume.exists():
        checkpoint.restore(resume, state)
    ahead = loss_points(config.horizon, plan.points)
    seen = [_at(training_data, ahead) for training_data in training_sets]
    basis, full = knot_basis(config.knots, ahead), horizon_basis(config)
    bar = tqdm(total=plan.steps, initial=state.step, desc=title, position=position, unit="step", leave=False)
    running: list[Tensor] = []
    while state.step < plan.steps and state.live:
        running.append(_step(state, config, jobs, seen, plan, basis))
        bar.update()
        if state.step % plan.check == 0 or state.step == plan.steps:
            _check(state, config, jobs, training_sets, plan, full, torch.stack(running).mean(0))
            running.clear()
            if resume is not None:
                checkpoint.save(resume, state)
    bar.close()
    return [_result(state, jobs, i) for i in range(len(jobs))]


def loss_points(horizon: int, points: int) -> np.ndarray:
    """Cycles ahead that the loss looks at: the middles of ``points`` equal parts of the horizon."""
    return np.unique(np.ceil((np.arange(points) + 0.5) * horizon / points).astype(int))


def _at(training_data: TrainingData, ahead: np.ndarray) -> TrainingData:
    """The training_data with targets at the cycles ``ahead`` alone."""
    columns = torch.as_tensor(ahead - 1)
    teacher = None if training_data.teacher is None else training_data.teacher[:, columns]
    spread = None if training_data.spread is None else training_data.spread[:, columns]
    return replace(training_data, change=training_data.change[:, columns], teacher=teacher, spread=spread)


def _begin(config: NetConfig, jobs: Sequence[Job], training_sets: Sequence[TrainingData]) -> State:
    parameters = initial(config, [job.seed for job in jobs])
    for m, job in enumerate(jobs):
        for name, value in (job.start or {}).items():
            parameters[name][m] = value
    projected = [
        training_sets[job.training_data].hint for job in jobs if job.loss in LOSSES and LOSSES[job.loss].projected
    ]
    hint = projected[0] if projected else None
    if hint is not None:
        shape = (config.hidden, hint.shape[2])
        draws = [torch.randn(shape, generator=generator(job.seed + 1)) for job in jobs]
        parameters["projection"] = torch.stack(draws) / math.sqrt(config.hidden)
    for value in parameters.values():
        value.requires_grad_(True)
    count = len(jobs)
    return State(
        live=list(range(count)),
        parameters=parameters,
        mean={name: torch.zeros_like(value) for name, value in parameters.items()},
        square={name: torch.zeros_like(value) for name, value in parameters.items()},
        best={name: value.detach().clone() for name, value in parameters.items()},
        best_error=[math.inf] * count,
        best_step=[0] * count,
        stale=[0] * count,
        streams=[generator(7919 + job.seed) for job in jobs],
    )


def _draw(
    state: State, jobs: Sequence[Job], training_sets: Sequence[TrainingData], plan: TrainPlan
) -> tuple[Tensor, Tensor]:
    """Windows for each live network from its own stream: (rows of its data (M, B), z (M, B, T, C) with noise)."""
    used = [training_sets[jobs[m].training_data] for m in state.live]
    rows, noise = [], []
    for m, training_data in zip(state.live, used, strict=True):
        pool = training_data.labelled if jobs[m].loss == "labels" else len(training_data.z)
        rows.append(torch.randint(pool, (plan.batch,), generator=state.streams[m]))
        width = training_data.features.stop - training_data.features.start
        noise.append(torch.randn(plan.batch, 1, width, generator=state.streams[m]))
    picked = torch.stack(rows)
    z = _pick([training_data.z for training_data in used], picked)
    for seen, training_data, moved in zip(z, used, noise, strict=True):
        seen[..., training_data.features] += plan.noise * moved
    return picked, z


def _pick(sources: Sequence[Tensor | None], rows: Tensor) -> Tensor:
    """Rows of each network's own source, (M, B) -> (M, B, ...); in one piece where the source is the same."""
    known = [source for source in sources if source is not None]
    if all(source is known[0] for source in known):
        return known[0].index_select(0, rows.flatten()).reshape(*rows.shape, *known[0].shape[1:])
    return torch.stack([source[some] for source, some in zip(known, rows, strict=True)])


def _step(
    state: State,
    config: NetConfig,
    jobs: Sequence[Job],
    training_sets: Sequence[TrainingData],
    plan: TrainPlan,
    basis: Tensor,
) -> Tensor:
    """One gradient step of all live networks; returns their losses, NaN for those that have stopped."""
    rows, z = _draw(state, jobs, training_sets, plan)
    output, path = forward(state.parameters, z, basis, config)
    loss = _loss(state, jobs, training_sets, rows, output, path, plan.temperature)
    if config.branches > 1:
        loss = loss + branches.penalty(shares(state.parameters, path[-1], z, config))
    gradients = torch.autograd.grad(loss.sum(), list(state.parameters.values()), allow_unused=True)
    # In one piece each: the fused kernel of AdamW reads gradients in the order of memory.
    known = {name: g.contiguous() for name, g in zip(state.parameters, gradients, strict=True) if g is not None}
    with torch.no_grad():
        _clip(list(known.values()), plan.clip)
        _update(state, known, plan)
        _mask(state, jobs)
    state.step += 1
    everyone = torch.full((len(jobs),), math.nan)
    everyone[state.live] = loss.detach()
    return everyone


def _loss(
    state: State,
    jobs: Sequence[Job],
    training_sets: Sequence[TrainingData],
    rows: Tensor,
    output: Tensor,
    path: list[Tensor],
    temperature: float,
) -> Tensor:
    """(M,) loss of each live network: alpha times labels' and the rest the teacher's."""
    used = [training_sets[jobs[m].training_data] for m in state.live]
    alpha = torch.tensor([jobs[m].alpha if jobs[m].loss != "labels" else 1.0 for m in state.live])
    total = alpha * outputs.l1(output, _pick([training_data.change for training_data in used], rows))
    for kind in sorted({jobs[m].loss for m in state.live} - {"labels"}):
        places = [i for i, m in enumerate(state.live) if jobs[m].loss == kind]
        at = torch.tensor(places)
        knowledge = LOSSES[kind]
        projection = state.parameters["projection"][at] if knowledge.projected else torch.empty(0)
        said = StudentOutputs(output[at], [h[at] for h in path], projection)
        told = _told([used[i] for i in places], rows[at], ("teacher", *knowledge.needs), temperature)
        total = total.index_add(0, at, (1 - alpha[at]) * knowledge.loss(said, told))
    return total


def _told(used: Sequence[TrainingData], rows: Tensor, needed: Sequence[str], temperature: float) -> TeacherTargets:
    """What the teachers of some networks say of their windows, ``needed`` of it."""
    empty = dict.fromkeys(("teacher", "spread", "hint", "attention"), torch.empty(0))
    parts = empty | {name: _pick([getattr(training_data, name) for training_data in used], rows) for name in needed}
    return TeacherTargets(**parts, temperature=temperature)


def _clip(gradients: Sequence[Tensor], largest: float) -> None:
    """Clip the gradient norm of each network on its own."""
    norms = torch.stack([(gradient**2).sum((1, 2)) for gradient in gradients]).sum(0).sqrt()
    factor = (largest / (norms + 1e-6)).clamp(max=1)[:, None, None]
    for gradient in gradients:
        gradient.mul_(factor)


def _update(state: State, gradients: Parameters, plan: TrainPlan) -> None:
    """A step of AdamW; the rate rises over ``warmup`` steps and falls as a cosine."""
    rise = min(1.0, (state.step + 1) / plan.warmup)
    fall = plan.floor + (1 - plan.floor) * 0.5 * (1 + math.cos(math.pi * state.step / plan.steps))
    adamw(
        [state.parameters[name] for name in gradients],
        list(gradients.values()),
        [state.mean[name] for name in gradients],
        [state.square[name] for name in gradients],
        max_exp_avg_sqs=[],
        state_steps=[torch.tensor(float(state.step)) for _ in gradients],
        fused=True,
        amsgrad=False,
        beta1=0.9,
        beta2=0.999,
        eps=1e-8,
        lr=plan.learning_rate * rise * fall,
        weight_decay=plan.weight_decay,
        maximize=False,
    )


def _mask(state: State, jobs: Sequence[Job]) -> None:
    for i, m in enumerate(state.live):
        for name, keep in (jobs[m].mask or {}).items():
            state.parameters[name][i] *= keep


@torch.no_grad()
def _check(
    state: State,
    config: NetConfig,
    jobs: Sequence[Job],
    training_sets: Sequence[TrainingData],
    plan: TrainPlan,
    full: Tensor,
    loss: Tensor,
) -> None:
    """Validate all live networks, keep the best weights of each, and drop those that have stopped gaining."""
    going = []
    for fold_index in sorted({jobs[m].training_data for m in state.live}):
        training_data = training_sets[fold_index]
        at = [i for i, m in enumerate(state.live) if jobs[m].training_data == fold_index]
        chosen = {name: value[at] for name, value in state.parameters.items()}
        gap = predict(chosen, training_data.validation_z, config, full) - training_data.validation_change
        for i, error in zip(at, (gap.abs().mean((1, 2)) * training_data.delta_scale).tolist(), strict=True):
            m = state.live[i]
            state.curve.append((state.step, jobs[m].name, float(loss[m]), error))
            state.stale[m] += 1
            if error < state.best_error[m]:
                state.best_error[m], state.best_step[m], state.stale[m] = error, state.step, 0
                for name, value in state.parameters.items():
                    state.best[name][m] = value[i]
            if state.stale[m] < plan.patience:
                going.append(i)
    if len(going) < len(state.live):
        _keep(state, sorted(going))


def _keep(state: State, kept: list[int]) -> None:
    """Go on with a part of the stack: weights and AdamW's moments are cut alike."""
    for group in (state.parameters, state.mean, state.square):
        group.update({name: value.detach()[kept] for name, value in group.items()})
    for value in state.parameters.values():
        value.requires_grad_(True)
    state.live = [state.live[i] for i in kept]


def _result(state: State, jobs: Sequence[Job], m: int) -> Trained:
    parameters = {name: value[m].clone() for name, value in state.best.items() if name != "projection"}
    curve = [point for point in state.curve if point[1] == jobs[m].name]
    return Trained(jobs[m], parameters, state.best_error[m], state.best_step[m], curve)


def curves(results: Sequence[Trained]) -> pd.DataFrame:
    """Learning curves as a table: name, step, loss, mae_validation."""
    rows = [(name, step, loss, error) for one in results for step, name, loss, error in one.curve]
    return pd.DataFrame(rows, columns=["name", "step", "loss", "mae_validation"])
