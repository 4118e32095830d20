"""The cell's matrix as a product of two thin ones (Denton et al. 2014): [wx; wh] = u v.

Both parts share ``v``: a device computes ``rank`` values at each step, and from them the gates.
"""

from __future__ import annotations

import torch
from torch import Tensor

Parameters = dict[str, Tensor]


def split(parameters: Parameters, rank: int) -> Parameters:
    """Replace ``wx`` (C, G) and ``wh`` (n, G) by ``ux`` (C, r), ``uh`` (n, r) and ``v`` (r, G), the nearest in L2.

    Truncated singular value decomposition (Eckart and Young 1936); the singular values go half to each side.
    A leading stack axis may stand before each.
    """
    channels = parameters["wx"].shape[-2]
    left, values, right = torch.linalg.svd(torch.cat([parameters["wx"], parameters["wh"]], dim=-2), full_matrices=False)
    root = values[..., :rank].sqrt()
    u, v = left[..., :rank] * root[..., None, :], root[..., :, None] * right[..., :rank, :]
    rest = {name: value for name, value in parameters.items() if name not in ("wx", "wh")}
    return rest | {"ux": u[..., :channels, :].clone(), "uh": u[..., channels:, :].clone(), "v": v.clone()}


def multiply(parameters: Parameters) -> Parameters:
    """Replace the factors by their products ``wx`` and ``wh``; without factors nothing changes."""
    if "v" not in parameters:
        return parameters
    rest = {name: value for name, value in parameters.items() if name not in ("ux", "uh", "v")}
    return rest | {"wx": parameters["ux"] @ parameters["v"], "wh": parameters["uh"] @ parameters["v"]}


def balanced(parameters: Parameters) -> Parameters:
    """The same product, with each of the ``rank`` values of a step within ±8, the range of the engine's 2^-12 int16.

    Column j of ``ux`` and ``uh`` is divided, and row j of ``v`` multiplied, by
    c_j = max(1, (8 sum |ux[:, j]| + sum |uh[:, j]|) / 8): inputs lie within ±8 and states within ±1, so this is the
    least divisor >= 1 that is safe for all of them. Gradients treat it as a constant. A leading stack axis may stand
    before each; without factors nothing changes.
    """
    if "v" not in parameters:
        return parameters
    ux, uh, v = parameters["ux"], parameters["uh"], parameters["v"]
    largest = 8 * ux.detach().abs().sum(dim=-2, keepdim=True) + uh.detach().abs().sum(dim=-2, keepdim=True)
    divisor = (largest / 8).clamp(min=1)
    return parameters | {"ux": ux / divisor, "uh": uh / divisor, "v": v * divisor.mT}
