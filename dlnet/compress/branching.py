"""Branch pruning: heads that the gate rarely picks are removed; the gate chooses among the rest."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from dlnet.compress.net import Net
from dlnet.models import network
from dlnet.models.network import as_on_device


def branch_usage(net: Net, z: Tensor) -> Tensor:
    """(branches,) share of the windows ``z`` (N, T, C) that the gate on a device assigns to each branch."""
    stacked = {name: value[None] for name, value in net.parameters.items()}
    return network.branch_usage(stacked, z, as_on_device(net.config))[0]


def with_branches(net: Net, kept: Tensor) -> Net:
    """The network with only the branches ``kept`` (rising indices); with one left there is no gate."""
    width, parameters = net.config.outputs, net.parameters
    columns = torch.cat([torch.arange(width) + width * int(index) for index in kept])
    smaller = {**parameters, "wo": parameters["wo"][:, columns], "bo": parameters["bo"][:, columns]}
    if len(kept) > 1:
        smaller |= {"wg": parameters["wg"][:, kept], "bg": parameters["bg"][:, kept]}
    else:
        smaller = {name: value for name, value in smaller.items() if name not in ("wg", "bg")}
    return replace(net, config=replace(net.config, branches=len(kept)), parameters=smaller)


def without_rare(net: Net, z: Tensor, least: float) -> Net:
    """Remove branches that handle less than ``least`` of the windows ``z``; the most used one stays."""
    used = branch_usage(net, z)
    kept = torch.nonzero((used >= least) | (used == used.max())).flatten()
    return with_branches(net, kept)
