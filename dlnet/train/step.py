"""One gradient step of a stack: windows, loss, gradients, AdamW."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adamw import adamw  # the function: the class would load torch's compiler, seconds a process

from dlnet.losses import LOSSES, StudentOutputs, TeacherTargets
from dlnet.losses.outputs import l1
from dlnet.models.architectures import Config, forward, penalty
from dlnet.models.head import Parameters
from dlnet.train.data import TrainingData
from dlnet.train.job import LABELS, Job
from dlnet.train.plan import TrainPlan
from dlnet.train.state import State


def take_step(
    state: State,
    config: Config,
    jobs: Sequence[Job],
    training_sets: Sequence[TrainingData],
    plan: TrainPlan,
    basis: Tensor,
) -> Tensor:
    """One gradient step of all live networks.

    Args:
        training_sets: with targets at the P rows of the loss. basis: (knots, P) at those rows.

    Returns:
        (jobs,) losses before the step, NaN for networks that have stopped.
    """
    live = [jobs[m] for m in state.live]
    data = [training_sets[job.training_set] for job in live]
    rows, z = _draw([state.streams[m] for m in state.live], live, data, plan)
    output, path = forward(state.parameters, z, basis, config)
    student = StudentOutputs(output, path, state.parameters.get("projection", torch.empty(0)))
    loss = _loss(live, data, rows, student, plan.temperature)
    more = penalty(state.parameters, path, z, config)
    if more is not None:
        loss = loss + more
    gradients = torch.autograd.grad(loss.sum(), list(state.parameters.values()), allow_unused=True)
    # Contiguous, because the fused kernel of AdamW reads gradients in the order of memory.
    known = {name: g.contiguous() for name, g in zip(state.parameters, gradients, strict=True) if g is not None}
    with torch.no_grad():
        _clip(list(known.values()), plan.clip)
        _update(state, known, plan)
        _mask(state.parameters, live)
    state.step += 1
    losses = torch.full((len(jobs),), math.nan)
    losses[state.live] = loss.detach()
    return losses


def _draw(
    streams: Sequence[torch.Generator], live: Sequence[Job], data: Sequence[TrainingData], plan: TrainPlan
) -> tuple[Tensor, Tensor]:
    """Windows for each network from its own stream: (rows of its data (M, B), z (M, B, T, C) with noise).

    Where a network of the stack sees synthetic windows, B is twice the batch: as many of them follow the measured
    ones. Networks of the same stack that do not see them get their measured windows twice, so that their loss is the
    same as without.
    """
    both = any(_sees_synthetic(job, own) for job, own in zip(live, data, strict=True))
    rows, noise = [], []
    for stream, job, own in zip(streams, live, data, strict=True):
        pool = own.labelled if job.loss == LABELS else own.measured
        chosen = _sample(own, pool, plan.batch, stream)
        width = own.features.stop - own.features.start
        shift = torch.randn(plan.batch, 1, width, generator=stream)
        shift *= plan.noise if job.noise is None else job.noise
        if _sees_synthetic(job, own):
            made = own.measured + torch.randint(own.synthetic, (plan.batch,), generator=stream)
            # Their features are shifted already, and the teacher's forecast is that of the shifted window.
            chosen, shift = torch.cat([chosen, made]), torch.cat([shift, torch.zeros_like(shift)])
        elif both:
            chosen, shift = torch.cat([chosen, chosen]), torch.cat([shift, shift])
        rows.append(chosen)
        noise.append(shift)
    picked = torch.stack(rows)
    z = _pick([own.z for own in data], picked)
    for windows, own, shift in zip(z, data, noise, strict=True):
        windows[..., own.features] += shift
    return picked, z


def _sample(data: TrainingData, pool: int, count: int, stream: torch.Generator) -> Tensor:
    """``count`` of the first ``pool`` windows, each drawn as often as its weight says."""
    if data.weights is None:
        return torch.randint(pool, (count,), generator=stream)
    upto = data.weights[:pool].cumsum(0)
    drawn = torch.rand(count, generator=stream, dtype=upto.dtype) * upto[-1]
    return torch.searchsorted(upto, drawn, right=True).clamp_(max=pool - 1)


def _sees_synthetic(job: Job, data: TrainingData) -> bool:
    """Whether a network is trained on synthetic windows: only one with a teacher, which labels them."""
    return job.loss != LABELS and data.synthetic > 0


def _pick(sources: Sequence[Tensor | None], rows: Tensor) -> Tensor:
    """Rows of each network's source, (M, B) -> (M, B, ...); one indexing operation if the source is the same."""
    known = [source for source in sources if source is not None]
    if all(source is known[0] for source in known):
        return known[0].index_select(0, rows.flatten()).reshape(*rows.shape, *known[0].shape[1:])
    return torch.stack([source[chosen] for source, chosen in zip(known, rows, strict=True)])


def _loss(
    live: Sequence[Job], data: Sequence[TrainingData], rows: Tensor, student: StudentOutputs, temperature: float
) -> Tensor:
    """(M,) loss of each network: alpha times that of labels, and (1 - alpha) times that of the teacher."""
    alpha = torch.tensor([job.alpha if job.loss != LABELS else 1.0 for job in live])
    total = alpha * l1(student.output, _pick([own.change for own in data], rows))
    for name in sorted({job.loss for job in live} - {LABELS}):
        chosen = [i for i, job in enumerate(live) if job.loss == name]
        at, teacher_loss = torch.tensor(chosen), LOSSES[name]
        projection = student.projection[at] if teacher_loss.projected else torch.empty(0)
        part = StudentOutputs(student.output[at], [h[at] for h in student.path], projection)
        targets = _targets([data[i] for i in chosen], rows[at], ("teacher", *teacher_loss.needs), temperature)
        total = total.index_add(0, at, (1 - alpha[at]) * teacher_loss.loss(part, targets))
    return total


def _targets(data: Sequence[TrainingData], rows: Tensor, needed: Sequence[str], temperature: float) -> TeacherTargets:
    """The outputs ``needed`` of the teachers of some networks for their windows."""
    empty = dict.fromkeys(("teacher", "spread", "hint", "attention"), torch.empty(0))
    parts = empty | {name: _pick([getattr(own, name) for own in data], rows) for name in needed}
    return TeacherTargets(**parts, temperature=temperature)


def _clip(gradients: Sequence[Tensor], largest: float) -> None:
    """Clip the gradient norm of each network on its own."""
    norms = torch.stack([(gradient**2).sum((1, 2)) for gradient in gradients]).sum(0).sqrt()
    factor = (largest / (norms + 1e-6)).clamp(max=1)[:, None, None]
    for gradient in gradients:
        gradient.mul_(factor)


def _update(state: State, gradients: Parameters, plan: TrainPlan) -> None:
    """A step of AdamW."""
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
        lr=plan.learning_rate_at(state.step),
        weight_decay=plan.weight_decay,
        maximize=False,
    )


def _mask(parameters: Parameters, live: Sequence[Job]) -> None:
    for i, job in enumerate(live):
        for name, mask in (job.mask or {}).items():
            parameters[name][i] *= mask
