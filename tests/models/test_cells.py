"""Cells against a scalar loop, an exact solution, and ncps where its wiring can express the same model."""

import ncps.torch
import ncps.wirings
import numpy as np
import pytest
import scalar_truth
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from dlnet.models.cells import CELLS
from dlnet.models.network import NetConfig, hidden_path, initial
from dlnet.models.solvers import SOLVERS


def net(cell, solver, substeps=1, hidden=4, channels=3, steps=6):
    return NetConfig(cell, solver, substeps, hidden, channels, steps, "none", (5, 10), 10, False)


def inputs(config, batch=3, seed=0):
    return torch.randn(1, batch, config.steps, config.channels, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("substeps", [1, 3])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("cell", CELLS)
def test_equals_the_scalar_loop(cell, solver, substeps):
    config = net(cell, solver, substeps)
    parameters, z = initial(config, [3]), inputs(config)
    parameters["leak"][0, 0, 0] = 4.0  # above the limit of the leak
    found = torch.stack(hidden_path(parameters, z, config), dim=2)[0].permute(2, 1, 0)
    truth = [scalar_truth.path(config, scalar_truth.nested(parameters, 0), window) for window in z[0].tolist()]
    np.testing.assert_allclose(found.numpy(), truth, atol=2e-6)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    ("solver", "substeps", "tolerance"), [("rk4", 20, 3e-6), ("fused", 400, 3e-3), ("euler", 400, 3e-3)]
)
def test_many_substeps_give_the_exact_solution(cell, solver, substeps, tolerance):
    config = net(cell, solver, substeps, steps=3)
    parameters, z = initial(config, [1]), inputs(config, batch=1)
    p, h, truth = scalar_truth.nested(parameters, 0), [0.0] * config.hidden, []
    for x in z[0, 0].tolist():
        slope = lambda _, state, x=x: scalar_truth.slope(cell, p, x, state.tolist())  # noqa: E731 - a closure for scipy
        h = solve_ivp(slope, (0, 1), h, rtol=1e-10, atol=1e-12).y[:, -1]
        truth.append(h)
    found = torch.stack(hidden_path(parameters, z, config))[:, 0, :, 0]
    np.testing.assert_allclose(found.numpy(), truth, atol=tolerance)


def ncps_cell(hidden, channels, leak, substeps):
    """An ncps LTC cell without synapses, potentials at rest 0, of the leak given."""
    wiring = ncps.wirings.FullyConnected(hidden)
    cell = ncps.torch.LTCCell(wiring, channels, ode_unfolds=substeps)
    fixed = {"gleak": leak, "vleak": 0.0, "cm": 1.0, "w": 0.0, "sensory_w": 0.0, "erev": 0.0, "sensory_erev": 0.0}
    for name, value in fixed.items():
        cell._params[name].data[:] = value
    cell._params["mu"].data[:] = cell._params["sensory_mu"].data[:] = 0.0
    return cell


def synapse(cell, kind, source, target, slope, offset, weight, reversal):
    """Set one synapse: weight x sigmoid(slope x value + offset), pulling towards the reversal potential."""
    values = {"w": weight, "sigma": slope, "mu": -offset / slope, "erev": reversal}
    for name, value in values.items():
        cell._params[kind + name].data[source, target] = value


def run_ncps(cell, window, hidden):
    h, states = torch.zeros(1, hidden), []
    for x in window:
        _, h = cell(x[None], h)
        states.append(h[0])
    return torch.stack(states).detach()


# ncps has a sigmoid a synapse, where a conductance here is one sigmoid of a weighted sum (the papers' f). The two are
# the same model where each conductance depends on one source: an input, or one other neuron.


@pytest.mark.parametrize("substeps", [1, 6])
def test_ltc_driven_by_one_input_equals_ncps(substeps):
    config = net("ltc", "fused", substeps, hidden=5, channels=1, steps=8)
    p, z = initial(config, [2]), inputs(config, batch=1)
    p["wh"].zero_()
    cell = ncps_cell(5, 1, torch.nn.functional.softplus(p["leak"][0, 0]), substeps)
    for j in range(5):
        synapse(cell, "sensory_", 0, j, p["wx"][0, 0, j], p["b"][0, 0, j], 1.0, p["a"][0, 0, j])
    found = torch.stack(hidden_path(p, z, config))[:, 0, :, 0]
    torch.testing.assert_close(found, run_ncps(cell, z[0, 0], 5), atol=1e-5, rtol=0)


@pytest.mark.parametrize("substeps", [1, 6])
def test_ltc_in_a_ring_equals_ncps(substeps):
    config = net("ltc", "fused", substeps, hidden=5, channels=1, steps=8)
    p, z = initial(config, [4]), inputs(config, batch=1)
    p["wx"].zero_()
    ring = torch.roll(torch.eye(5), 1, dims=1)
    p["wh"] *= ring
    cell = ncps_cell(5, 1, torch.nn.functional.softplus(p["leak"][0, 0]), substeps)
    for i in range(5):
        j = (i + 1) % 5
        synapse(cell, "", i, j, p["wh"][0, i, j], p["b"][0, 0, j], 1.0, p["a"][0, 0, j])
    found = torch.stack(hidden_path(p, z, config))[:, 0, :, 0]
    torch.testing.assert_close(found, run_ncps(cell, z[0, 0], 5), atol=1e-5, rtol=0)


@pytest.mark.parametrize("substeps", [1, 6])
def test_ltc2_with_an_input_and_a_ring_equals_ncps(substeps):
    n = 4
    config = net("ltc2", "fused", substeps, hidden=n, channels=1, steps=8)
    p, z = initial(config, [5]), inputs(config, batch=1)
    p["a"] = torch.rand(1, 1, 2 * n, generator=torch.Generator().manual_seed(1)) * 2 - 1
    p["wx"][..., n:] = 0  # the first conductance depends on the input, the second on the neighbour
    p["wh"][..., :n] = 0
    p["wh"][..., n:] *= torch.roll(torch.eye(n), 1, dims=1)
    cell = ncps_cell(n, 1, torch.nn.functional.softplus(p["leak"][0, 0]), substeps)
    for i in range(n):
        j = (i + 1) % n
        synapse(cell, "sensory_", 0, j, p["wx"][0, 0, j], p["b"][0, 0, j], 0.5, p["a"][0, 0, j])
        synapse(cell, "", i, j, p["wh"][0, i, n + j], p["b"][0, 0, n + j], 0.5, p["a"][0, 0, n + j])
    found = torch.stack(hidden_path(p, z, config))[:, 0, :, 0]
    torch.testing.assert_close(found, run_ncps(cell, z[0, 0], n), atol=1e-5, rtol=0)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("solver", ["fused", "rk4"])
@given(st.integers(0, 10**6))
def test_state_stays_within_one(cell, solver, seed):
    config = net(cell, solver, steps=10)
    parameters = {name: 4 * value for name, value in initial(config, [seed]).items()}
    path = hidden_path(parameters, 8 * inputs(config, seed=seed), config)
    assert torch.stack(path).abs().max() <= 1 + 1e-6
