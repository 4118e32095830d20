"""Pruning against brute force, and against networks whose function must not change."""

import pytest
import torch

from dlnet.compress.prune import magnitude_mask, neuron_importance, without_neurons
from dlnet.errors import ModelError
from dlnet.models.network import NetConfig, count_parameters, horizon_basis, initial, predict

SHAPE = {"solver": "euler", "substeps": 1, "channels": 4, "steps": 6, "skip": "slopes", "level": False}


def network(cell="liquid", hidden=8):
    config = NetConfig(cell=cell, hidden=hidden, knots=(2, 5, 10), horizon=10, **SHAPE)
    return {name: value[0] for name, value in initial(config, [3]).items()}, config


def forecast(parameters, config):
    z = torch.randn(5, 6, 4, generator=torch.Generator().manual_seed(1))
    return predict({name: value[None] for name, value in parameters.items()}, z, config, horizon_basis(config))


@pytest.mark.parametrize("cell", ["liquid", "ltc", "ltc2"])
def test_shapes_really_shrink(cell):
    parameters, config = network(cell)
    smaller, shape = without_neurons(parameters, config, 0.5)
    assert shape.hidden == 4
    stacked = {name: value[None] for name, value in smaller.items()}
    assert count_parameters(stacked) == count_parameters(initial(shape, [0]))
    assert forecast(smaller, shape).shape == (1, 5, 10)


@pytest.mark.parametrize("cell", ["liquid", "ltc"])
def test_neurons_without_any_weight_go_first_and_change_nothing(cell):
    parameters, config = network(cell)
    dead, gates = torch.tensor([1, 6]), 2 if cell == "liquid" else 1
    for gate in range(gates):
        parameters["wx"][:, dead + 8 * gate] = 0
        parameters["wh"][:, dead + 8 * gate] = 0
    parameters["wh"][dead] = 0
    parameters["wo"][dead] = 0
    smaller, shape = without_neurons(parameters, config, 0.25)
    torch.testing.assert_close(forecast(smaller, shape), forecast(parameters, config), rtol=0, atol=1e-6)


def test_importance_is_the_sum_of_absolute_weights_in_and_out():
    parameters, config = network()
    wanted = []
    for i in range(8):
        total = sum(abs(float(parameters[name][row, i + 8 * gate])) for name, rows in (("wx", 4), ("wh", 8))
                    for row in range(rows) for gate in (0, 1))  # fmt: skip
        total += sum(abs(float(value)) for value in parameters["wh"][i]) + sum(
            abs(float(v)) for v in parameters["wo"][i]
        )
        wanted.append(total)
    assert neuron_importance(parameters, config).tolist() == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("sparsity", [0.0, 0.25, 0.75])
def test_mask_drops_exactly_the_smallest_weights(sparsity):
    parameters, _ = network()
    mask = magnitude_mask(parameters, sparsity)
    sizes = torch.cat([parameters[name].abs().flatten() for name in ("wx", "wh")])
    kept = torch.cat([mask[name].flatten() for name in ("wx", "wh")]).bool()
    assert int((~kept).sum()) == round(sparsity * len(sizes))
    if sparsity:
        assert sizes[~kept].max() <= sizes[kept].min()


@pytest.mark.parametrize("sparsity", [-0.1, 1.0])
def test_impossible_sparsity_is_refused(sparsity):
    parameters, config = network()
    with pytest.raises(ModelError, match="sparsity"):
        without_neurons(parameters, config, sparsity)
    with pytest.raises(ModelError, match="sparsity"):
        magnitude_mask(parameters, sparsity)
