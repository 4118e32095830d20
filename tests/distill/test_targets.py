"""Targets from a teacher: mixed forecasts in the students' units, and principal components of its hidden path."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from synthetic_dataset import small_net, synthetic_dataset, synthetic_encoder, synthetic_training_data, task

from dlnet.data.encode import fit_encoder
from dlnet.distill.targets import add_teacher_targets, hint_path
from dlnet.models.network import hidden_path, initial
from dlnet.models.trained import TrainedModel
from dlnet.train.data import make_training_data, training_windows
from dlnet.train.job import Job, stack_parameters
from dlnet.train.loop import train
from dlnet.train.plan import TrainPlan


def net(encoder, seed, **changes):
    channels = len(encoder.encode(synthetic_dataset(), synthetic_dataset().windows("train", 20))[0, 0])
    config = small_net(channels=channels, **changes)
    parameters = {name: value + 0.3 * torch.randn(value.shape) for name, value in initial(config, [seed]).items()}
    return TrainedModel(f"s{seed}", encoder, config, parameters)


@pytest.fixture
def prepared():
    torch.manual_seed(0)
    dataset, encoder = synthetic_encoder()
    windows = training_windows(dataset, task())
    return dataset, encoder, windows, make_training_data(dataset, encoder, windows)


def test_teachers_are_mixed_by_weight_in_units_of_the_student(prepared):
    dataset, encoder, windows, training_data = prepared
    first, second = net(encoder, 0), net(encoder, 1)
    found = add_teacher_targets(training_data, [(first, 0.25), (second, 0.75)], dataset, encoder, windows)
    health = 0.25 * first.forecast(dataset, windows.train) + 0.75 * second.forecast(dataset, windows.train)
    last = dataset.health[windows.train - 1][:, None]
    np.testing.assert_allclose(found.teacher.numpy() * encoder.delta_scale + last, health, atol=1e-6)
    assert found.hint is None


def test_a_teacher_with_other_channels_labels_the_same_windows(prepared):
    dataset, encoder, windows, training_data = prepared
    blind = fit_encoder(dataset, task("sensors_only"))
    channels = blind.encode(dataset, windows.train[:1]).shape[2]
    config = small_net(channels=channels, skip="last", level=True)
    teacher = TrainedModel("t", blind, config, initial(config, [0]))
    found = add_teacher_targets(training_data, [(teacher, 1.0)], dataset, encoder, windows, ["hint"], 3)
    health = encoder.anchor(dataset, windows.train) + found.teacher.numpy() * encoder.delta_scale
    np.testing.assert_allclose(health, teacher.forecast(dataset, windows.train), atol=1e-6)
    assert found.hint.shape == (len(windows.train), config.steps, 3)


def test_windows_without_labels_get_targets_too(prepared):
    dataset, encoder, windows, training_data = prepared
    found = add_teacher_targets(training_data, [(net(encoder, 0), 1.0)], dataset, encoder, windows, ["labels", "l1"])
    assert windows.labelled < len(windows.train)
    assert torch.isnan(found.change[windows.labelled :]).all()
    assert torch.isfinite(found.teacher).all()


def test_hint_is_the_leading_principal_components_of_the_path(prepared):
    dataset, encoder, windows, training_data = prepared
    student = net(encoder, 0)
    found = hint_path(student, training_data.z, 3).numpy().reshape(-1, 3)
    with torch.no_grad():
        path = hidden_path(student.parameters, training_data.z[None], student.config)
    states = torch.stack([h[0].T for h in path], dim=1).numpy().reshape(-1, student.config.hidden)
    centred = states - states.mean(0)
    left, _, _ = np.linalg.svd(centred, full_matrices=False)
    truth = left[:, :3][:, ::-1] * np.sqrt(len(states) - 1)
    signs = np.sign((found * truth).sum(0))
    np.testing.assert_allclose(found * signs, truth, atol=2e-3)


def test_hint_has_no_more_directions_than_neurons(prepared):
    dataset, encoder, windows, training_data = prepared
    assert hint_path(net(encoder, 0), training_data.z[:30], 64).shape == (30, 6, 5)


def test_an_averaged_teacher_forecasts_the_mean_of_its_members(prepared):
    dataset, encoder, windows, training_data = prepared
    config = small_net(channels=training_data.z.shape[2])
    trained = train(
        config, [Job("a", 0), Job("b", 1)], [synthetic_training_data(config)], TrainPlan(steps=3, batch=8, check=3)
    )
    together = TrainedModel("both", encoder, config, stack_parameters(trained))
    alone = [TrainedModel(result.job.name, encoder, config, stack_parameters([result])) for result in trained]
    mean = sum(student.forecast(dataset, windows.train) for student in alone) / 2
    np.testing.assert_allclose(together.forecast(dataset, windows.train), mean, atol=1e-6)


def test_spread_is_that_of_the_members_forecasts(prepared):
    dataset, encoder, windows, training_data = prepared
    members = [net(encoder, seed) for seed in range(3)]
    stacked = {name: torch.cat([member.parameters[name] for member in members]) for name in members[0].parameters}
    teacher = TrainedModel("t", encoder, members[0].config, stacked)
    found = add_teacher_targets(training_data, [(teacher, 1.0)], dataset, encoder, windows, ["gaussian"])
    forecasts = [member.forecast(dataset, windows.train) for member in members]
    np.testing.assert_allclose(found.spread.numpy() * encoder.delta_scale, np.std(forecasts, axis=0), atol=1e-6)


def test_attention_is_the_mean_square_of_the_state(prepared):
    dataset, encoder, windows, training_data = prepared
    teacher = net(encoder, 0)
    found = add_teacher_targets(training_data, [(teacher, 1.0)], dataset, encoder, windows, ["attention"])
    with torch.no_grad():
        path = hidden_path(teacher.parameters, training_data.z[None], teacher.config)
    truth = [np.square(h[0].numpy()).mean(0) for h in path]
    np.testing.assert_allclose(found.attention.numpy(), np.stack(truth, axis=1), rtol=1e-5)
    assert found.spread is None
    assert found.hint is None


def test_a_teacher_of_one_neuron_gives_a_hint_of_one_direction(prepared):
    dataset, encoder, windows, training_data = prepared
    teacher = net(encoder, 0, hidden=1)
    found = add_teacher_targets(training_data, [(teacher, 1.0)], dataset, encoder, windows, ["hint"], 16)
    assert found.hint.shape == (len(windows.train), teacher.config.steps, 1)
    assert found.hint.std() == pytest.approx(1.0, rel=0.2)
