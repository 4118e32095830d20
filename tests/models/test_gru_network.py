"""Stacked GRUs against torch.nn.GRU and its equations written out."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
from plain_gru import PlainGru
from synthetic_dataset import small_gru

from dlnet.errors import ModelError
from dlnet.models.architectures import config_from_json, count_parameters, forward, initial, predict, stack_size
from dlnet.models.gru import GruConfig, parameter_count
from dlnet.models.head import LEVEL_UNIT, horizon_basis

SHAPES = {"slopes": {}, "last and level": {"skip": "last", "level": True}, "none": {"skip": "none"}}


def lively(config, seeds):
    """Initial networks whose head is no longer half zero, so that every weight matters."""
    source = torch.Generator().manual_seed(9)
    return {k: v + 0.2 * torch.randn(v.shape, generator=source) for k, v in initial(config, seeds).items()}


def windows(config, models, count=4, seed=0):
    shape = (models, count, config.steps, config.channels)
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", SHAPES)
def test_stacked_forward_is_that_of_torchs_gru(shape):
    config = small_gru(**SHAPES[shape])
    parameters, z = lively(config, [3, 0, 8]), windows(config, 3)
    change, path = forward(parameters, z, horizon_basis(config), config)
    for m in range(3):
        plain = PlainGru(config, {name: value[m] for name, value in parameters.items()})
        states = plain.gru(z[m])[0]
        torch.testing.assert_close(torch.stack(path)[:, m].permute(2, 0, 1), states)
        torch.testing.assert_close(change[m], plain(z[m], range(1, config.horizon + 1)))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(weights, z, level):
    """Change of SoH at the knots of one window z (T, C), as Cho et al. and torch's documentation write it."""
    h = np.zeros(weights["weight_hh_l0"].shape[1])
    for x in z:
        from_x = np.split(weights["weight_ih_l0"] @ x + weights["bias_ih_l0"][0], 3)
        from_h = np.split(weights["weight_hh_l0"] @ h + weights["bias_hh_l0"][0], 3)
        reset, update = sigmoid(from_x[0] + from_h[0]), sigmoid(from_x[1] + from_h[1])
        h = (1 - update) * np.tanh(from_x[2] + reset * from_h[2]) + update * h
    output = np.concatenate([h, z[-1], z[-1] - z[0]]) @ weights["wo"] + weights["bo"][0]
    falls = np.log1p(np.exp(output[:3]))
    return -np.cumsum(falls) + (output[3] * LEVEL_UNIT if level else 0)


@pytest.mark.parametrize("level", [True, False])
def test_forward_is_the_equations(level):
    config = small_gru(skip="last", level=level)
    parameters, z = lively(config, [1]), windows(config, 1)
    weights = {name: value[0].double().numpy() for name, value in parameters.items()}
    found = forward(parameters, z, torch.eye(3), config)[0][0]
    truth = [by_hand(weights, window, level) for window in z[0].double().numpy()]
    np.testing.assert_allclose(found.numpy(), truth, atol=2e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_parameter_formula(shape):
    config = small_gru(**SHAPES[shape])
    plain = PlainGru(config, {name: value[0] for name, value in initial(config, [0]).items()})
    truth = sum(value.numel() for value in plain.parameters())
    assert count_parameters(initial(config, [0, 1])) == parameter_count(config) == truth


def test_start_is_in_the_range_of_torchs_and_does_not_depend_on_the_stack():
    config = small_gru(hidden=50)
    together, alone = initial(config, [7, 3]), initial(config, [3])
    assert stack_size(together) == 2
    assert all(torch.equal(together[name][1], alone[name][0]) for name in alone)
    for name, value in torch.nn.GRU(config.channels, 50).named_parameters():
        drawn = alone[name].flatten()
        assert drawn.numel() == value.numel()
        assert drawn.abs().max() <= 50**-0.5
        assert drawn.std() == pytest.approx(50**-0.5 / 3**0.5, rel=0.15)


def test_prediction_does_not_depend_on_the_batch():
    config = small_gru()
    parameters, z = lively(config, [1, 2]), windows(config, 1, 9)[0]
    torch.testing.assert_close(predict(parameters, z, config, batch=2), predict(parameters, z, config, batch=9))


def test_config_round_trip():
    config = small_gru(skip="last", level=True)
    again = config_from_json(asdict(config))
    assert isinstance(again, GruConfig)
    assert again == config


def test_unknown_skip_is_refused():
    with pytest.raises(ModelError, match="skip is 'all'; known: last, none, slopes"):
        small_gru(skip="all")
