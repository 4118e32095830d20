"""A liquid network: cell, solver and a head of monotone knots; M of them stacked."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from dlnet.errors import ModelError
from dlnet.models import branches, factors, quantised
from dlnet.models.cells import CELLS
from dlnet.models.head import SKIPS, Parameters, affine, initial_head, output_count, readout, skip_values, skip_width
from dlnet.models.solvers import SOLVERS


@dataclass(frozen=True)
class NetConfig:
    """Shape and kind of a network.

    Attributes:
        cell: a name in ``CELLS``. solver: a name in ``SOLVERS``. substeps: solver steps per input step.
        hidden: neurons n. channels: width of an encoded step C. steps: T.
        skip: what the head sees beside the state: ``slopes`` (differences of channel 0), ``last`` (last step, and last
            minus first) or ``none``.
        knots: rows ahead that are predicted. horizon: last of them.
        level: whether one more output sets the level (a track that does not see the target).
        branches: heads, of which a gate picks one a window; 1: no gate.
        rank: of the cell's matrices [wx; wh] together, as two factors; 0: full.
        bits: of a weight while training (see ``quantised``); 0: float.
    """

    cell: str
    solver: str
    substeps: int
    hidden: int
    channels: int
    steps: int
    skip: str
    knots: tuple[int, ...]
    horizon: int
    level: bool
    branches: int = 1
    rank: int = 0
    bits: Literal[0, 4, 8] = 0

    def __post_init__(self) -> None:
        known: dict[str, Collection[str]] = {"cell": CELLS, "solver": SOLVERS, "skip": SKIPS}
        for field, names in known.items():
            if getattr(self, field) not in names:
                raise ModelError(f"{field} is {getattr(self, field)!r}; known: {', '.join(sorted(names))}")
        if self.bits and (self.solver != "euler" or self.cell not in quantised.CELLS):
            raise ModelError(f"bits is {self.bits}, but {self.cell} under {self.solver} has no integer form")

    @property
    def skip_width(self) -> int:
        """Values that bypass the cell."""
        return skip_width(self)

    @property
    def outputs(self) -> int:
        """Outputs of the head: one a knot, and the level where there is one."""
        return output_count(self)


def generator(seed: int) -> torch.Generator:
    """A random stream for each model, so that a model trains alone as it does in a stack."""
    return torch.Generator().manual_seed(seed)


def initial(config: NetConfig, seeds: Sequence[int]) -> Parameters:
    """Random parameters of ``len(seeds)`` stacked networks; the recurrent matrix starts orthogonal (gain 0.8)."""
    single = [_initial_one(config, generator(seed)) for seed in seeds]
    return {name: torch.stack([parameters[name] for parameters in single]) for name in single[0]}


def _initial_one(config: NetConfig, source: torch.Generator) -> Parameters:
    n, cell = config.hidden, CELLS[config.cell]
    width = cell.gates * n

    def uniform(rows: int, columns: int, span: float) -> Tensor:
        return (torch.rand(rows, columns, generator=source) * 2 - 1) * span

    fan = 1 / math.sqrt(config.channels)
    square, _ = torch.linalg.qr(torch.randn(width, n, generator=source))
    parameters = {
        "wx": uniform(config.channels, width, fan),
        "b": uniform(1, width, fan),
        "wh": 0.8 * square.T.contiguous(),
        "leak": uniform(1, n, 1.5) + cell.leak_start,
        **initial_head(config, source, config.branches),
    }
    if cell.reversals == 1:
        parameters["a"] = uniform(1, n, 1.0)
    elif cell.reversals == 2:
        parameters["a"] = torch.cat([torch.ones(1, n), -torch.ones(1, n)], dim=1)
    if config.branches > 1:
        parameters["wg"] = uniform(config.channels + n, config.branches, 1 / math.sqrt(n))
        parameters["bg"] = torch.zeros(1, config.branches)
    return factors.split(parameters, config.rank) if config.rank else parameters


def hidden_path(parameters: Parameters, z: Tensor, config: NetConfig) -> list[Tensor]:
    """States after each step: z (M, B, T, C) -> T tensors (M, n, B)."""
    if config.bits:
        fitting = factors.balanced(parameters)
        return quantised.hidden_path(fitting, z, config.cell, config.substeps, config.bits)
    parameters = factors.multiply(parameters)
    cell, solve = CELLS[config.cell], SOLVERS[config.solver]
    models, batch, steps, channels = z.shape
    leak = functional.softplus(parameters["leak"]).clamp(max=1).mT
    reversal = parameters["a"].mT if cell.reversals else leak[:, :0]
    recurrent = parameters["wh"].mT
    columns = z.transpose(1, 2).reshape(models, steps * batch, channels).mT
    inputs = torch.baddbmm(parameters["b"].mT, parameters["wx"].mT, columns)
    h, path = z.new_zeros(models, config.hidden, batch), []
    for x in inputs.reshape(models, -1, steps, batch).unbind(2):

        def field(state: Tensor, x: Tensor = x) -> tuple[Tensor, Tensor]:
            return cell.terms(torch.baddbmm(x, recurrent, state), leak, reversal)

        for _ in range(config.substeps):
            h = solve(field, h, 1 / config.substeps)
        path.append(h)
    return path


def head(parameters: Parameters, h: Tensor, z: Tensor, config: NetConfig, hard: bool = False) -> Tensor:
    """Outputs before the readout: h (M, n, B) -> (M, B, outputs).

    Branches are mixed by their shares, or with ``hard`` only the one with the largest score is used, as on a device.
    """
    seen = torch.cat([h, skip_values(z, config).mT], dim=1)
    if config.bits:
        every = quantised.affine(parameters["wo"], parameters["bo"], seen, config.bits).mT
    else:
        every = affine(parameters["wo"], parameters["bo"], seen)
    if config.branches == 1:
        return every
    gate = scores(parameters, h, z, config)
    return branches.pick(every, gate) if hard else branches.mix(every, torch.softmax(gate, dim=2))


def scores(parameters: Parameters, h: Tensor, z: Tensor, config: NetConfig) -> Tensor:
    """Score of each branch from the gate: h (M, n, B) last states, z (M, B, T, C) -> (M, B, branches).

    With ``bits`` they are the engine's codes, so that scores with the same code are equal.
    """
    seen = torch.cat([z[:, :, -1].mT, h], dim=1)
    if config.bits:
        return quantised.affine(parameters["wg"], parameters["bg"], seen, config.bits).mT
    return affine(parameters["wg"], parameters["bg"], seen)


def shares(parameters: Parameters, h: Tensor, z: Tensor, config: NetConfig) -> Tensor:
    """Shares of the branches, softmax of ``scores``: -> (M, B, branches), sum 1."""
    return torch.softmax(scores(parameters, h, z, config), dim=2)


def forward(
    parameters: Parameters, z: Tensor, basis: Tensor, config: NetConfig, hard: bool = False
) -> tuple[Tensor, list[Tensor]]:
    """z (M, B, T, C) -> (change of health (M, B, P) in ``delta_scale``, hidden path); ``hard`` see ``head``."""
    if config.bits:
        z = quantised.inputs(z)
    path = hidden_path(parameters, z, config)
    return readout(head(parameters, path[-1], z, config, hard), basis, config), path


def branch_penalty(parameters: Parameters, path: list[Tensor], z: Tensor, config: NetConfig) -> Tensor | None:
    """(M,) the term added to the loss of networks with branches: path of T tensors (M, n, B), z (M, B, T, C)."""
    if config.branches == 1:
        return None
    return branches.penalty(shares(parameters, path[-1], z, config))


def as_on_device(config: NetConfig) -> NetConfig:
    """The same network with the rounding of the engine, in 8 bits unless it was trained in others."""
    return replace(config, bits=config.bits or 8)


def branch_usage(parameters: Parameters, z: Tensor, config: NetConfig, batch: int = 1024) -> Tensor:
    """Share of the windows z (N, T, C) that each gate of M networks assigns to each branch: (M, branches), float64.

    With ``config.bits`` the gate is that of a device; see ``as_on_device``.
    """
    models = len(parameters["b"])
    if config.branches == 1:
        return torch.ones(models, 1, dtype=torch.float64)
    parts = []
    with torch.no_grad():
        for part in torch.split(z, batch):
            seen = (quantised.inputs(part) if config.bits else part).expand(models, *part.shape)
            parts.append(scores(parameters, hidden_path(parameters, seen, config)[-1], seen, config))
    return branches.usage(torch.cat(parts, dim=1))
