"""The teacher: members are trained independently, and their outputs are averaged."""

import numpy as np
import pytest
import torch
from synthetic_dataset import synthetic_encoder, task

from dlnet.config.teacher import TeacherParams
from dlnet.distill.teacher import train_teacher
from dlnet.models.shapes import net_config
from dlnet.models.trained import TrainedModel
from dlnet.train.data import make_training_data, training_windows
from dlnet.train.job import Job
from dlnet.train.loop import train
from dlnet.train.plan import plan_of

TRAINING = {"steps": 6, "batch": 8, "learning_rate": 3e-3, "weight_decay": 1e-4, "check": 3, "patience": 9}
PARAMS = TeacherParams(
    kind="continuous",
    seed=3,
    boosting=0.0,
    ensemble={"cell": "ltc", "hidden": 4, "members": 3, "noise": [1, 2], "training": TRAINING},
    continuous={"cell": "liquid", "solver": "fused", "substeps": 1, "hidden": 6, "members": 2, "training": TRAINING},
)


@pytest.mark.slow
def test_members_are_those_of_their_seeds_and_their_outputs_are_averaged(tmp_path):
    dataset, encoder = synthetic_encoder()
    windows = training_windows(dataset, task())
    data = make_training_data(dataset, encoder, windows)
    teacher, results = train_teacher(encoder, PARAMS, data, 0.1, tmp_path)
    config, plan = net_config(encoder, "liquid", 6, "fused", 1), plan_of(PARAMS.continuous.training, 0.1)
    alone = [train(config, [Job("member", 3000 + i)], [data], plan)[0] for i in range(2)]
    for m, truth in enumerate(alone):
        assert results[m].mae_validation == truth.mae_validation
        assert all(torch.equal(teacher.parameters[name][m], value) for name, value in truth.parameters.items())
    assert teacher.metrics == {"members_mae_validation": [member.mae_validation for member in alone]}
    single = [
        TrainedModel("m", encoder, config, {name: value[None] for name, value in member.parameters.items()})
        for member in alone
    ]
    mean = sum(member.forecast(dataset, windows.validation) for member in single) / 2
    np.testing.assert_allclose(teacher.forecast(dataset, windows.validation), mean, atol=1e-6)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["member-0.safetensors", "member-1.safetensors"]


def test_members_of_an_ensemble_are_small_and_take_the_values_of_noise_in_turn(tmp_path):
    """Each is the student that the trainer gives with that noise; together they forecast the mean of all."""
    dataset, encoder = synthetic_encoder()
    windows = training_windows(dataset, task())
    data = make_training_data(dataset, encoder, windows)
    params = PARAMS.model_copy(update={"kind": "ensemble"})
    teacher, results = train_teacher(encoder, params, data, 0.1, tmp_path)
    config = net_config(encoder, "ltc", 4, "euler", 1)
    assert teacher.config == config
    alone = [
        train(config, [Job("m", 3000 + i)], [data], plan_of(params.ensemble.training, noise))[0]
        for i, noise in enumerate((0.1, 0.2, 0.1))
    ]
    for m, truth in enumerate(alone):
        assert results[m].mae_validation == pytest.approx(truth.mae_validation, rel=1e-5)
    members = [
        TrainedModel("m", encoder, config, {name: value[None] for name, value in member.parameters.items()})
        for member in alone
    ]
    mean = sum(member.forecast(dataset, windows.validation) for member in members) / 3
    np.testing.assert_allclose(teacher.forecast(dataset, windows.validation), mean, atol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["member-0.safetensors"], "they train side by side"
