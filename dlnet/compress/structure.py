"""Structured pruning: removal of whole neurons, features, steps and knots, which makes the network smaller."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from dlnet.compress.importance import channels_of_features
from dlnet.compress.net import Net, check_sparsity
from dlnet.errors import ModelError
from dlnet.models.cells import CELLS
from dlnet.models.head import skip_values
from dlnet.models.network import hidden_path


def kept_count(whole: int, sparsity: float) -> int:
    """How many of ``whole`` are kept; at least one.

    Raises:
        ModelError: the sparsity is not in 0..1.
    """
    check_sparsity(sparsity)
    return max(1, whole - round(sparsity * whole))


def most_important(scores: Tensor, count: int) -> Tensor:
    """Rising indices of the ``count`` largest scores; of equals the first."""
    return torch.sort(torch.argsort(scores, descending=True, stable=True)[:count]).values


def with_neurons(net: Net, kept: Tensor) -> Net:
    """The network with only the neurons ``kept`` (rising indices)."""
    config, parameters, n = net.config, net.parameters, net.config.hidden
    cell, channels = CELLS[config.cell], config.channels
    columns = torch.cat([kept + gate * n for gate in range(cell.gates)])
    smaller = dict(parameters)
    if config.rank:
        smaller |= {"uh": parameters["uh"][kept], "v": parameters["v"][:, columns]}
    else:
        smaller |= {"wx": parameters["wx"][:, columns], "wh": parameters["wh"][kept][:, columns]}
    smaller |= {"b": parameters["b"][:, columns], "leak": parameters["leak"][:, kept]}
    smaller["wo"] = parameters["wo"][torch.cat([kept, torch.arange(n, n + config.skip_width)])]
    if config.branches > 1:
        smaller["wg"] = parameters["wg"][torch.cat([torch.arange(channels), channels + kept])]
    if cell.reversals:
        smaller["a"] = parameters["a"][:, torch.cat([kept + part * n for part in range(cell.reversals)])]
    return Net(replace(config, hidden=len(kept)), smaller, net.encoder)


def with_features(net: Net, kept: list[int]) -> Net:
    """The network with only the features ``kept`` (rising indices); a device need not measure the others."""
    encoder, config, parameters = net.encoder, net.config, net.parameters
    if not kept:
        raise ModelError("at least one feature must stay")
    removed = {
        channel for index, group in enumerate(channels_of_features(net)) if index not in kept for channel in group
    }
    channels = torch.tensor([i for i in range(config.channels) if i not in removed])
    names = [encoder.features[index] for index in kept]
    relative = [i for i, name in enumerate(encoder.relative) if name in names]
    fewer = replace(
        encoder,
        features=tuple(names),
        relative=tuple(encoder.relative[i] for i in relative),
        center=tuple(encoder.center[index] for index in kept),
        scale=tuple(encoder.scale[index] for index in kept),
        quantiles=tuple(encoder.quantiles[index] for index in kept) if encoder.quantiles else (),
        low=tuple(encoder.low[index] for index in kept),
        high=tuple(encoder.high[index] for index in kept),
        typical=tuple(encoder.typical[index] for index in kept) if encoder.typical else (),
        relative_scale=tuple(encoder.relative_scale[i] for i in relative),
    )
    inputs = "ux" if config.rank else "wx"
    smaller = {**parameters, inputs: parameters[inputs][channels]}
    if config.skip == "last":
        n = config.hidden
        rows = torch.cat([torch.arange(n), n + channels, n + config.channels + channels])
        smaller["wo"] = parameters["wo"][rows]
    if config.branches > 1:
        state = torch.arange(config.channels, config.channels + config.hidden)
        smaller["wg"] = parameters["wg"][torch.cat([channels, state])]
    return Net(replace(config, channels=len(channels)), smaller, fewer)


def with_steps(net: Net, steps: int) -> Net:
    """The network unrolled over only its last ``steps`` blocks, as fewer layers of a feed-forward network."""
    encoder = replace(net.encoder, window=steps * net.encoder.block)
    return Net(replace(net.config, steps=steps), dict(net.parameters), encoder)


def with_knots(net: Net, count: int, z: Tensor) -> Net:
    """The network with ``count`` evenly spaced knots of its head; the last knot is always kept.

    Each output is a fall of health since the knot before, so an output that stays takes over the falls of those that
    are removed before it: else the forecast would lose them. It is fitted to their sum on the windows ``z`` (N, T, C).
    """
    config, width = net.config, len(net.config.knots)
    ends = torch.linspace(width / count - 1, width - 1, count).round().long().tolist()
    groups = [slice(before + 1, end + 1) for before, end in zip([-1, *ends], ends, strict=False)]
    seen, outputs = _head_inputs(net, z), torch.cat([net.parameters["wo"], net.parameters["bo"]])
    columns = []
    for head in torch.split(outputs, config.outputs, dim=1):
        columns += [merged(head[:, group], seen) for group in groups]
        columns.append(head[:, width:])
    kept, chosen = torch.cat(columns, dim=1), tuple(config.knots[end] for end in ends)
    smaller = {**net.parameters, "wo": kept[:-1].contiguous(), "bo": kept[-1:].contiguous()}
    return Net(replace(config, knots=chosen), smaller, replace(net.encoder, knots=chosen))


def merged(columns: Tensor, seen: Tensor) -> Tensor:
    """One output whose softplus comes closest to the sum of those of several: (inputs, K), (N, inputs) -> (inputs, 1).

    Least squares on the inputs of softplus, weighted by its slope: the error of the falls to first order.
    """
    if columns.shape[1] == 1:
        return columns
    exact, windows = columns.double(), seen.double()
    target = torch.log(torch.expm1(functional.softplus(windows @ exact).sum(1, keepdim=True)))
    weight = torch.sigmoid(target)
    return torch.linalg.lstsq(windows * weight, target * weight, driver="gelsd").solution.to(columns.dtype)


def _head_inputs(net: Net, z: Tensor) -> Tensor:
    """(N, n + skip + 1) what the head sees of the windows ``z``, and a one for its bias."""
    config = replace(net.config, bits=0)
    with torch.no_grad():
        last = hidden_path({name: value[None] for name, value in net.parameters.items()}, z[None], config)[-1][0].mT
    return torch.cat([last, skip_values(z[None], config)[0], torch.ones(len(z), 1)], dim=1)
