"""The head of every network: monotone knots, read out as a change of health at each row ahead.

The head predicts how far health falls between knots of the horizon (softplus increments, so the forecast never
rises); on a track without the target one more output sets the level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dlnet.models.skips import slope_lags

Parameters = dict[str, Tensor]

SKIPS = ("none", "slopes", "last")
LEVEL_UNIT = 2.5  # a unit of the level output in units of a knot: assets differ more in level than they fade


class HeadConfig(Protocol):
    """The part of a network's configuration that describes its head.

    Attributes:
        hidden: neurons n. channels: width of an encoded step C. steps: T.
        skip: what the head sees beside the state: ``slopes`` (differences of channel 0), ``last`` (last step, and last
            minus first) or ``none``.
        knots: rows ahead that are predicted. horizon: last of them.
        level: whether one more output sets the level (a track that does not see the target).
    """

    @property
    def hidden(self) -> int: ...  # noqa: D102
    @property
    def channels(self) -> int: ...  # noqa: D102
    @property
    def steps(self) -> int: ...  # noqa: D102
    @property
    def skip(self) -> str: ...  # noqa: D102
    @property
    def knots(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def horizon(self) -> int: ...  # noqa: D102
    @property
    def level(self) -> bool: ...  # noqa: D102


def skip_width(config: HeadConfig) -> int:
    """Values that bypass the cell."""
    return {"none": 0, "slopes": len(slope_lags(config.steps)), "last": 2 * config.channels}[config.skip]


def output_count(config: HeadConfig) -> int:
    """Outputs of the head: one a knot, and the level where there is one."""
    return len(config.knots) + config.level


def initial_head(config: HeadConfig, source: torch.Generator, branches: int = 1) -> Parameters:
    """Random ``wo`` (n + skip, branches outputs) and ``bo`` (1, branches outputs) of one network."""
    n, outputs = config.hidden, output_count(config)
    wo = torch.zeros(n + skip_width(config), branches * outputs)
    bo = torch.full((1, branches * outputs), -2.0)
    wo[:n] = torch.randn(n, branches * outputs, generator=source) * 0.3 / math.sqrt(n)
    if config.level:
        wo[:, outputs - 1 :: outputs] = 0.0
        bo[:, outputs - 1 :: outputs] = 0.0
    return {"wo": wo, "bo": bo}


def skip_values(z: Tensor, config: HeadConfig) -> Tensor:
    """Inputs of the head that bypass the cell: z (M, B, T, C) -> (M, B, skip_width)."""
    last, first = z[:, :, -1], z[:, :, 0]
    if config.skip == "last":
        return torch.cat([last, last - first], dim=2)
    if config.skip == "slopes":
        return torch.stack([last[..., 0] - z[:, :, -1 - lag, 0] for lag in slope_lags(config.steps)], dim=2)
    return z[:, :, -1, :0]


def affine(matrix: Tensor, bias: Tensor, seen: Tensor) -> Tensor:
    """Matrix (M, inputs, rows) and bias (M, 1, rows) applied to ``seen`` (M, inputs, B) -> (M, B, rows)."""
    return torch.baddbmm(bias.mT, matrix.mT, seen).mT


def readout(outputs: Tensor, basis: Tensor, config: HeadConfig) -> Tensor:
    """Change of health relative to the anchor, in units of the encoder's ``delta_scale``: (..., outputs) -> (..., P).

    ``basis`` is (knots, P), see ``knot_basis``.
    """
    knots = len(config.knots)
    change = -torch.cumsum(functional.softplus(outputs[..., :knots]), dim=-1) @ basis
    if config.level:
        change = change + outputs[..., knots:] * LEVEL_UNIT
    return change


def knot_basis(knots: Sequence[int], ahead: np.ndarray) -> Tensor:
    """(knots, P): row k is the hat function of knot k at the rows ``ahead``; row 0 is the anchor, always 0."""
    corners = np.concatenate([[0], knots])
    rows = [np.interp(ahead, corners, np.eye(len(corners))[k + 1]) for k in range(len(knots))]
    return torch.tensor(np.array(rows), dtype=torch.float32)


def horizon_basis(config: HeadConfig) -> Tensor:
    """``knot_basis`` at every row of the horizon."""
    return knot_basis(config.knots, np.arange(1, config.horizon + 1))
