"""How much a neuron or a feature matters, by three criteria.

``l1``: the weights from and to it (Li et al. 2017). ``taylor``: how much the loss would change to first order if it
were zero (Molchanov et al. 2017, eq. 5). ``activation``: the mean size of a neuron's state (Hu et al.
2016), or the weights of a feature times its spread.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dlnet.compress.net import Net
from dlnet.models.cells import CELLS
from dlnet.models.factors import multiply
from dlnet.models.head import horizon_basis
from dlnet.models.network import forward

CRITERIA = ("l1", "taylor", "activation")


def neuron_scores(net: Net, criterion: str, z: Tensor, change: Tensor) -> Tensor:
    """(n,) importance of each neuron on windows ``z`` (N, T, C) with the target ``change`` (N, horizon)."""
    if criterion == "l1":
        return _weights_at_neurons(net)
    path, gradients = _path_and_gradients(net, z, change)
    if criterion == "activation":
        return torch.stack(path).abs().mean((0, 2))
    moved = torch.stack([h * g for h, g in zip(path, gradients, strict=True)]).sum(0)
    return moved.abs().mean(1)


def feature_scores(net: Net, criterion: str, z: Tensor, change: Tensor) -> Tensor:
    """(F,) importance of each feature, with the channel relative to its last block where it has one."""
    groups = channels_of_features(net)
    if criterion == "taylor":
        seen = z.clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(_loss(net, seen, change), seen)
        moved = (z * gradient).sum(1) * len(z)
        return torch.stack([moved[:, group].sum(1).abs().mean() for group in groups])
    each = multiply(net.parameters)["wx"].abs().sum(1)
    if net.config.skip == "last":
        bypass = net.parameters["wo"][net.config.hidden :].abs().sum(1)
        each = each + bypass.reshape(2, -1).sum(0)
    if net.config.branches > 1:
        each = each + net.parameters["wg"][: net.config.channels].abs().sum(1)
    if criterion == "activation":
        each = each * z.flatten(0, 1).std(0, correction=0)
    return torch.stack([each[group].sum() for group in groups])


def channels_of_features(net: Net) -> list[list[int]]:
    """Channels that each feature fills: its own, and the one relative to its last block."""
    names = net.encoder.channels
    return [
        [i for i, channel in enumerate(names) if channel in (name, f"{name} change")] for name in net.encoder.features
    ]


def _weights_at_neurons(net: Net) -> Tensor:
    n, gates, parameters = net.config.hidden, CELLS[net.config.cell].gates, multiply(net.parameters)
    into = parameters["wx"].abs().sum(0) + parameters["wh"].abs().sum(0)
    out = parameters["wh"].abs().sum(1) + parameters["wo"][:n].abs().sum(1)
    if net.config.branches > 1:
        out = out + parameters["wg"][net.config.channels :].abs().sum(1)
    return into.reshape(gates, n).sum(0) + out


def _path_and_gradients(net: Net, z: Tensor, change: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """States (n, N) after each step, and the gradient of each window's own loss by them."""
    parameters = {name: value[None].clone().requires_grad_(True) for name, value in net.parameters.items()}
    output, path = forward(parameters, z[None], horizon_basis(net.config), net.config)
    loss = _gap(output[0], change).mean(1).sum()
    gradients = torch.autograd.grad(loss, path)
    return [h[0].detach() for h in path], [g[0] for g in gradients]


def _loss(net: Net, z: Tensor, change: Tensor) -> Tensor:
    stacked = {name: value[None] for name, value in net.parameters.items()}
    return _gap(forward(stacked, z[None], horizon_basis(net.config), net.config)[0][0], change).mean()


def _gap(output: Tensor, change: Tensor) -> Tensor:
    """(N, horizon) distances from the targets; 0 where a target was not measured."""
    return (output - torch.where(change.isnan(), output.detach(), change)).abs()
