"""Branch pruning: usage against a count, and removal of an unused branch, which changes no forecast."""

import pytest
import torch
from test_pruning import fits, forecast, network, windows

from dlnet.compress.branching import branch_usage, with_branches, without_rare
from dlnet.models.network import hidden_path, shares


def lopsided():
    """Three branches, of which the second is never picked and the third for windows with a large last step."""
    net = network(branches=3)
    net.parameters["wg"].zero_()
    net.parameters["wg"][0, 2] = 5.0
    net.parameters["bg"][:] = torch.tensor([0.0, -50.0, 0.0])
    return net


def test_usage_is_counted_over_windows():
    net = lopsided()
    z = windows(net, 40)[0]
    large = float((z[:, -1, 0] > 0).double().mean())
    assert branch_usage(net, z).tolist() == pytest.approx([1 - large, 0, large])


def test_removing_an_unused_branch_changes_nothing():
    net = lopsided()
    z = windows(net, 40)[0]
    smaller = without_rare(net, z, 0.05)
    assert smaller.config.branches == 2
    assert fits(smaller)
    torch.testing.assert_close(forecast(smaller, z), forecast(net, z))


def test_with_one_branch_left_there_is_no_gate():
    net = lopsided()
    smaller = with_branches(net, torch.tensor([2]))
    assert fits(smaller)
    z = windows(net, 40)[0]
    stacked = {name: value[None] for name, value in net.parameters.items()}
    last = hidden_path(stacked, z[None], net.config)[-1]
    own = shares(stacked, last, z[None], net.config)[0].argmax(1) == 2
    torch.testing.assert_close(forecast(smaller, z)[own], forecast(net, z)[own])


def test_the_most_used_branch_is_kept_at_any_threshold():
    net = lopsided()
    z = windows(net, 40)[0]
    assert without_rare(net, z, 1.0).config.branches == 1
