"""Pruning against brute force, finite differences, and networks whose function must not change."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from synthetic_dataset import small_net, synthetic_encoder

from dlnet.compress import structure
from dlnet.compress.importance import CRITERIA, channels_of_features, feature_scores, neuron_scores
from dlnet.compress.magnitude import magnitude_mask, sparsity_at, without_weights
from dlnet.compress.net import Net
from dlnet.data.encoder_check import check_encoder
from dlnet.errors import ModelError
from dlnet.models.architectures import count_parameters, predict
from dlnet.models.cells import CELLS
from dlnet.models.head import horizon_basis, readout
from dlnet.models.network import hidden_path, initial

CHANNELS = 7


def network(cell="liquid", hidden=8, track="with_target", **changes):
    """A network without zero weights, with the encoder of synthetic cells."""
    _, encoder = synthetic_encoder(track)
    level = track == "sensors_only"
    skip = "last" if level else "slopes"
    config = small_net(cell=cell, hidden=hidden, channels=len(encoder.channels), skip=skip, level=level, **changes)
    source = torch.Generator().manual_seed(5)
    parameters = {
        name: value[0] + 0.2 * torch.randn(value[0].shape, generator=source)
        for name, value in initial(config, [3]).items()
    }
    return Net(config, parameters, encoder)


def windows(net, count=5):
    source = torch.Generator().manual_seed(1)
    z = torch.randn(count, net.config.steps, net.config.channels, generator=source)
    # Far above any forecast, so that no error changes its sign where a test computes slopes.
    return z, 9 + torch.rand(count, net.config.horizon, generator=source)


def forecast(net, z):
    return predict({name: value[None] for name, value in net.parameters.items()}, z, net.config)[0]


def fits(net):
    """Whether the parameters have the shapes of the configuration."""
    fresh = initial(net.config, [0])
    return {name: value.shape for name, value in net.parameters.items()} == {n: v.shape[1:] for n, v in fresh.items()}


@pytest.mark.parametrize("changes", [{}, {"branches": 3}, {"rank": 4}])
@pytest.mark.parametrize("cell", ["liquid", "ltc", "ltc2"])
def test_fewer_neurons_shrink_every_shape(cell, changes):
    net = network(cell, **changes)
    smaller = structure.with_neurons(net, torch.tensor([0, 3, 4, 7]))
    assert smaller.config.hidden == 4
    assert fits(smaller)
    assert torch.isfinite(forecast(smaller, windows(net)[0])).all()


@pytest.mark.parametrize("cell", ["liquid", "ltc"])
@pytest.mark.parametrize("criterion", CRITERIA)
def test_neurons_without_any_weight_are_removed_first_and_change_nothing(cell, criterion):
    net = network(cell)
    dead, gates, p = torch.tensor([1, 6]), CELLS[cell].gates, dict(net.parameters)
    for name in ("wx", "wh", "b"):
        p[name] = p[name].clone()
        for gate in range(gates):
            p[name][:, dead + 8 * gate] = 0
    p["wh"][dead], p["wo"] = 0, p["wo"].clone()
    p["wo"][dead] = 0
    if cell == "ltc":
        p["a"] = p["a"].clone()
        p["a"][:, dead] = 0
    net = replace(net, parameters=p)
    scores = neuron_scores(net, criterion, *windows(net))
    smaller = structure.with_neurons(net, structure.most_important(scores, 6))
    z = windows(net)[0]
    torch.testing.assert_close(forecast(smaller, z), forecast(net, z), rtol=0, atol=1e-6)


def test_l1_is_the_sum_of_absolute_weights_in_and_out():
    net = network()
    p, expected = net.parameters, []
    for i in range(8):
        into = sum(float(p[name][:, i + 8 * gate].abs().sum()) for name in ("wx", "wh") for gate in (0, 1))
        expected.append(into + float(p["wh"][i].abs().sum() + p["wo"][i].abs().sum()))
    assert neuron_scores(net, "l1", *windows(net)).tolist() == pytest.approx(expected, rel=1e-5)


def test_activation_is_the_mean_size_of_a_state():
    net = network()
    z, change = windows(net)
    path = hidden_path({name: value[None] for name, value in net.parameters.items()}, z[None], net.config)
    truth = np.mean([np.abs(h[0].detach().numpy()) for h in path], axis=(0, 2))
    np.testing.assert_allclose(neuron_scores(net, "activation", z, change).numpy(), truth, rtol=1e-5)


def gated_loss(net, z, change, gates):
    """Loss of one window where the state of neuron i is multiplied by ``gates[i]`` after each step; float64."""
    p, n = {name: value.double().numpy() for name, value in net.parameters.items()}, net.config.hidden
    h = np.zeros(n)
    leak = np.minimum(np.log1p(np.exp(p["leak"][0])), 1)
    for x in z.double().numpy():
        q = x @ p["wx"] + h @ p["wh"] + p["b"][0]
        gate, reversal = 1 / (1 + np.exp(-q[:n])), np.tanh(q[n:])
        h = (h + gate * (reversal - h) - leak * h) * gates
    first = z.double().numpy()[:, 0]
    seen = np.concatenate([h, [first[-1] - first[-3], first[-1] - first[0], first[-1] - first[0]]])
    outputs = torch.from_numpy(seen @ p["wo"] + p["bo"][0]).float()
    return float((readout(outputs, horizon_basis(net.config), net.config) - change).abs().double().mean())


def test_taylor_is_the_slope_of_the_loss_by_a_gate_on_the_neuron():
    net, step = network(hidden=4), 1e-2
    z, change = windows(net, 3)
    truth = np.zeros(4)
    for i in range(4):
        up, down = np.ones(4), np.ones(4)
        up[i], down[i] = 1 + step, 1 - step
        slopes = [
            (gated_loss(net, z[w], change[w], up) - gated_loss(net, z[w], change[w], down)) / (2 * step)
            for w in range(3)
        ]
        truth[i] = np.mean(np.abs(slopes))
    np.testing.assert_allclose(neuron_scores(net, "taylor", z, change).numpy(), truth, rtol=2e-2, atol=2e-4)


@pytest.mark.parametrize("track", ["with_target", "sensors_only"])
def test_taylor_of_a_feature_is_the_slope_of_the_loss_by_a_gate_on_its_channels(track):
    net, step = network(track=track), 1e-2
    z, change = windows(net, 4)
    truth = []
    for group in channels_of_features(net):
        ends = []
        for factor in (1 + step, 1 - step):
            moved = z.clone()
            moved[..., group] *= factor
            ends.append((forecast(net, moved) - change).abs().mean(1))
        truth.append(float(((ends[0] - ends[1]) / (2 * step)).abs().mean()))
    np.testing.assert_allclose(feature_scores(net, "taylor", z, change).numpy(), truth, rtol=3e-2, atol=3e-4)


@pytest.mark.parametrize("track", ["with_target", "sensors_only"])
def test_l1_and_activation_of_a_feature_count_its_weights(track):
    net = network(track=track)
    z, change = windows(net)
    p, n, c = net.parameters, net.config.hidden, net.config.channels
    spread = z.numpy().std(axis=(0, 1))
    for criterion, unit in (("l1", np.ones(c)), ("activation", spread)):
        truth = []
        for group in channels_of_features(net):
            sizes = [float(p["wx"][i].abs().sum()) for i in group]
            if track == "sensors_only":
                sizes = [
                    s + float(p["wo"][n + i].abs().sum() + p["wo"][n + c + i].abs().sum())
                    for s, i in zip(sizes, group, strict=True)
                ]
            truth.append(sum(s * unit[i] for s, i in zip(sizes, group, strict=True)))
        np.testing.assert_allclose(feature_scores(net, criterion, z, change).numpy(), truth, rtol=1e-4)


@pytest.mark.parametrize("changes", [{}, {"branches": 2}, {"rank": 3}])
@pytest.mark.parametrize("track", ["with_target", "sensors_only"])
def test_a_network_without_a_feature_forecasts_as_if_it_were_zero(track, changes):
    dataset, _ = synthetic_encoder(track)
    net = network(track=track, **changes)
    smaller = structure.with_features(net, [0, 2])
    ends = dataset.windows("train", 5)
    kept = [i for i, name in enumerate(net.encoder.channels) if "duration" not in name]
    z = net.encoder.encode(dataset, ends)
    np.testing.assert_array_equal(smaller.encoder.encode(dataset, ends), z[..., kept])
    assert smaller.encoder.channels == [net.encoder.channels[i] for i in kept]
    blind = z.copy()
    blind[..., [i for i in range(z.shape[2]) if i not in kept]] = 0
    assert fits(smaller)
    torch.testing.assert_close(
        forecast(smaller, torch.from_numpy(z[..., kept])), forecast(net, torch.from_numpy(blind)), atol=1e-5, rtol=0
    )


def test_a_network_without_a_feature_has_an_encoder_that_can_be_saved():
    net = network()
    typical = tuple(float(i) for i in range(len(net.encoder.features)))
    smaller = structure.with_features(Net(net.config, net.parameters, replace(net.encoder, typical=typical)), [0, 2])
    assert smaller.encoder.typical == (0, 2)
    check_encoder(smaller.encoder)


def test_the_last_feature_is_kept():
    with pytest.raises(ModelError, match="at least one feature"):
        structure.with_features(network(), [])


def test_fewer_steps_see_the_last_blocks_of_the_same_window():
    dataset, encoder = synthetic_encoder()
    net = network()
    smaller = structure.with_steps(net, 3)
    ends = dataset.windows("train", 5)
    found, whole = smaller.encoder.encode(dataset, ends), encoder.encode(dataset, ends)
    assert found.shape == (len(ends), 3, whole.shape[2])
    np.testing.assert_allclose(found, whole[:, -3:], atol=1e-6)
    assert fits(smaller)


@pytest.mark.parametrize(("count", "knots"), [(3, (2, 5, 10)), (2, (2, 10)), (1, (10,))])
@pytest.mark.parametrize("track", ["with_target", "sensors_only"])
@pytest.mark.parametrize("branches", [1, 2])
def test_fewer_knots_keep_the_horizon_and_the_fall_until_then(track, count, knots, branches):
    net = network(track=track, branches=branches)
    z = windows(net, 200)[0]
    smaller = structure.with_knots(net, count, z)
    assert smaller.config.knots == smaller.encoder.knots == knots
    assert fits(smaller)
    at = torch.tensor(knots) - 1
    whole, after = forecast(net, z)[:, at], forecast(smaller, z)[:, at]
    if count == 3:
        torch.testing.assert_close(after, whole)
        return
    alone = torch.tensor([net.config.knots.index(knot) for knot in knots])
    levels = torch.arange(3, net.config.outputs)
    columns = torch.cat([torch.cat([alone, levels]) + net.config.outputs * branch for branch in range(branches)])
    cut = {name: net.parameters[name][:, columns] for name in ("wo", "bo")}
    forgetful = forecast(replace(smaller, parameters={**smaller.parameters, **cut}), z)[:, at]
    lost, left = (forgetful - whole).abs().mean(), (after - whole).abs().mean()
    assert left < lost / 3, "a removed knot takes no fall with it"


def test_knots_that_stand_alone_keep_their_weights():
    net = network()
    smaller = structure.with_knots(net, 2, windows(net, 50)[0])
    assert torch.equal(smaller.parameters["wo"][:, 0], net.parameters["wo"][:, 0])


def test_the_merged_output_is_exact_where_one_exists():
    """softplus(s) + softplus(s) of outputs that do not vary: the bias alone."""
    seen = torch.cat([torch.randn(30, 2, generator=torch.Generator().manual_seed(0)), torch.ones(30, 1)], dim=1)
    columns = torch.tensor([[0.0, 0.0], [0.0, 0.0], [-1.0, 0.5]])
    softplus = torch.nn.functional.softplus
    found = softplus(seen @ structure.merged(columns, seen))[:, 0]
    torch.testing.assert_close(found, softplus(torch.tensor([-1.0, 0.5])).sum().expand(30))


@pytest.mark.parametrize("sparsity", [0.0, 0.25, 0.75])
def test_mask_drops_exactly_the_smallest_weights(sparsity):
    net = network()
    mask = magnitude_mask(net.parameters, sparsity)
    sizes = torch.cat([net.parameters[name].abs().flatten() for name in ("wx", "wh")])
    kept = torch.cat([mask[name].flatten() for name in ("wx", "wh")]).bool()
    assert int((~kept).sum()) == round(sparsity * len(sizes))
    if sparsity:
        assert sizes[~kept].max() <= sizes[kept].min()


def test_pruned_weights_are_zero_and_the_others_as_they_were():
    net = network()
    pruned = without_weights(net, 0.5)
    for name in ("wx", "wh"):
        kept = pruned.mask[name].bool()
        assert torch.equal(pruned.parameters[name][kept], net.parameters[name][kept])
        assert not pruned.parameters[name][~kept].any()


@given(st.integers(1, 12), st.floats(0, 0.99))
def test_gradual_sparsity_rises_to_its_end(parts, final):
    values = [sparsity_at(part, parts, final) for part in range(parts + 1)]
    assert values[0] == 0
    assert values[-1] == pytest.approx(final)
    assert values == sorted(values)
    assert sparsity_at(1, 2, 0.8) == pytest.approx(0.7)  # 0.8 (1 - (1 - 1/2)^3)


@given(st.lists(st.floats(0, 10, width=32), min_size=1, max_size=9), st.data())
def test_the_most_important_are_kept_in_order(scores, data):
    count = data.draw(st.integers(1, len(scores)))
    kept = structure.most_important(torch.tensor(scores), count).tolist()
    assert kept == sorted(kept)
    removed = [score for i, score in enumerate(scores) if i not in kept]
    assert all(scores[i] >= score for i in kept for score in removed)


@pytest.mark.parametrize("sparsity", [-0.1, 1.0])
def test_impossible_sparsity_is_rejected(sparsity):
    with pytest.raises(ModelError, match="sparsity"):
        structure.kept_count(8, sparsity)
    with pytest.raises(ModelError, match="sparsity"):
        magnitude_mask(network().parameters, sparsity)


def test_fewer_parameters_are_counted():
    net = network()
    smaller = structure.with_neurons(net, torch.arange(4))
    count = [count_parameters({k: v[None] for k, v in one.parameters.items()}) for one in (net, smaller)]
    assert count[1] < count[0] / 1.8
