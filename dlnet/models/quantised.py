"""The network as a device computes it, in floats that training can follow: quantisation-aware training.

Every value is rounded where the integer engine rounds it (docs/quantisation.md), with the same formats and tables;
gradients pass a rounding as if it were not there (straight-through, Bengio et al. 2013; Jacob et al. 2018).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Parameters = dict[str, Tensor]

CELLS = ("liquid", "ltc")
INPUT_UNIT = 2.0**-12
STATE_UNIT = 2.0**-15
INPUT_RANGE = (-8.0, 8.0 - INPUT_UNIT)
STATE_RANGE = (-1.0, 1.0 - STATE_UNIT)
TABLE_STEP = 1 / 32


def rounded(value: Tensor, unit: float | Tensor) -> Tensor:
    """Nearest multiple of ``unit``, halves up; the gradient passes through."""
    return value + (torch.floor(value / unit + 0.5) * unit - value).detach()


def inputs(z: Tensor) -> Tensor:
    """Encoded inputs as int16 of 2^-12."""
    return rounded(z.clamp(*INPUT_RANGE), INPUT_UNIT)


def weights(matrix: Tensor, bits: int) -> Tensor:
    """Weights (M, inputs, rows) in ``bits`` bits, one scale a row: its largest weight over the largest integer."""
    limit = 2 ** (bits - 1) - 1
    scale = (matrix.detach().abs().amax(dim=1, keepdim=True) / limit).clamp(min=2.0**-24)
    return rounded(matrix, scale)


def affine(matrix: Tensor, bias: Tensor, seen: Tensor, bits: int) -> Tensor:
    """Rows of (M, inputs, rows) on ``seen`` (M, inputs, B): (M, rows, B), int16 of 2^-12."""
    return _code(torch.baddbmm(bias.mT, weights(matrix, bits).mT, _entering(seen)))


def hidden_path(parameters: Parameters, z: Tensor, cell: str, substeps: int, bits: int) -> list[Tensor]:
    """States after each step: z (M, B, T, C), already rounded -> T tensors (M, n, B)."""
    models, batch, steps, channels = z.shape
    together = weights(torch.cat([parameters["wx"], parameters["wh"]], dim=1), bits)
    wx, wh = together[:, :channels].mT, together[:, channels:].mT
    rate = rounded(functional.softplus(parameters["leak"]).clamp(max=1 - STATE_UNIT).mT, STATE_UNIT)
    fixed_aim = rounded(parameters["a"].clamp(*STATE_RANGE).mT, STATE_UNIT) if cell == "ltc" else None
    columns = z.transpose(1, 2).reshape(models, steps * batch, channels).mT
    driven = torch.baddbmm(parameters["b"].mT, wx, columns).reshape(models, -1, steps, batch)
    h, path = z.new_zeros(models, len(rate[0]), batch), []
    for x in driven.unbind(2):
        for _ in range(substeps):
            q = _code(torch.baddbmm(x, wh, _entering(h)))
            if fixed_aim is None:
                gate, aim = q.chunk(2, dim=1)
                aim = _table(torch.tanh, aim)
            else:
                gate, aim = q, fixed_aim
            gate = _table(torch.sigmoid, gate)
            half = 2 * STATE_UNIT
            change = gate * rounded(aim - h, half) - rate * rounded(h, half)
            h = rounded(h + change / substeps, STATE_UNIT).clamp(*STATE_RANGE)
        path.append(h)
    return path


def _entering(seen: Tensor) -> Tensor:
    """As values enter a dot product: states lose three bits, inputs have none to lose."""
    return rounded(seen.clamp(*INPUT_RANGE), INPUT_UNIT)


def _code(value: Tensor) -> Tensor:
    """A preactivation as int16 of 2^-12."""
    return rounded(value, INPUT_UNIT).clamp(*INPUT_RANGE)


def _table(function: Callable[[Tensor], Tensor], code: Tensor) -> Tensor:
    """``function`` as the engine looks it up, a straight line between multiples of 1/32, in units of 2^-15."""
    exact = function(code)
    with torch.no_grad():
        low = torch.floor(code / TABLE_STEP) * TABLE_STEP
        share = (code - low) / TABLE_STEP
        ends = [torch.floor(function(at) / STATE_UNIT + 0.5) * STATE_UNIT for at in (low, low + TABLE_STEP)]
        looked_up = torch.floor((ends[0] + (ends[1] - ends[0]) * share) / STATE_UNIT + 0.5) * STATE_UNIT
    return exact + (looked_up - exact).detach()
