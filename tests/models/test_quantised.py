"""What training sees of the integer engine, against the integer engine itself."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_bank import made_encoder, made_fold, small_net

from dlnet.distill.loop import Job, Plan, train
from dlnet.errors import ModelError
from dlnet.export.convert import weights_of
from dlnet.export.reference import quantise_anchor, quantise_inputs, run, to_soh
from dlnet.export.spec import make_spec
from dlnet.models import quantised
from dlnet.models.network import hidden_path, initial, predict
from dlnet.models.student import Student


def student(cell, substeps=1, seed=0):
    _, encoder = made_encoder()
    config = small_net(cell=cell, substeps=substeps, bits=8)
    source = torch.Generator().manual_seed(seed)
    parameters = {
        name: value + 0.3 * torch.randn(value.shape, generator=source)
        for name, value in initial(config, [seed]).items()
    }
    return Student("s", encoder, config, parameters)


@pytest.mark.parametrize("substeps", [1, 2])
@pytest.mark.parametrize("cell", ["liquid", "ltc"])
def test_the_path_in_training_is_that_of_the_integer_engine(cell, substeps):
    one = student(cell, substeps)
    spec = make_spec(weights_of(one))
    z = torch.randn(40, 6, 4, generator=torch.Generator().manual_seed(1))
    trace = run(spec, quantise_inputs(z.numpy()), quantise_anchor(np.ones(40)))
    with torch.no_grad():
        path = hidden_path(one.parameters, quantised.inputs(z)[None], one.config)
    codes = torch.stack([h[0].T for h in path], dim=1).numpy() * 2**15
    gap = np.abs(codes - trace.hidden)
    assert np.abs(codes - np.rint(codes)).max() == 0
    assert gap.max() <= 24  # a preactivation at a rounding edge falls to either side, and the state carries it on
    assert (gap <= 2).mean() > 0.9
    float_path = hidden_path({**one.parameters}, z[None], small_net(cell=cell, substeps=substeps))
    away = np.abs(torch.stack([h[0].T for h in float_path], dim=1).detach().numpy() * 2**15 - trace.hidden)
    assert away.mean() > 20 * gap.mean(), "the float network is much further from the engine"


@pytest.mark.parametrize("cell", ["liquid", "ltc"])
def test_the_forecast_in_training_is_that_of_the_integer_engine(cell):
    one = student(cell)
    spec = make_spec(weights_of(one))
    z = torch.randn(40, 6, 4, generator=torch.Generator().manual_seed(2))
    engine = to_soh(run(spec, quantise_inputs(z.numpy()), quantise_anchor(np.zeros(40))).forecast)
    seen = predict(one.parameters, z, one.config)[0].numpy() * one.encoder.delta_scale
    np.testing.assert_allclose(seen, engine, atol=2e-3 * one.encoder.delta_scale)


@pytest.mark.parametrize("bits", [4, 8])
def test_weights_take_few_values_and_their_largest_stays(bits):
    matrix = torch.randn(2, 9, 5, generator=torch.Generator().manual_seed(0))
    found = quantised.weights(matrix, bits)
    units = found / (matrix.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1))
    torch.testing.assert_close(units, units.round(), atol=1e-4, rtol=0)
    torch.testing.assert_close(found.abs().amax(1), matrix.abs().amax(1))


def test_gradients_pass_as_if_nothing_were_rounded():
    value = torch.tensor([0.3, -1.7], requires_grad=True)
    (quantised.rounded(value, 0.5) * torch.tensor([2.0, 3.0])).sum().backward()
    assert value.grad.tolist() == [2.0, 3.0]


def test_training_with_four_bits_beats_rounding_to_four_afterwards():
    plain, aware = small_net(hidden=8), small_net(hidden=8, bits=4)
    fold = made_fold(plain, count=400)
    plan = Plan(steps=300, batch=64, check=50, learning_rate=2e-2, noise=0.0, patience=99)
    after, during = [], []
    for seed in range(3):
        done = train(plain, [Job("a", seed)], [fold], plan)[0].parameters
        stacked = {name: value[None] for name, value in done.items()}
        gap = predict(stacked, fold.validation_z, aware)[0] - fold.validation_change
        after.append(float(gap.abs().mean() * fold.delta_scale))
        again = replace(plan, learning_rate=4e-3)
        during.append(train(aware, [Job("a", seed, start=done)], [fold], again)[0].mae_validation)
    assert np.mean(during) < np.mean(after)


def test_a_cell_without_an_integer_form_is_refused():
    with pytest.raises(ModelError, match="bits is 8, but ltc2"):
        small_net(cell="ltc2", bits=8)
