"""Liquid cells as right-hand sides dh/dt = drive - rate * h, for M models stacked side by side.

Every tensor has a leading axis M: a sweep trains its models together in batched products, and a single model is a
stack of one. The batch B stands last: so each gate is one piece of memory, and its sigmoid runs vectorised. ``q`` is
the pre-activation Wx·x + Wh·h + b, of ``gates * n`` rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Terms = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Cell:
    """A kind of cell.

    Attributes:
        gates: pre-activations a neuron.
        reversals: learned reversal potentials a neuron (A in the papers); 0 where A depends on the input.
        terms: (q (M, gates n, B), leak (M, n, 1), reversal (M, reversals n, 1)) -> (drive, rate), each (M, n, B).
        leak_start: centre of the initial raw leak, before softplus.
    """

    gates: int
    reversals: int
    terms: Callable[[Tensor, Tensor, Tensor], Terms]
    leak_start: float


def _ltc(q: Tensor, leak: Tensor, reversal: Tensor) -> Terms:
    """dh/dt = -h/tau + f·(A - h), f = sigmoid(q): one conductance (Hasani et al. 2021, eq. 1)."""
    f = torch.sigmoid(q)
    return f * reversal.clamp(-1, 1), leak + f


def _ltc2(q: Tensor, leak: Tensor, reversal: Tensor) -> Terms:
    """Excitatory and inhibitory conductance: dh/dt = -h/tau + p·(A+ - h)/2 + m·(A- - h)/2."""
    p, m = torch.sigmoid(q).chunk(2, dim=1)
    up, down = reversal.clamp(-1, 1).chunk(2, dim=1)
    return 0.5 * (p * up + m * down), leak + 0.5 * (p + m)


def _liquid(q: Tensor, leak: Tensor, reversal: Tensor) -> Terms:
    """Input-dependent reversal potential: dh/dt = -h/tau + g·(a - h), g = sigmoid, a = tanh."""
    g, a = q.chunk(2, dim=1)
    g = torch.sigmoid(g)
    return g * torch.tanh(a), leak + g


CELLS: dict[str, Cell] = {
    "liquid": Cell(gates=2, reversals=0, terms=_liquid, leak_start=-3.5),
    "ltc": Cell(gates=1, reversals=1, terms=_ltc, leak_start=-1.0),
    "ltc2": Cell(gates=2, reversals=2, terms=_ltc2, leak_start=-2.5),
}
