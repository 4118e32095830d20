"""The GRU baseline: its size, its training, which is that of the networks, and reproducibility."""

from dataclasses import asdict

import numpy as np
import pytest
import torch
from small_grid import baselines_params
from synthetic_dataset import synthetic_encoder, task

from dlnet.baselines.gru import fit_gru, widest
from dlnet.baselines.summaries import mae
from dlnet.models.architectures import count_parameters, initial
from dlnet.models.shapes import gru_config, net_config
from dlnet.models.trained import load_network
from dlnet.train.data import make_training_data, training_windows
from dlnet.train.job import Job
from dlnet.train.loop import train
from dlnet.train.plan import plan_of

PARAMS = baselines_params().gru["gru_small"]
NOISE = 0.1


def size(encoder, hidden):
    return count_parameters(initial(gru_config(encoder, hidden), [0]))


@pytest.mark.parametrize("track", ["with_target", "sensors_only"])
@pytest.mark.parametrize("limit", [400, 3000])
def test_widest_fits_and_one_more_neuron_does_not(track, limit):
    encoder = synthetic_encoder(track)[1]
    hidden = widest(encoder, limit).hidden
    assert size(encoder, hidden) <= limit < size(encoder, hidden + 1)


@pytest.mark.parametrize("track", ["with_target", "sensors_only"])
def test_inputs_and_head_are_those_of_the_networks(track):
    encoder = synthetic_encoder(track)[1]
    gru, net = asdict(gru_config(encoder, 5)), asdict(net_config(encoder, "liquid", 5, "euler", 1))
    del gru["cell"]
    assert gru == {name: net[name] for name in gru}


@pytest.fixture(scope="module", params=["with_target", "sensors_only"])
def trained(request):
    dataset, encoder = synthetic_encoder(request.param)
    data = make_training_data(dataset, encoder, training_windows(dataset, task(request.param)))
    return dataset, encoder, data, fit_gru("gru_small", PARAMS, encoder, data, NOISE, 3)


@pytest.mark.slow
def test_it_is_trained_by_the_trainer_of_the_networks(trained):
    _, encoder, data, gru = trained
    (truth,) = train(widest(encoder, PARAMS.parameters), [Job("gru_small", 3)], [data], plan_of(PARAMS.training, NOISE))
    assert gru.trained.curve == truth.curve
    for name, value in truth.parameters.items():
        assert torch.equal(gru.model.parameters[name][0], value)


@pytest.mark.slow
def test_weights_of_the_best_validation_are_kept(trained):
    dataset, _, _, gru = trained
    ends = dataset.windows("validation", 3)
    least = min(error for *_, error in gru.trained.curve)
    assert mae(gru.forecast(dataset, ends), dataset.targets(ends)) == pytest.approx(least, rel=1e-4)
    assert gru.chosen["mae_validation"] == least


@pytest.mark.slow
def test_training_twice_gives_the_same_bytes(trained):
    dataset, encoder, data, gru = trained
    again, ends = fit_gru("gru_small", PARAMS, encoder, data, NOISE, 3), dataset.windows("test", 3)
    np.testing.assert_array_equal(again.forecast(dataset, ends), gru.forecast(dataset, ends))


@pytest.mark.slow
def test_forecast_never_rises(trained):
    dataset, _, _, gru = trained
    assert np.all(np.diff(gru.forecast(dataset, dataset.windows("test", 3)), axis=1) <= 0)


@pytest.mark.slow
def test_bytes_are_four_a_parameter(trained):
    _, encoder, _, gru = trained
    assert gru.parameters == size(encoder, gru.chosen["hidden"]) <= 400
    assert gru.bytes == 4 * gru.parameters


@pytest.mark.slow
def test_it_is_saved_as_every_network_is(trained, tmp_path):
    dataset, _, _, gru = trained
    gru.model.save(tmp_path, dataset)
    again, ends = load_network(tmp_path), dataset.windows("validation", 3)
    assert again.config == gru.model.config
    np.testing.assert_array_equal(again.forecast(dataset, ends), gru.forecast(dataset, ends))
