"""The cell's matrix as a product of two thin ones (Denton et al. 2014): [wx; wh] = u v.

Both parts share ``v``, so that a device makes ``rank`` values a step and spreads them to the gates.
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
    """Put the products back: ``wx`` and ``wh`` in place of the factors; without factors nothing changes."""
    if "v" not in parameters:
        return parameters
    rest = {name: value for name, value in parameters.items() if name not in ("ux", "uh", "v")}
    return rest | {"wx": parameters["ux"] @ parameters["v"], "wh": parameters["uh"] @ parameters["v"]}
