"""Branches against loops over windows and heads."""

import numpy as np
import pytest
import torch
from synthetic_dataset import small_net, synthetic_training_data

from dlnet.models import branches
from dlnet.models.architectures import predict
from dlnet.models.head import horizon_basis, skip_values
from dlnet.models.network import forward, hidden_path, initial, shares
from dlnet.train.job import Job
from dlnet.train.loop import train
from dlnet.train.plan import TrainPlan

M, B, K, OUTPUTS = 2, 7, 3, 4


@pytest.fixture
def drawn():
    source = torch.Generator().manual_seed(0)
    return torch.randn(M, B, K * OUTPUTS, generator=source), torch.randn(M, B, K, generator=source).softmax(2)


def test_soft_branches_are_mixed_by_their_shares(drawn):
    every, share = drawn
    truth = [
        [sum(share[m, b, k] * every[m, b, OUTPUTS * k : OUTPUTS * (k + 1)] for k in range(K)) for b in range(B)]
        for m in range(M)
    ]
    torch.testing.assert_close(branches.mix(every, share), torch.stack([torch.stack(t) for t in truth]))


def test_a_hard_gate_uses_only_the_largest_share(drawn):
    every, share = drawn
    found = branches.pick(every, share)
    for m in range(M):
        for b in range(B):
            k = int(share[m, b].argmax())
            assert torch.equal(found[m, b], every[m, b, OUTPUTS * k : OUTPUTS * (k + 1)])


def test_of_equal_shares_the_first_is_taken():
    every = torch.arange(8.0).reshape(1, 1, 8)
    assert branches.pick(every, torch.full((1, 1, 2), 0.5)).tolist() == [[[0, 1, 2, 3]]]


def test_balance_is_least_where_all_branches_are_used_alike_and_entropy_where_shares_are_clear():
    clear = torch.eye(K)[None]
    assert branches.penalty(clear) == pytest.approx(branches.BALANCE, abs=1e-6)
    one_for_all = torch.eye(K)[:1].expand(1, K, K)
    assert branches.penalty(one_for_all) == pytest.approx(branches.BALANCE * K, abs=1e-6)
    vague = torch.full((1, K, K), 1 / K)
    assert branches.penalty(vague) == pytest.approx(branches.BALANCE + branches.CLARITY * np.log(K), abs=1e-6)


def test_usage_counts_windows():
    share = torch.tensor([[[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]]])
    assert branches.usage(share).tolist() == [[0.75, 0.25]]


def test_a_branched_network_forecasts_with_the_head_that_its_gate_picks():
    config = small_net(branches=3)
    source = torch.Generator().manual_seed(0)
    parameters = {
        name: value + 0.5 * torch.randn(value.shape, generator=source) for name, value in initial(config, [0]).items()
    }
    z = torch.randn(30, config.steps, config.channels, generator=source)
    found = predict(parameters, z, config)[0]
    path = hidden_path(parameters, z[None], config)
    picked = shares(parameters, path[-1], z[None], config)[0].argmax(1)
    assert len(set(picked.tolist())) > 1
    plain = small_net()
    for k in range(3):
        single = {name: value for name, value in parameters.items() if name not in ("wg", "bg")}
        columns = slice(plain.outputs * k, plain.outputs * (k + 1))
        single |= {"wo": parameters["wo"][..., columns], "bo": parameters["bo"][..., columns]}
        torch.testing.assert_close(found[picked == k], predict(single, z, plain)[0][picked == k])


def test_the_gate_sees_the_last_step_and_the_last_state():
    config = small_net(branches=2)
    parameters = {name: value + 0.5 * torch.randn(value.shape) for name, value in initial(config, [0]).items()}
    z, h = torch.randn(1, 4, config.steps, config.channels), torch.randn(1, config.hidden, 4)
    seen = torch.cat([z[0, :, -1], h[0].T], dim=1).numpy()
    scores = seen @ parameters["wg"][0].numpy() + parameters["bg"][0].numpy()
    truth = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    np.testing.assert_allclose(shares(parameters, h, z, config)[0].numpy(), truth, rtol=1e-4)
    assert skip_values(z, config).shape == (1, 4, 3)


def test_training_with_a_gate_is_the_same_alone_and_in_a_stack():
    config = small_net(branches=2)
    training_data, plan = synthetic_training_data(config), TrainPlan(steps=30, batch=8, warmup=5, check=30)
    jobs = [Job("a", 0), Job("b", 1, "hint", 0.5)]
    for job, result in zip(jobs, train(config, jobs, [training_data], plan), strict=True):
        alone = train(config, [job], [training_data], plan)[0]
        for name, value in alone.parameters.items():
            torch.testing.assert_close(result.parameters[name], value, atol=2e-5, rtol=0)


def test_soft_and_hard_agree_where_a_share_is_one():
    config = small_net(branches=2)
    parameters = initial(config, [3])
    parameters["bg"][..., 1] = 60.0
    z = torch.randn(1, 5, config.steps, config.channels)
    basis = horizon_basis(config)
    soft, hard = (forward(parameters, z, basis, config, hard=hard)[0] for hard in (False, True))
    torch.testing.assert_close(soft, hard)
