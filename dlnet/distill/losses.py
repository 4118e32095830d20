"""What a student is told, each loss a number per stacked model.

A student minimises ``alpha * labels + (1 - alpha) * teacher``, where the teacher's part has a name. Outputs are
changes of SoH in units of the encoder's ``delta_scale``.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

MSE_UNIT = 5.0  # errors are far below one unit; this brings the squared error's gradient to that of L1
HINT_UNIT = 2.0  # a hint has an effect only if its gradient is of the size of the output's


def l1(output: Tensor, wanted: Tensor) -> Tensor:
    """(M, B, P) twice -> (M,) mean absolute error, where ``wanted`` is not NaN."""
    known = ~torch.isnan(wanted)
    gap = torch.where(known, output - torch.nan_to_num(wanted), 0.0).abs()
    return gap.sum((1, 2)) / known.sum((1, 2)).clamp(min=1)


def mse(output: Tensor, wanted: Tensor) -> Tensor:
    """(M, B, P) twice -> (M,) mean squared error, scaled."""
    return MSE_UNIT * ((output - wanted) ** 2).mean((1, 2))


def cosine(output: Tensor, wanted: Tensor) -> Tensor:
    """(M, B, P) twice -> (M,) one minus the cosine between the trajectories; the shape alone counts."""
    return (1 - functional.cosine_similarity(output, wanted, dim=2, eps=1e-3)).mean(1)


def hint(path: list[Tensor], projection: Tensor, wanted: Tensor) -> Tensor:
    """Match the teacher's hidden path through a learned projection (FitNets, Romero et al. 2015, eq. 3).

    Args:
        path: T tensors (M, n, B). projection: (M, n, k). wanted: (M, B, T, k), standardised.

    Returns:
        (M,) mean squared error over the path.
    """
    seen = torch.stack([torch.bmm(projection.mT, h).mT for h in path], dim=2)
    return HINT_UNIT * ((seen - wanted) ** 2).mean((1, 2, 3))


ON_OUTPUT: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "l1": l1,
    "mse": mse,
    "cosine": cosine,
    "hint": l1,
}
LOSSES = ("labels", *ON_OUTPUT)
