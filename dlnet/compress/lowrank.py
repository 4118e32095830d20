"""Low rank: the cell's matrices as two thin factors, from the singular value decomposition of trained ones."""

from __future__ import annotations

from dataclasses import replace

from dlnet.compress.net import Net
from dlnet.models.factors import multiply, split


def with_rank(net: Net, rank: int) -> Net:
    """The network with [wx; wh] as factors of rank ``rank``, nearest in L2 (see ``factors.split``)."""
    return replace(net, config=replace(net.config, rank=rank), parameters=split(multiply(net.parameters), rank))


def full_rank(net: Net) -> int:
    """Largest rank that [wx; wh] can have."""
    gates = net.parameters["b"].shape[1]
    return min(net.config.channels + net.config.hidden, gates)


def saves_weights(net: Net, rank: int) -> bool:
    """Whether factors of rank ``rank`` have fewer weights than [wx; wh] itself."""
    rows, gates = net.config.channels + net.config.hidden, net.parameters["b"].shape[1]
    return rank * (rows + gates) < rows * gates
