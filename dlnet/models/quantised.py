"""Quantisation-aware training: the network as a device computes it, in floats with gradients.

Every value is rounded where the integer engine rounds it (docs/quantisation.md), with the same formats and tables;
gradients ignore the rounding (straight-through estimator, Bengio et al. 2013; Jacob et al. 2018).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

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
    """Encoded inputs as int16 of 2^-12; halves go to the even code, as in the encoder of the firmware."""
    within = z.clamp(*INPUT_RANGE)
    return within + (torch.round(within / INPUT_UNIT) * INPUT_UNIT - within).detach()


def weights(matrix: Tensor, bits: int) -> Tensor:
    """Weights (M, inputs, rows) in ``bits`` bits, one scale a row: its largest weight over the largest integer."""
    return rounded(matrix, _scale(matrix, bits))


def affine(matrix: Tensor, bias: Tensor, seen: Tensor, bits: int) -> Tensor:
    """Rows of (M, inputs, rows) on ``seen`` (M, inputs, B): (M, rows, B), int16 of 2^-12."""
    return _code(torch.baddbmm(_offset(matrix, bias, bits), weights(matrix, bits).mT, _entering(seen)))


def hidden_path(parameters: Parameters, z: Tensor, cell: str, substeps: int, bits: int) -> list[Tensor]:
    """States after each step: z (M, B, T, C), already rounded -> T tensors (M, n, B).

    Factors in place of the cell's matrix must be ``factors.balanced``, or their values leave the range of an int16.
    """
    most = STATE_RANGE[1]
    rate = rounded(functional.softplus(parameters["leak"]).clamp(max=most).mT, STATE_UNIT)
    fixed_reversal = rounded(parameters["a"].clamp(-most, most).mT, STATE_UNIT) if cell == "ltc" else None
    driven, preactivation = _drive(parameters, z, bits)
    h, path = z.new_zeros(len(z), rate.shape[1], z.shape[1]), []
    for x in driven.unbind(2):
        for _ in range(substeps):
            q = preactivation(x, h)
            if fixed_reversal is None:
                gate, reversal = q.chunk(2, dim=1)
                reversal = _tanh(reversal)
            else:
                gate, reversal = q, fixed_reversal
            half = 2 * STATE_UNIT
            change = _sigmoid(gate) * rounded(reversal - h, half) - rate * rounded(h, half)
            h = rounded(h + change / substeps, STATE_UNIT).clamp(*STATE_RANGE)
        path.append(h)
    return path


def _drive(parameters: Parameters, z: Tensor, bits: int) -> tuple[Tensor, Callable[[Tensor, Tensor], Tensor]]:
    """Inputs times the first matrix, (M, rows, T, B); and a function of one step of that and h (M, n, B) -> (M, G, B).

    With factors the first matrix is [ux; uh], and its results are rounded before they are multiplied with ``v``.
    """
    models, batch, steps, channels = z.shape
    low = "v" in parameters
    seen = torch.cat([parameters[name] for name in (("ux", "uh") if low else ("wx", "wh"))], dim=1)
    first, bias = weights(seen, bits), parameters["b"]
    of_inputs, of_states = first[:, :channels].mT, first[:, channels:].mT
    columns = z.transpose(1, 2).reshape(models, steps * batch, channels).mT
    driven = of_inputs @ columns if low else torch.baddbmm(_offset(seen, bias, bits), of_inputs, columns)
    second = (_offset(parameters["v"], bias, bits), weights(parameters["v"], bits).mT) if low else None

    def preactivation(x: Tensor, h: Tensor) -> Tensor:
        code = _code(torch.baddbmm(x, of_states, _entering(h)))
        return code if second is None else _code(torch.baddbmm(*second, code))

    return driven.reshape(models, -1, steps, batch), preactivation


def _scale(matrix: Tensor, bits: int) -> Tensor:
    """(M, 1, rows) unit of the weights of a row; gradients treat it as a constant."""
    limit = 2 ** (bits - 1) - 1
    return (matrix.detach().abs().amax(dim=1, keepdim=True) / limit).clamp(min=2.0**-24)


def _offset(matrix: Tensor, bias: Tensor, bits: int) -> Tensor:
    """A bias (M, 1, rows) as (M, rows, 1), in the unit of its row's products."""
    return rounded(bias, INPUT_UNIT * _scale(matrix, bits)).mT


def _entering(seen: Tensor) -> Tensor:
    """Operands of a dot product: states lose three bits, inputs have 2^-12 already."""
    return rounded(seen.clamp(*INPUT_RANGE), INPUT_UNIT)


def _code(value: Tensor) -> Tensor:
    """A preactivation as int16 of 2^-12."""
    return rounded(value, INPUT_UNIT).clamp(*INPUT_RANGE)


def _sigmoid(code: Tensor) -> Tensor:
    looked_up = _looked_up(_entries(torch.sigmoid), code)
    return _straight_through(torch.sigmoid(code), torch.where(code < 0, 1 - looked_up, looked_up))


def _tanh(code: Tensor) -> Tensor:
    looked_up = _looked_up(_entries(torch.tanh), code)
    return _straight_through(torch.tanh(code), torch.where(code < 0, -looked_up, looked_up))


def _straight_through(exact: Tensor, as_computed: Tensor) -> Tensor:
    return exact + (as_computed - exact).detach()


@cache
def _entries(function: Callable[[Tensor], Tensor]) -> Tensor:
    """The engine's table of a function: its values at 0, 1/32, ..., 8, in units of 2^-15."""
    values = function(torch.arange(257, dtype=torch.float64) * TABLE_STEP)
    return (torch.floor(values / STATE_UNIT + 0.5) * STATE_UNIT).clamp(max=STATE_RANGE[1])


@torch.no_grad()
def _looked_up(entries: Tensor, code: Tensor) -> Tensor:
    """The table at |code|, with a straight line between entries (rounded, halves up)."""
    magnitude = code.abs().clamp(max=INPUT_RANGE[1])
    position = torch.floor(magnitude / TABLE_STEP)
    # A diverged network stays NaN, because ``share`` is NaN.
    share, index = magnitude / TABLE_STEP - position, position.nan_to_num().long()
    low, high = (entries.to(code.dtype)[index + end] for end in (0, 1))
    return torch.floor((low + (high - low) * share) / STATE_UNIT + 0.5) * STATE_UNIT
