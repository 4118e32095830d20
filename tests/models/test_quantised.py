"""Quantisation-aware training against the integer engine."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from synthetic_dataset import small_net, synthetic_encoder, synthetic_training_data

from dlnet.errors import ModelError
from dlnet.export.convert import weights_of
from dlnet.export.reference import from_fixed, quantise_anchor, quantise_inputs, run
from dlnet.export.spec import make_spec
from dlnet.models import factors, quantised
from dlnet.models.architectures import predict
from dlnet.models.network import branch_usage, head, hidden_path, initial, scores
from dlnet.models.precision import Precision
from dlnet.models.trained import TrainedModel
from dlnet.train.job import Job
from dlnet.train.loop import train
from dlnet.train.plan import TrainPlan


def student(cell, substeps=1, seed=0, **changes):
    _, encoder = synthetic_encoder()
    config = small_net(cell=cell, substeps=substeps, **{"bits": 8} | changes)
    source = torch.Generator().manual_seed(seed)
    parameters = {
        name: value + 0.3 * torch.randn(value.shape, generator=source)
        for name, value in initial(config, [seed]).items()
    }
    return TrainedModel("s", encoder, config, parameters)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("rank", [0, 3])
@pytest.mark.parametrize(("cell", "substeps"), [("liquid", 1), ("liquid", 2), ("ltc", 1)])
def test_training_in_double_precision_equals_the_integer_engine(cell, substeps, rank, bits):
    model = student(cell, substeps, rank=rank, bits=bits, branches=3)
    parameters = {name: value.double() for name, value in model.parameters.items()}
    spec = make_spec(weights_of(replace(model, parameters=parameters)), precision=Precision.of(bits))
    z = 2 * torch.randn(200, 6, 4, generator=torch.Generator().manual_seed(1))
    trace = run(spec, quantise_inputs(z.numpy()), quantise_anchor(np.ones(200)))
    seen = quantised.inputs(z.double())[None]
    path = hidden_path(parameters, seen, model.config)
    np.testing.assert_array_equal(torch.stack([h[0].T for h in path], dim=1) * 2**15, trace.hidden)
    picked = scores(parameters, path[-1], seen, model.config)[0].argmax(1)
    assert len(set(picked.tolist())) > 1
    np.testing.assert_array_equal(picked, trace.branch)
    logits = head(parameters, path[-1], seen, model.config, hard=True)[0]
    np.testing.assert_array_equal(logits * 2**12, trace.logits)


@pytest.mark.parametrize("substeps", [1, 2])
@pytest.mark.parametrize("cell", ["liquid", "ltc"])
def test_the_path_in_training_is_that_of_the_integer_engine(cell, substeps):
    model = student(cell, substeps)
    spec = make_spec(weights_of(model))
    z = torch.randn(40, 6, 4, generator=torch.Generator().manual_seed(1))
    trace = run(spec, quantise_inputs(z.numpy()), quantise_anchor(np.ones(40)))
    with torch.no_grad():
        path = hidden_path(model.parameters, quantised.inputs(z)[None], model.config)
    codes = torch.stack([h[0].T for h in path], dim=1).numpy() * 2**15
    gap = np.abs(codes - trace.hidden)
    assert np.abs(codes - np.rint(codes)).max() == 0
    assert gap.max() <= 12  # in single precision a preactivation at a rounding edge falls to either side
    assert (gap > 0).mean() < 0.02
    float_path = hidden_path({**model.parameters}, z[None], small_net(cell=cell, substeps=substeps))
    away = np.abs(torch.stack([h[0].T for h in float_path], dim=1).detach().numpy() * 2**15 - trace.hidden)
    assert away.mean() > 20 * gap.mean(), "the float network is much further from the engine"


def codes_of(matrix, bits):
    """Weights (inputs, rows) as integers, and the scale of each row."""
    scale = np.maximum(np.abs(matrix).max(0) / (2 ** (bits - 1) - 1), 2.0**-24)
    return np.floor(matrix / scale + 0.5).astype(np.int64), scale


def requantised(value, real):
    """``(value m + 2^(p-1)) >> p`` with m / 2^p nearest to ``real``, 2^30 <= m < 2^31."""
    shift = 31 - np.frexp(real)[1].astype(np.int64)
    multiplier = np.rint(np.ldexp(real, shift)).astype(np.int64)
    return (value * multiplier + (np.int64(1) << (shift - 1))) >> shift


def integer_rows(matrix, bias, seen, bits):
    weights, scale = codes_of(matrix, bits)
    offset = np.floor(bias * 2**12 / scale + 0.5).astype(np.int64)
    return np.clip(requantised(seen @ weights + offset, scale), -(2**15), 2**15 - 1)


def integer_table(function, code):
    table = np.minimum(np.rint(function(np.arange(257) / 32) * 2**15).astype(np.int64), 2**15 - 1)
    size = np.minimum(np.abs(code), 2**15 - 1)
    low, rest = table[size >> 7], size & 127
    return low + (((table[(size >> 7) + 1] - low) * rest + 64) >> 7)


def integer_step(p, x, h, cell, substeps, bits):
    """One sub-step of one network in int64: x (B, C) in 2^-12, h (B, n) in 2^-15; factors as p holds them."""
    n = h.shape[1]
    seen = np.concatenate([x, (h + 4) >> 3], axis=1)
    if "v" in p:
        seen = integer_rows(np.vstack([p["ux"], p["uh"]]), np.zeros(p["ux"].shape[1]), seen, bits)
        q = integer_rows(p["v"], p["b"][0], seen, bits)
    else:
        q = integer_rows(np.vstack([p["wx"], p["wh"]]), p["b"][0], seen, bits)
    gate = integer_table(lambda v: 1 / (1 + np.exp(-v)), q[:, :n])
    gate = np.where(q[:, :n] < 0, 2**15 - gate, gate)
    rate = np.floor(np.minimum(np.log1p(np.exp(p["leak"][0])), 1 - 2**-15) * 2**15 + 0.5).astype(np.int64)
    if cell == "liquid":
        reversal = np.sign(q[:, n:]) * integer_table(np.tanh, q[:, n:])
    else:
        reversal = np.floor(np.clip(p["a"][0], 2**-15 - 1, 1 - 2**-15) * 2**15 + 0.5).astype(np.int64)
    change = gate * ((reversal - h + 1) >> 1) - rate * ((h + 1) >> 1)
    return np.clip(h + requantised(change, np.float64(2.0**-14 / substeps)), -(2**15), 2**15 - 1)


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("rank", [0, 3])
@pytest.mark.parametrize(("cell", "substeps"), [("liquid", 1), ("liquid", 2), ("ltc", 1)])
def test_each_step_in_training_is_the_integers_of_the_engine(cell, substeps, rank, bits):
    config = small_net(cell=cell, substeps=substeps, rank=rank, bits=bits)
    source = torch.Generator().manual_seed(4)
    # In double precision, where every product of codes is exact; with factors that need balancing.
    parameters = {
        name: value.double() * 2 + 0.3 * torch.randn(value.shape, generator=source, dtype=torch.float64)
        for name, value in initial(config, [0]).items()
    }
    fitting = factors.balanced(parameters)
    if rank:
        assert not torch.equal(fitting["ux"], parameters["ux"])
    z = quantised.inputs(2 * torch.randn(1, 50, 6, 4, generator=source, dtype=torch.float64))
    path = hidden_path(parameters, z, config)
    p, x = {name: value[0].numpy() for name, value in fitting.items()}, (z[0] * 2**12).numpy().astype(np.int64)
    h = np.zeros((50, 5), np.int64)
    for t in range(6):
        for _ in range(substeps):
            h = integer_step(p, x[:, t], h, cell, substeps, bits)
        np.testing.assert_array_equal(path[t][0].T.numpy() * 2**15, h)
    assert len(np.unique(h)) > 100


@pytest.mark.parametrize("bits", [8, 4])
def test_rows_of_head_and_gate_are_the_integers_of_the_engine(bits):
    source = torch.Generator().manual_seed(6)
    matrix, bias, seen = (torch.randn(size, generator=source, dtype=torch.float64) for size in ((7, 5), (5,), (60, 7)))
    seen[:, :3] = seen[:, :3].clamp(-1, 1 - 2**-15)  # states come with three bits more
    codes = torch.floor(seen * 2**15).long().numpy()
    entering = np.where(np.arange(7) < 3, (codes + 4) >> 3, codes >> 3)
    shown = torch.from_numpy(np.where(np.arange(7) < 3, codes / 2**15, (codes >> 3) / 2**12))
    found = quantised.affine(matrix[None], bias[None, None], shown.T[None], bits)[0].T
    np.testing.assert_array_equal(found * 2**12, integer_rows(matrix.numpy(), bias.numpy(), entering, bits))


def test_low_rank_trains_through_the_rounding():
    config = small_net(rank=3, bits=8)
    training_data = synthetic_training_data(config)
    result = train(config, [Job("a", 0)], [training_data], TrainPlan(steps=60, batch=16, check=20))[0]
    assert result.mae_validation < 0.8 * float(training_data.validation_change.abs().mean()) * training_data.delta_scale
    moved = {name for name, value in initial(config, [0]).items() if not torch.equal(value[0], result.parameters[name])}
    assert {"ux", "uh", "v", "b"} <= moved


def test_scores_with_equal_codes_go_to_the_first_branch():
    config, plain = small_net(branches=2, bits=8), small_net(branches=2)
    parameters = initial(config, [0])
    parameters["wg"].zero_()[:, 0] = 1.0  # both scores are the last value of the first channel, a whole code
    parameters["bg"] = torch.tensor([[[0.0, 2.0**-15]]])  # less than half a code above
    z = torch.randn(30, 6, 4, generator=torch.Generator().manual_seed(3))
    assert branch_usage(parameters, z, plain).tolist() == [[0, 1]]
    assert branch_usage(parameters, z, config).tolist() == [[1, 0]]
    first = {name: value for name, value in parameters.items() if name not in ("wg", "bg")}
    first |= {name: parameters[name][..., :3] for name in ("wo", "bo")}
    torch.testing.assert_close(predict(parameters, z, config), predict(first, z, small_net(bits=8)))


@pytest.mark.parametrize("cell", ["liquid", "ltc"])
def test_the_forecast_in_training_is_that_of_the_integer_engine(cell):
    model = student(cell)
    spec = make_spec(weights_of(model))
    z = torch.randn(40, 6, 4, generator=torch.Generator().manual_seed(2))
    engine = from_fixed(run(spec, quantise_inputs(z.numpy()), quantise_anchor(np.zeros(40))).forecast)
    seen = predict(model.parameters, z, model.config)[0].numpy() * model.encoder.delta_scale
    np.testing.assert_allclose(seen, engine, atol=2e-3 * model.encoder.delta_scale)


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


@pytest.mark.slow
def test_training_with_four_bits_beats_rounding_to_four_afterwards():
    plain, aware = small_net(hidden=8), small_net(hidden=8, bits=4)
    training_data = synthetic_training_data(plain, count=400)
    plan = TrainPlan(steps=300, batch=64, check=50, learning_rate=2e-2, noise=0.0, patience=99)
    after, during = [], []
    for seed in range(3):
        trained = train(plain, [Job("a", seed)], [training_data], plan)[0].parameters
        stacked = {name: value[None] for name, value in trained.items()}
        gap = predict(stacked, training_data.validation_z, aware)[0] - training_data.validation_change
        after.append(float(gap.abs().mean() * training_data.delta_scale))
        again = replace(plan, learning_rate=4e-3)
        during.append(train(aware, [Job("a", seed, start=trained)], [training_data], again)[0].mae_validation)
    assert np.mean(during) < np.mean(after)


def test_a_cell_without_an_integer_form_is_refused():
    with pytest.raises(ModelError, match="bits is 8, but ltc2"):
        small_net(cell="ltc2", bits=8)
