"""Synthetic windows: shifts of features, simulated cells, and labels from the teacher."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from synthetic_dataset import synthetic_dataset, synthetic_encoder, task

from dlnet.config.students import StudentParams
from dlnet.data.encode import fit_encoder
from dlnet.data.prepare import prepare
from dlnet.data.schema import read_label, read_table
from dlnet.data.sources import embedded
from dlnet.data.windows import WindowDataset
from dlnet.distill.synthetic import Fleet, add_synthetic_windows, shifted, simulated
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


def test_only_the_teacher_labels_them_from_the_same_window(example):
    training_data, teacher = example
    z = shifted(training_data, 2, 0.5, seed=1)
    found = add_synthetic_windows(training_data, teacher, z)
    assert len(found.z) == 3 * len(training_data.z)
    assert found.labelled == training_data.labelled
    assert torch.isnan(found.change[len(training_data.z) :]).all()
    torch.testing.assert_close(found.change[: training_data.labelled], training_data.change[: training_data.labelled])
    members = [predict({k: v[i : i + 1] for k, v in teacher.parameters.items()}, z, teacher.config)[0] for i in (0, 1)]
    torch.testing.assert_close(found.teacher[len(training_data.z) :], (members[0] + members[1]) / 2)


def test_students_train_on_them(example):
    training_data, teacher = example
    found = add_synthetic_windows(training_data, teacher, shifted(training_data, 1, 0.3, seed=0))
    config = net_config(teacher.encoder, "liquid", 4, "euler", 1)
    jobs, plan = [Job("a", 0, "l1", 0.2), Job("b", 0)], TrainPlan(steps=20, batch=32, check=10)
    with_teacher, alone = train(config, jobs, [found], plan)
    assert with_teacher.mae_validation > 0
    assert not torch.equal(with_teacher.parameters["wx"], alone.parameters["wx"])


def test_losses_of_hidden_states_are_rejected_with_synthetic_windows():
    training = {"steps": 4, "batch": 8, "learning_rate": 4e-3, "weight_decay": 0.0, "check": 2, "patience": 9}
    content = {"hidden": {"liquid": [4]}, "losses": ["labels", "hint"], "seeds": [0], "substeps": 1, "alpha": 0.5}
    content |= {"hint_width": 4, "branches": 1, "training": training, "shifted": {"copies": 1, "spread": 0.1}}
    content |= {"temperature": 4.0, "simulated_stride": 0}
    with pytest.raises(ValueError, match=r"or simulated_stride, losses may only be labels, l1, mse, cosine"):
        StudentParams(**content)


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
