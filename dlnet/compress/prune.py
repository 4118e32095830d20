"""Pruning by magnitude (single weights) and by structure (whole neurons, so that shapes really shrink)."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from dlnet.errors import ModelError
from dlnet.models.cells import CELLS
from dlnet.models.network import NetConfig, Parameters

PRUNED = ("wx", "wh")  # the head is small, and biases are not pruned


def magnitude_mask(parameters: Parameters, sparsity: float) -> Parameters:
    """1 where a weight of the cell is kept: the smallest ``sparsity`` of all of them go (Han et al. 2015).

    Args:
        parameters: of one network, without stack axis.
        sparsity: fraction of the weights of ``wx`` and ``wh`` that become zero, 0 <= sparsity < 1.
    """
    _check(sparsity)
    sizes = torch.cat([parameters[name].abs().flatten() for name in PRUNED])
    gone = round(sparsity * len(sizes))
    keep = torch.ones(len(sizes))
    keep[torch.argsort(sizes, stable=True)[:gone]] = 0
    parts = torch.split(keep, [parameters[name].numel() for name in PRUNED])
    return {name: part.reshape(parameters[name].shape) for name, part in zip(PRUNED, parts, strict=True)}


def neuron_importance(parameters: Parameters, config: NetConfig) -> Tensor:
    """(n,) sum of the absolute weights into and out of each neuron (L1 criterion of Li et al. 2017)."""
    n, gates = config.hidden, CELLS[config.cell].gates
    into = parameters["wx"].abs().sum(0) + parameters["wh"].abs().sum(0)
    out = parameters["wh"].abs().sum(1) + parameters["wo"][:n].abs().sum(1)
    return into.reshape(gates, n).sum(0) + out


def without_neurons(parameters: Parameters, config: NetConfig, sparsity: float) -> tuple[Parameters, NetConfig]:
    """Drop the least important neurons, ``sparsity`` of them; at least one stays.

    Returns:
        The smaller network's parameters (no stack axis) and its configuration.
    """
    _check(sparsity)
    n, cell = config.hidden, CELLS[config.cell]
    count = max(1, n - round(sparsity * n))
    order = torch.argsort(neuron_importance(parameters, config), descending=True, stable=True)
    kept = torch.sort(order[:count]).values
    columns = torch.cat([kept + gate * n for gate in range(cell.gates)])
    skip = torch.arange(n, n + config.skip_width)
    smaller = {
        "wx": parameters["wx"][:, columns],
        "wh": parameters["wh"][kept][:, columns],
        "b": parameters["b"][:, columns],
        "leak": parameters["leak"][:, kept],
        "wo": parameters["wo"][torch.cat([kept, skip])],
        "bo": parameters["bo"].clone(),
    }
    if cell.reversals:
        wanted = torch.cat([kept + part * n for part in range(cell.reversals)])
        smaller["a"] = parameters["a"][:, wanted]
    return smaller, replace(config, hidden=count)


def _check(sparsity: float) -> None:
    if not 0 <= sparsity < 1:
        raise ModelError(f"sparsity is {sparsity:g}; it must be at least 0 and below 1")
