"""One interface to every kind of network; a new kind is one module and one line in ``ARCHITECTURES``."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from dlnet.errors import ModelError
from dlnet.models import gru, network
from dlnet.models.gru import GruConfig
from dlnet.models.head import Parameters, horizon_basis
from dlnet.models.network import NetConfig

Config = NetConfig | GruConfig


@dataclass(frozen=True)
class Architecture:
    """The functions of one kind of network, with the signatures of those below.

    Attributes:
        penalty: a term that training adds to the loss; by default none.
    """

    initial: Callable[[Any, Sequence[int]], Parameters]
    forward: Callable[[Parameters, Tensor, Tensor, Any, bool], tuple[Tensor, list[Tensor]]]
    penalty: Callable[[Parameters, list[Tensor], Tensor, Any], Tensor | None] = lambda *_: None


ARCHITECTURES: dict[type[Config], Architecture] = {
    NetConfig: Architecture(network.initial, network.forward, network.branch_penalty),
    GruConfig: Architecture(gru.initial, gru.forward),
}


def config_from_json(content: dict[str, Any]) -> Config:
    """The configuration from its fields, as JSON holds them.

    Raises:
        ModelError: a field is missing, not known, or of another type or name.
    """
    kind: type[Config] = GruConfig if content.get("cell") == "gru" else NetConfig
    known = {field.name for field in fields(kind)}
    try:  # as JSON: then a list is a tuple, but neither 8.0 nor true is a whole number
        config = TypeAdapter(kind).validate_json(json.dumps(content), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelError(f"{'.'.join(map(str, first['loc']))[:40]}: {first['msg'][:80]}") from error
    if unknown := sorted(content.keys() - known):
        raise ModelError(f"{unknown[0][:40]!r} is not known")
    return config


def initial(config: Config, seeds: Sequence[int]) -> Parameters:
    """Random parameters of ``len(seeds)`` stacked networks."""
    return ARCHITECTURES[type(config)].initial(config, seeds)


def forward(
    parameters: Parameters, z: Tensor, basis: Tensor, config: Config, hard: bool = False
) -> tuple[Tensor, list[Tensor]]:
    """z (M, B, T, C) -> (change of health (M, B, P) in units of ``delta_scale``, hidden path of T tensors (M, n, B)).

    With ``hard`` the gate picks one branch a window, as on a device.
    """
    return ARCHITECTURES[type(config)].forward(parameters, z, basis, config, hard)


def penalty(parameters: Parameters, path: list[Tensor], z: Tensor, config: Config) -> Tensor | None:
    """(M,) the term that training adds to the loss, if any: path of T tensors (M, n, B), z (M, B, T, C)."""
    return ARCHITECTURES[type(config)].penalty(parameters, path, z, config)


def predict(
    parameters: Parameters, z: Tensor, config: Config, basis: Tensor | None = None, batch: int = 1024
) -> Tensor:
    """Change of health by M stacked networks on the same windows: z (N, T, C) -> (M, N, horizon)."""
    models = stack_size(parameters)
    full = horizon_basis(config) if basis is None else basis
    with torch.no_grad():
        parts = [
            forward(parameters, part.expand(models, *part.shape), full, config, hard=True)[0]
            for part in torch.split(z, batch)
        ]
    return torch.cat(parts, dim=1)


def mean_prediction(parameters: Parameters, z: Tensor, config: Config, batch: int = 1024) -> Tensor:
    """Mean of ``predict`` over the networks, never all of their forecasts at once: z (N, T, C) -> (N, horizon)."""
    full = horizon_basis(config)
    return torch.cat([predict(parameters, part, config, full).mean(0) for part in torch.split(z, batch)])


def stack_size(parameters: Parameters) -> int:
    """Networks M in a stack: the first axis of every parameter."""
    return len(next(iter(parameters.values())))


def count_parameters(parameters: Parameters) -> int:
    """Numbers in one network of a stack."""
    return sum(value[0].numel() for value in parameters.values())
