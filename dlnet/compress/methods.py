"""Methods of compression by name: (network, original network, sparsity, probe) -> smaller network.

Sparsity is relative to the original network, so that a method can reach it in several rounds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from dlnet.compress import structure
from dlnet.compress.branching import branch_usage, with_branches, without_rare
from dlnet.compress.importance import feature_scores, neuron_scores
from dlnet.compress.lowrank import full_rank, saves_weights, with_rank
from dlnet.compress.magnitude import without_weights
from dlnet.compress.net import Net, Probe

Method = Callable[[Net, Net, float, Probe], Net]


def _magnitude(net: Net, _whole: Net, sparsity: float, _probe: Probe) -> Net:
    return without_weights(net, sparsity)


def _neurons(net: Net, whole: Net, sparsity: float, probe: Probe, criterion: str) -> Net:
    count = structure.kept_count(whole.config.hidden, sparsity)
    return structure.with_neurons(
        net, structure.most_important(neuron_scores(net, criterion, *probe(net.encoder)), count)
    )


def _features(net: Net, whole: Net, sparsity: float, probe: Probe, criterion: str) -> Net:
    count = structure.kept_count(len(whole.encoder.features), sparsity)
    scores = feature_scores(net, criterion, *probe(net.encoder))
    return structure.with_features(net, structure.most_important(scores, count).tolist())


def _steps(net: Net, whole: Net, sparsity: float, _probe: Probe) -> Net:
    return structure.with_steps(net, max(2, structure.kept_count(whole.config.steps, sparsity)))


def _knots(net: Net, whole: Net, sparsity: float, probe: Probe) -> Net:
    return structure.with_knots(net, structure.kept_count(len(whole.config.knots), sparsity), probe(net.encoder)[0])


def _lowrank(net: Net, whole: Net, sparsity: float, _probe: Probe) -> Net:
    return with_rank(net, structure.kept_count(full_rank(whole), sparsity))


def _branches(net: Net, whole: Net, sparsity: float, probe: Probe) -> Net:
    used = branch_usage(net, probe(net.encoder)[0])
    return with_branches(net, structure.most_important(used, structure.kept_count(whole.config.branches, sparsity)))


def _rare_branches(net: Net, whole: Net, sparsity: float, probe: Probe) -> Net:
    return without_rare(net, probe(net.encoder)[0], sparsity / whole.config.branches)


def _nothing(net: Net, _whole: Net, _sparsity: float, _probe: Probe) -> Net:
    return net


# Methods that remove nothing. A twin is a new network distilled from the elite (Furlanello et al. 2018); `same` is the
# elite trained further, for example with the engine's rounding.
TWIN, SAME = "twin", "same"
WHOLE = (TWIN, SAME)
METHODS: dict[str, Method] = {
    "magnitude": _magnitude,
    "structured": partial(_neurons, criterion="l1"),
    "neurons_taylor": partial(_neurons, criterion="taylor"),
    "neurons_activation": partial(_neurons, criterion="activation"),
    "features_l1": partial(_features, criterion="l1"),
    "features_taylor": partial(_features, criterion="taylor"),
    "features_activation": partial(_features, criterion="activation"),
    "steps": _steps,
    "knots": _knots,
    "lowrank": _lowrank,
    "branches": _branches,
    "rare_branches": _rare_branches,
    TWIN: _nothing,
    SAME: _nothing,
}


def sparsities_of(method: str, sparsities: Sequence[float]) -> Sequence[float]:
    """The sparsities at which a method is run: only 0 if it removes nothing."""
    return (0.0,) if method in WHOLE else sparsities


def beginning(method: str, whole: Net) -> Net:
    """The network that a method starts from: the original one, or for a twin random weights."""
    return replace(whole, parameters={}) if method == TWIN else whole


def leaves_whole(method: str, whole: Net, sparsity: float, probe: Probe) -> bool:
    """Whether a method removes nothing: too few neurons, features ... for the sparsity, or no rare branch.

    Low rank counts as smaller only if its factors have fewer weights than the matrix.
    """
    config = whole.config
    if method == "magnitude" or method in WHOLE:
        return False
    if method == "lowrank":
        return not saves_weights(whole, structure.kept_count(full_rank(whole), sparsity))
    if method == "rare_branches":
        return _rare_branches(whole, whole, sparsity, probe).config.branches == config.branches
    least, count = {
        "features": (1, len(whole.encoder.features)),
        "steps": (2, config.steps),
        "knots": (1, len(config.knots)),
        "branches": (1, config.branches),
    }.get(method.partition("_")[0], (1, config.hidden))
    return max(least, structure.kept_count(count, sparsity)) >= count
