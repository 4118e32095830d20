import json
from dataclasses import asdict

import numpy as np
import pytest
import scalar_truth
import torch
from hypothesis import given
from hypothesis import strategies as st

from dlnet.errors import ModelError
from dlnet.models.architectures import config_from_json, count_parameters, predict
from dlnet.models.cells import CELLS
from dlnet.models.head import horizon_basis, knot_basis, readout, skip_values
from dlnet.models.network import NetConfig, forward, initial


def net(**changes):
    config = {"cell": "liquid", "solver": "euler", "substeps": 1, "hidden": 5, "channels": 3, "steps": 7}
    config |= {"skip": "slopes", "knots": (2, 5, 12), "horizon": 12, "level": False}
    return NetConfig(**config | changes)


def windows(config, count=4, seed=0):
    return torch.randn(count, config.steps, config.channels, generator=torch.Generator().manual_seed(seed))


def lively(config, seeds):
    """Initial networks whose head is no longer half zero, so that every weight matters."""
    source = torch.Generator().manual_seed(9)
    return {k: v + 0.2 * torch.randn(v.shape, generator=source) for k, v in initial(config, seeds).items()}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("skip", "level"), [("slopes", False), ("last", True), ("none", False)])
def test_forecast_equals_the_scalar_network(cell, skip, level):
    config = net(cell=cell, skip=skip, level=level)
    parameters, z = lively(config, [3]), windows(config)
    truth = [scalar_truth.forecast(config, scalar_truth.nested(parameters, 0), window) for window in z.tolist()]
    np.testing.assert_allclose(predict(parameters, z, config)[0].numpy(), truth, atol=2e-6)


@given(st.lists(st.floats(-50, 50), min_size=4, max_size=4), st.booleans())
def test_forecast_never_rises(outputs, level):
    config = net(level=level)
    change = readout(torch.tensor([outputs[: config.outputs]]), horizon_basis(config), config)[0]
    steps = torch.diff(change)
    assert (steps <= 1e-5 * change.abs().max()).all()
    assert level or change[0] <= 0


@given(st.sets(st.integers(1, 60), min_size=1, max_size=7).map(sorted), st.integers(0, 999))
def test_knot_basis_is_linear_interpolation(knots, seed):
    values = np.random.default_rng(seed).normal(size=len(knots))
    ahead = np.arange(1, knots[-1] + 1)
    found = values @ knot_basis(knots, ahead).numpy()
    np.testing.assert_allclose(found, np.interp(ahead, [0, *knots], [0, *values]), atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_each_network_of_a_stack_is_as_it_is_alone(cell):
    config = net(cell=cell)
    seeds = [4, 0, 11]
    together = forward(
        lively(config, seeds), torch.stack([windows(config, seed=s) for s in seeds]), horizon_basis(config), config
    )
    stack = lively(config, seeds)
    for m, seed in enumerate(seeds):
        single = {name: value[m : m + 1] for name, value in stack.items()}
        alone, path = forward(single, windows(config, seed=seed)[None], horizon_basis(config), config)
        torch.testing.assert_close(together[0][m], alone[0])
        torch.testing.assert_close(together[1][-1][m], path[-1][0])


def test_start_does_not_depend_on_the_stack():
    config = net()
    together, alone = initial(config, [7, 3]), initial(config, [3])
    assert all(torch.equal(together[name][1], alone[name][0]) for name in alone)


@pytest.mark.parametrize("cell", CELLS)
def test_recurrent_start_is_orthogonal_with_gain_08(cell):
    wh = initial(net(cell=cell, hidden=8), [0])["wh"][0]
    np.testing.assert_allclose(np.linalg.svd(wh.numpy())[1], 0.8, atol=1e-5)


@pytest.mark.parametrize(("skip", "level"), [("slopes", False), ("last", True)])
@pytest.mark.parametrize(("cell", "gates", "reversals"), [("liquid", 2, 0), ("ltc", 1, 1), ("ltc2", 2, 2)])
def test_number_of_parameters(cell, gates, reversals, skip, level):
    n, c, m = 6, 4, 3
    config = net(cell=cell, hidden=n, channels=c, skip=skip, level=level)
    bypass = 3 if skip == "slopes" else 2 * c
    expected = gates * n * (c + n + 1) + n + reversals * n + (n + bypass + 1) * (m + level)
    assert count_parameters(initial(config, [0, 1])) == expected


def test_prediction_does_not_depend_on_the_batch():
    config = net()
    parameters, z = lively(config, [1, 2]), windows(config, count=9)
    torch.testing.assert_close(predict(parameters, z, config, batch=2), predict(parameters, z, config, batch=9))


def test_config_round_trip():
    config = net()
    assert config_from_json(json.loads(json.dumps(asdict(config)))) == config


@pytest.mark.parametrize("field", ["cell", "solver", "skip"])
def test_unknown_name_is_rejected(field):
    with pytest.raises(ModelError, match=f"{field} is 'gru'; known: "):
        net(**{field: "gru"})


@pytest.mark.parametrize("steps", [1, 2, 4, 5, 6])
def test_a_window_shorter_than_a_lag_is_used_from_its_first_step(steps):
    config = net(steps=steps)
    z = torch.randn(1, 3, steps, config.channels)
    slopes = [[z[0, b, -1, 0] - z[0, b, max(steps - 1 - lag, 0), 0] for lag in (2, 5, steps - 1)] for b in range(3)]
    assert torch.equal(skip_values(z, config)[0], torch.tensor(slopes))
