"""A gated recurrent unit (Cho et al. 2014) with the head of the liquid networks; M of them stacked.

The recurrence is ``torch.nn.GRU``, which is given the weights of each network of the stack in turn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from dlnet.errors import ModelError
from dlnet.models.head import SKIPS, Parameters, affine, initial_head, output_count, readout, skip_values, skip_width
from dlnet.models.network import generator

GATES = 3


@dataclass(frozen=True)
class GruConfig:
    """Shape of a GRU; its fields are those of ``HeadConfig``, and ``cell`` names it in files."""

    hidden: int
    channels: int
    steps: int
    skip: str
    knots: tuple[int, ...]
    horizon: int
    level: bool
    cell: Literal["gru"] = "gru"

    def __post_init__(self) -> None:
        if self.skip not in SKIPS:
            raise ModelError(f"skip is {self.skip!r}; known: {', '.join(sorted(SKIPS))}")


def parameter_count(config: GruConfig) -> int:
    """Numbers in one network: three gates of input, recurrent and two bias terms; and the head."""
    n = config.hidden
    return GATES * n * (config.channels + n + 2) + (n + skip_width(config) + 1) * output_count(config)


def initial(config: GruConfig, seeds: Sequence[int]) -> Parameters:
    """Random parameters of ``len(seeds)`` stacked networks, drawn as ``torch.nn.GRU`` draws them.

    Biases are (M, 1, 3n), so that every parameter has a stack, a row and a column axis.
    """
    single = [_initial_one(config, generator(seed)) for seed in seeds]
    return {name: torch.stack([parameters[name] for parameters in single]) for name in single[0]}


def _initial_one(config: GruConfig, source: torch.Generator) -> Parameters:
    rows, span = GATES * config.hidden, 1 / math.sqrt(config.hidden)
    shapes = {
        "weight_ih_l0": (rows, config.channels),
        "weight_hh_l0": (rows, config.hidden),
        "bias_ih_l0": (1, rows),
        "bias_hh_l0": (1, rows),
    }
    drawn = {name: (torch.rand(*shape, generator=source) * 2 - 1) * span for name, shape in shapes.items()}
    return drawn | initial_head(config, source)


def forward(
    parameters: Parameters, z: Tensor, basis: Tensor, config: GruConfig, hard: bool = False
) -> tuple[Tensor, list[Tensor]]:
    """z (M, B, T, C) -> (change of health (M, B, P) in units of ``delta_scale``, hidden path of T tensors (M, n, B)).

    ``hard`` changes nothing: a GRU has one head.
    """
    states = torch.stack([_states(parameters, m, windows, config) for m, windows in enumerate(z)])
    path = list(states.permute(2, 0, 3, 1))
    seen = torch.cat([path[-1], skip_values(z, config).mT], dim=1)
    return readout(affine(parameters["wo"], parameters["bo"], seen), basis, config), path


def _states(parameters: Parameters, m: int, z: Tensor, config: GruConfig) -> Tensor:
    """States of network m: z (B, T, C) -> (B, T, n)."""
    layer = _layer(config.channels, config.hidden)
    weights = {name: parameters[name][m].view_as(empty) for name, empty in layer.named_parameters()}
    states: Tensor = functional_call(layer, weights, (z,))[0]
    return states


@cache
def _layer(channels: int, hidden: int) -> nn.GRU:
    """A layer without weights; ``functional_call`` passes them."""
    return nn.GRU(channels, hidden, batch_first=True, device="meta")
