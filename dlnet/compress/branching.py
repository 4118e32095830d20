"""Branch pruning: heads that the gate rarely picks go, and the gate chooses among the rest."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from dlnet.compress.net import Net
from dlnet.models import network


def branch_usage(net: Net, z: Tensor) -> Tensor:
    """(branches,) part of the windows ``z`` (N, T, C) that each branch would speak for."""
    stacked = {name: value[None] for name, value in net.parameters.items()}
    return network.branch_usage(stacked, z, net.config)[0]


def with_branches(net: Net, kept: Tensor) -> Net:
    """The network with the branches ``kept`` (places, rising) alone; with one left there is no gate."""
    width, parameters = net.config.outputs, net.parameters
    columns = torch.cat([torch.arange(width) + width * int(place) for place in kept])
    smaller = {**parameters, "wo": parameters["wo"][:, columns], "bo": parameters["bo"][:, columns]}
    if len(kept) > 1:
        smaller |= {"wg": parameters["wg"][:, kept], "bg": parameters["bg"][:, kept]}
    else:
        smaller = {name: value for name, value in smaller.items() if name not in ("wg", "bg")}
    return replace(net, config=replace(net.config, branches=len(kept)), parameters=smaller)


def without_rare(net: Net, z: Tensor, least: float) -> Net:
    """Drop branches that speak for less than ``least`` of the windows ``z``; the most used one stays."""
    used = branch_usage(net, z)
    kept = torch.nonzero((used >= least) | (used == used.max())).flatten()
    return with_branches(net, kept)
