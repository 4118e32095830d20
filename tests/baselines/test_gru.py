"""The GRU against its equations written out, its parameter formula, and itself run twice."""

import numpy as np
import pytest
import torch
from small_grid import baselines_params
from synthetic_dataset import synthetic_encoder, task

from dlnet.baselines.gru import GruNet, fit_gru, gru_parameters, widest
from dlnet.baselines.summaries import mae
from dlnet.models.network import LEVEL_UNIT

PARAMS = baselines_params().gru["gru_small"]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(net, z, knots, level):
    """Change of SoH at the knots of one window z (T, C), as Cho et al. and torch's documentation write it."""
    weights = {name: value.detach().numpy().astype(np.float64) for name, value in net.state_dict().items()}
    h = np.zeros(weights["gru.weight_hh_l0"].shape[1])
    for x in z:
        from_x = np.split(weights["gru.weight_ih_l0"] @ x + weights["gru.bias_ih_l0"], 3)
        from_h = np.split(weights["gru.weight_hh_l0"] @ h + weights["gru.bias_hh_l0"], 3)
        reset, update = sigmoid(from_x[0] + from_h[0]), sigmoid(from_x[1] + from_h[1])
        h = (1 - update) * np.tanh(from_x[2] + reset * from_h[2]) + update * h
    output = weights["head.weight"] @ np.concatenate([h, z[-1], z[-1] - z[0]]) + weights["head.bias"]
    falls = np.log1p(np.exp(output[: len(knots)]))
    return -np.cumsum(falls) + (output[-1] * LEVEL_UNIT if level else 0)


@pytest.mark.parametrize("level", [True, False])
def test_forward_is_the_equations(level):
    torch.manual_seed(0)
    net, knots = GruNet(4, 5, (2, 5, 10), level), (2, 5, 10)
    torch.nn.init.normal_(net.head.weight)
    z = np.random.default_rng(0).normal(size=(3, 6, 4))
    with torch.no_grad():
        found = net(torch.tensor(z, dtype=torch.float32), torch.eye(3)).numpy()
    np.testing.assert_allclose(found, [by_hand(net, row, knots, level) for row in z], atol=2e-5)


@pytest.mark.parametrize(("channels", "hidden", "level"), [(5, 13, False), (11, 7, True)])
def test_parameter_formula(channels, hidden, level):
    net = GruNet(channels, hidden, (2, 5, 10), level)
    assert sum(value.numel() for value in net.parameters()) == gru_parameters(channels, hidden, 3 + level)


def test_widest_fits_and_one_more_neuron_does_not():
    hidden = widest(16, 6, 150_000)
    assert gru_parameters(16, hidden, 6) <= 150_000 < gru_parameters(16, hidden + 1, 6)


@pytest.fixture(scope="module", params=["capacity", "charge"])
def trained(request):
    dataset, encoder = synthetic_encoder(request.param)
    return dataset, encoder, fit_gru(dataset, encoder, task(request.param), PARAMS, 0)


def test_weights_of_the_best_check_are_kept(trained):
    dataset, _, one = trained
    ends = dataset.windows("validation", 3)
    least = min(error for _, _, error in one.curve)
    assert mae(one.forecast(dataset, ends), dataset.targets(ends)) == pytest.approx(least, rel=1e-4)
    assert one.chosen["mae_validation"] == least


def test_training_twice_gives_the_same_bytes_and_leaves_the_global_stream_alone(trained):
    dataset, encoder, one = trained
    torch.manual_seed(99)
    before = torch.get_rng_state()
    again = fit_gru(dataset, encoder, task(encoder.track), PARAMS, 0)
    assert torch.equal(before, torch.get_rng_state())
    ends = dataset.windows("test", 3)
    np.testing.assert_array_equal(again.forecast(dataset, ends), one.forecast(dataset, ends))


def test_forecast_never_rises(trained):
    dataset, _, one = trained
    assert np.all(np.diff(one.forecast(dataset, dataset.windows("test", 3)), axis=1) <= 0)


def test_bytes_are_four_a_parameter(trained):
    _, encoder, one = trained
    outputs = 3 + (encoder.track == "charge")
    assert one.parameters == gru_parameters(len(encoder.channels), one.chosen["hidden"], outputs) <= 400
    assert one.bytes == 4 * one.parameters
