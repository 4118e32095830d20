"""Metrics of a trained student."""

from dataclasses import replace

import torch
from synthetic_dataset import small_net, synthetic_encoder, synthetic_training_data

from dlnet.distill.students import as_student
from dlnet.models.head import horizon_basis
from dlnet.models.network import forward, initial
from dlnet.train.job import Job, Trained


def trained(config, seed=0):
    source = torch.Generator().manual_seed(seed)
    drawn = {
        name: value[0] + 0.5 * torch.randn(value[0].shape, generator=source)
        for name, value in initial(config, [seed]).items()
    }
    return Trained(Job("one", seed), config, drawn, 0.001, 10)


def test_a_student_of_several_branches_has_the_usage_of_each():
    config = small_net(branches=3)
    result, training_data = trained(config), synthetic_training_data(config)
    found = as_student(result, synthetic_encoder()[1], training_data).metrics["branch_usage"]
    stacked = {name: value[None] for name, value in result.parameters.items()}
    counts, basis = [0, 0, 0], horizon_basis(config)
    for window in training_data.validation_z:
        chosen = forward(stacked, window[None, None], basis, config, hard=True)[0]
        for branch in range(3):
            # The same network with a gate that always picks this branch.
            bias = torch.full((1, 1, 3), -99.0)
            bias[..., branch] = 99.0
            alone = forward({**stacked, "bg": bias}, window[None, None], basis, config, hard=True)[0]
            counts[branch] += torch.equal(chosen, alone)
    assert sum(counts) == len(training_data.validation_z), "each window has exactly one branch"
    assert sum(count > 0 for count in counts) > 1
    assert found == [count / len(training_data.validation_z) for count in counts]


def test_a_student_of_one_branch_has_no_usage():
    config = small_net()
    student = as_student(trained(config), synthetic_encoder()[1], synthetic_training_data(config))
    assert list(student.metrics) == ["mae_validation", "steps"]


def test_usage_is_that_of_the_rounded_network_however_it_was_trained():
    config = small_net(branches=2, bits=8)
    result, training_data = trained(config), synthetic_training_data(config)
    result.parameters["wg"].zero_()[0] = 1.0
    result.parameters["bg"] = torch.tensor([[0.0, 2.0**-15]])  # no code above
    encoder = synthetic_encoder()[1]
    assert as_student(result, encoder, training_data).metrics["branch_usage"] == [1, 0]
    in_floats = replace(result, config=replace(config, bits=0))
    assert as_student(in_floats, encoder, training_data).metrics["branch_usage"] == [1, 0], "a device rounds it too"
