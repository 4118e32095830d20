"""Synthetic windows: shifts of features, simulated cells, and labels from the teacher."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from synthetic_dataset import synthetic_dataset, synthetic_encoder, task

from dlnet.compress.net import Net
from dlnet.compress.structure import with_features, with_steps
from dlnet.data.encode import fit_encoder
from dlnet.data.prepare import prepare
from dlnet.data.schema import read_label, read_table
from dlnet.data.sources import embedded
from dlnet.data.windows import WindowDataset
from dlnet.distill.synthetic import Fleet, SyntheticWindows, mixed, shifted, simulated
from dlnet.distill.targets import add_teacher_targets, hint_path, member_spread
from dlnet.errors import ConfigError
from dlnet.models.architectures import predict
from dlnet.models.network import initial
from dlnet.models.shapes import net_config
from dlnet.models.trained import TrainedModel
from dlnet.train.data import make_training_data, training_windows
from dlnet.train.job import Job
from dlnet.train.loop import train
from dlnet.train.plan import TrainPlan
from stages.distill import DistillConfig
from tasks import BATTERY, changed


@pytest.fixture(scope="module")
def example():
    dataset, encoder = synthetic_encoder()
    config = net_config(encoder, "liquid", 6, "fused", 1)
    training_data = make_training_data(dataset, encoder, training_windows(synthetic_dataset(), task()))
    return training_data, TrainedModel("t", encoder, config, initial(config, [0, 1]))


def test_only_features_are_shifted_each_by_a_constant_a_window(example):
    training_data = example[0]
    z = shifted(training_data, 200, 0.3, seed=0)
    moved = (z.reshape(200, *training_data.z.shape) - training_data.z).numpy()
    others = [
        i
        for i in range(training_data.z.shape[2])
        if not training_data.features.start <= i < training_data.features.stop
    ]
    assert not moved[..., others].any()
    features = moved[..., training_data.features]
    assert abs(features - features[:, :, :1]).max() < 1e-5
    assert features[:, :, 0].std() == pytest.approx(0.3, rel=0.02)
    assert features[:, :, 0].mean() == pytest.approx(0, abs=0.01)


def test_a_mixture_lies_on_the_line_through_two_windows_within_reach(example):
    """With no shifts every window is w a + (1 - w) b: here a and b are told apart by two channels that fix w."""
    training_data = example[0]
    count, steps, channels = training_data.z.shape
    direction = torch.linspace(-1, 1, steps * channels).reshape(steps, channels)
    along = torch.arange(count) % 2
    z = mixed(replace(training_data, z=along[:, None, None] * direction), 50, 0.25, 0.0, seed=0)
    assert len(z) == 50 * count
    weights = (z * direction).sum((1, 2)) / (direction**2).sum()
    torch.testing.assert_close(z, weights[:, None, None] * direction, atol=1e-6, rtol=0)
    assert -0.25 <= weights.min() < -0.2
    assert 1.2 < weights.max() <= 1.25
    apart = weights[(weights != 0) & (weights != 1)]
    assert apart.mean() == pytest.approx(0.5, abs=0.02)
    assert apart.var() == pytest.approx(1.5**2 / 12, rel=0.05)


def test_a_teacher_that_is_linear_gives_a_mixture_the_mixture_of_its_labels(example):
    training_data = example[0]
    line = torch.randn(training_data.z[0].numel(), generator=torch.Generator().manual_seed(0))
    labels = training_data.z.flatten(1) @ line
    found = mixed(training_data, 3, 0.1, 0.0, seed=4).flatten(1) @ line
    assert labels.min() - 0.1 * (labels.max() - labels.min()) <= found.min()
    assert found.max() <= labels.max() + 0.1 * (labels.max() - labels.min())
    assert found.mean() == pytest.approx(float(labels.mean()), abs=0.05 * float(labels.std()))


def test_features_of_mixtures_are_shifted_too(example):
    training_data = example[0]
    parts = [mixed(training_data, 20, 0.5, spread, seed=2) for spread in (0.0, 0.3)]
    moved = parts[1] - parts[0]
    features = moved[..., training_data.features]
    assert features[:, :1].std() == pytest.approx(0.3, rel=0.02)
    assert (features - features[:, :1]).abs().max() < 1e-5
    others = [i for i in range(moved.shape[2]) if i not in range(*training_data.features.indices(99))]
    assert not moved[..., others].any()


@pytest.fixture(scope="module")
def taught(example):
    training_data, teacher = example
    dataset = synthetic_dataset()
    made = SyntheticWindows(mixed(training_data, 2, 0.1, 0.5, seed=1), teacher.encoder)
    losses = ["hint", "gaussian", "attention"]
    windows = training_windows(dataset, task())
    return made, add_teacher_targets(
        training_data, [(teacher, 1.0)], dataset, teacher.encoder, windows, losses, 3, made
    )


def test_only_the_teacher_labels_them_from_the_same_window(example, taught):
    (training_data, teacher), (made, found) = example, taught
    assert len(found.z) == 3 * len(training_data.z)
    assert found.synthetic == 2 * len(training_data.z)
    assert found.labelled == training_data.labelled
    assert torch.isnan(found.change[len(training_data.z) :]).all()
    torch.testing.assert_close(found.change[: training_data.labelled], training_data.change[: training_data.labelled])
    z = made.z
    members = [predict({k: v[i : i + 1] for k, v in teacher.parameters.items()}, z, teacher.config)[0] for i in (0, 1)]
    torch.testing.assert_close(found.teacher[len(training_data.z) :], (members[0] + members[1]) / 2)


def test_they_have_every_target_in_the_directions_of_the_measured_windows(example, taught):
    (training_data, teacher), (made, found) = example, taught
    measured = hint_path(teacher, training_data.z, 3)
    torch.testing.assert_close(found.hint[: len(measured)], measured)
    assert len(found.hint) == len(found.spread) == len(found.attention) == len(found.z)
    torch.testing.assert_close(found.spread[len(measured) :], member_spread(teacher, made.z))


def test_a_smaller_encoder_shows_them_as_it_shows_measured_windows(example):
    """Fewer features and steps: the encoder itself is the truth."""
    training_data, teacher = example
    dataset, encoder = synthetic_dataset(), teacher.encoder
    ends = training_windows(dataset, task()).train
    net = Net(net_config(encoder, "liquid", 3, "euler", 1), net_of_one(encoder), encoder)
    smaller = with_steps(with_features(net, [1]), encoder.steps - 2).encoder
    windows = SyntheticWindows(torch.from_numpy(encoder.encode(dataset, ends)), encoder)
    torch.testing.assert_close(windows.seen_by(smaller), torch.from_numpy(smaller.encode(dataset, ends)))
    assert windows.seen_by(encoder) is windows.z


def net_of_one(encoder):
    return {name: value[0] for name, value in initial(net_config(encoder, "liquid", 3, "euler", 1), [0]).items()}


def test_students_train_on_them(example, taught):
    training_data, teacher = example
    found = taught[1]
    config = net_config(teacher.encoder, "liquid", 4, "euler", 1)
    jobs, plan = [Job("a", 0, "l1", 0.2), Job("b", 0)], TrainPlan(steps=20, batch=32, check=10)
    with_teacher, alone = train(config, jobs, [found], plan)
    assert with_teacher.mae_validation > 0
    assert not torch.equal(with_teacher.parameters["wx"], alone.parameters["wx"])
    (without,) = train(config, jobs[1:], [training_data], plan)
    for name, value in without.parameters.items():
        torch.testing.assert_close(alone.parameters[name], value, msg=f"labels alone, {name}")


def fleet():
    path = Path(__file__).parents[2] / "data/embedded.parquet"
    return Fleet(read_table(path), read_label(path))


def test_windows_of_simulated_cells_are_encoded_by_the_given_encoder():
    config = DistillConfig.load(Path(__file__).parents[2] / "params.yaml")
    simulation, with_target = fleet(), config.task.model_copy(update={"track": "with_target"})
    source = embedded(simulation.table, simulation.label, BATTERY)
    prepared = prepare(simulation.table, source, BATTERY, config.clean, config.split, with_target)
    dataset = WindowDataset.from_tables(prepared.rows, prepared.assets, prepared.task)
    encoder = fit_encoder(dataset, with_target)
    shifted_units = replace(encoder, level_mean=encoder.level_mean + encoder.level_scale)
    z = simulated(simulation, BATTERY, config.clean, config.split, with_target, shifted_units, 50)
    training = prepared.assets.loc[prepared.assets["used_in_training"], "rows"]
    assert len(z) == sum((rows - with_target.window) // 50 + 1 for rows in training)
    plain = encoder.encode(dataset, dataset.windows("train", 50, labelled=False))
    moved = (torch.from_numpy(plain) - z).abs().amax(dim=(0, 1))
    assert (moved > 0.5).sum() == 1, "one channel is the level, one deviation higher in the other units"
    assert (moved[moved < 0.5] < 1e-5).all()


def test_a_feature_that_the_fleet_lacks_is_named(example):
    config = DistillConfig.load(Path(__file__).parents[2] / "params.yaml")
    encoder = replace(example[1].encoder, features=("chemistry",))
    with pytest.raises(ConfigError, match="simulated_stride: the simulated fleet has no 'chemistry'"):
        simulated(fleet(), BATTERY, config.clean, config.split, config.task, encoder, 10)


def test_a_fleet_of_another_task_is_refused(example):
    config = DistillConfig.load(Path(__file__).parents[2] / "params.yaml")
    other = changed(name="other")
    with pytest.raises(ConfigError, match="simulated fleet is of task 'battery', and task.name is 'other'; set it to"):
        simulated(fleet(), other, config.clean, config.split, config.task, example[1].encoder, 10)
