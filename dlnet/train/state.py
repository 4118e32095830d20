"""The state of the training of a stack."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from dlnet.losses import LOSSES
from dlnet.models.architectures import Config, initial
from dlnet.models.head import Parameters
from dlnet.models.network import generator
from dlnet.train.data import TrainingData
from dlnet.train.job import LABELS, Curve, Job, Trained


@dataclass
class State:
    """The state of the training of a stack, which can be saved and resumed.

    ``parameters`` and their moments (AdamW's running means of the gradient and of its square) are of the ``live``
    networks, ``best`` and the lists are of all networks.
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


def begin(config: Config, jobs: Sequence[Job], training_sets: Sequence[TrainingData]) -> State:
    """The state before the first step."""
    parameters = _first_parameters(config, jobs, training_sets)
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


def _first_parameters(config: Config, jobs: Sequence[Job], training_sets: Sequence[TrainingData]) -> Parameters:
    """Random weights, or those of ``Job.start``; a projection (M, n, k) if the loss of a job needs one."""
    parameters = initial(config, [job.seed for job in jobs])
    for m, job in enumerate(jobs):
        for name, value in (job.start or {}).items():
            parameters[name][m] = value
    projected = [job for job in jobs if job.loss != LABELS and LOSSES[job.loss].projected]
    hint = training_sets[projected[0].training_set].hint if projected else None
    if hint is not None:
        shape = (config.hidden, hint.shape[2])
        draws = [torch.randn(shape, generator=generator(job.seed + 1)) for job in jobs]
        parameters["projection"] = torch.stack(draws) / math.sqrt(config.hidden)
    return parameters


def keep(state: State, kept: list[int]) -> None:
    """Keep a part of the live networks: their weights and AdamW's moments."""
    for group in (state.parameters, state.mean, state.square):
        group.update({name: value.detach()[kept] for name, value in group.items()})
    for value in state.parameters.values():
        value.requires_grad_(True)
    state.live = [state.live[i] for i in kept]


def result(state: State, config: Config, jobs: Sequence[Job], m: int) -> Trained:
    """The result of network m."""
    parameters = {name: value[m].clone() for name, value in state.best.items() if name != "projection"}
    curve = [point for point in state.curve if point[1] == jobs[m].name]
    return Trained(jobs[m], config, parameters, state.best_error[m], state.best_step[m], curve)
