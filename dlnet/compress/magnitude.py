"""Pruning of single weights: the smallest become zero, at once or in several steps."""

from __future__ import annotations

from dataclasses import replace

import torch

from dlnet.compress.net import Net, check_sparsity
from dlnet.models.head import Parameters

PRUNED = ("wx", "wh")  # the head is small, and biases are not pruned


def magnitude_mask(parameters: Parameters, sparsity: float) -> Parameters:
    """1 where a weight of the cell is kept: the smallest fraction ``sparsity`` is pruned (Han et al. 2015).

    Args:
        parameters: of one network, without stack axis.
        sparsity: fraction of the weights of ``wx`` and ``wh`` that become zero, 0 <= sparsity < 1.
    """
    check_sparsity(sparsity)
    sizes = torch.cat([parameters[name].abs().flatten() for name in PRUNED])
    pruned = round(sparsity * len(sizes))
    keep = torch.ones(len(sizes))
    keep[torch.argsort(sizes, stable=True)[:pruned]] = 0
    parts = torch.split(keep, [parameters[name].numel() for name in PRUNED])
    return {name: part.reshape(parameters[name].shape) for name, part in zip(PRUNED, parts, strict=True)}


def without_weights(net: Net, sparsity: float) -> Net:
    """The network with its smallest weights at zero, and a mask that keeps them there."""
    mask = magnitude_mask(net.parameters, sparsity)
    start = {key: value * mask[key] if key in mask else value for key, value in net.parameters.items()}
    return replace(net, parameters=start, mask=mask)


def sparsity_at(part: int, parts: int, final: float) -> float:
    """Sparsity after ``part`` of ``parts`` steps of gradual pruning: fast at first (Zhu and Gupta 2018, eq. 1)."""
    return final * (1 - (1 - part / parts) ** 3)
