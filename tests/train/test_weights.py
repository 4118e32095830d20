"""Windows are drawn as often as their weights say."""

from __future__ import annotations

from dataclasses import replace

import torch
from synthetic_dataset import small_net, synthetic_training_data

from dlnet.models.network import generator
from dlnet.train.step import _sample


def test_windows_are_drawn_in_proportion_to_their_weights():
    weights = torch.tensor([1.0, 0.25, 0.0, 0.75], dtype=torch.float64)
    data = replace(synthetic_training_data(small_net(), count=4), weights=weights)
    counts = torch.bincount(_sample(data, 4, 100_000, generator(0)), minlength=4) / 100_000
    torch.testing.assert_close(counts.double(), weights / weights.sum(), atol=5e-3, rtol=0)
    assert counts[2] == 0


def test_only_the_first_windows_are_drawn_where_only_they_have_labels():
    data = replace(synthetic_training_data(small_net(), count=4), weights=torch.ones(4, dtype=torch.float64))
    assert set(_sample(data, 2, 1000, generator(0)).tolist()) == {0, 1}


def test_without_weights_windows_are_drawn_as_before():
    data = synthetic_training_data(small_net())
    drawn = torch.randint(40, (16,), generator=generator(3))
    torch.testing.assert_close(_sample(data, 40, 16, generator(3)), drawn)
