"""Boosting as a part of the teacher: the mean of two forecasts, and mixtures of rows against brute force."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML
from synthetic_dataset import synthetic_encoder, task

from dlnet.config.baselines import BaselinesParams
from dlnet.config.students import MixedParams
from dlnet.data.windows import Histories
from dlnet.distill.targets import add_teacher_targets
from dlnet.distill.trees import load_teacher, mixed_rows, mixture, with_boosting
from dlnet.errors import DLNetError
from dlnet.models.architectures import mean_prediction
from dlnet.models.network import initial
from dlnet.models.shapes import net_config
from dlnet.models.trained import TrainedModel
from dlnet.train.data import make_training_data, training_windows

PROJECT = Path(__file__).parents[2]
BOOSTING = {"targets": {"with_target": ["change"], "sensors_only": ["absolute"]}, "learning_rates": [0.3]}
BOOSTING |= {"leaves": [4], "iterations": 2, "min_leaf": 3, "feature_share": 0.5}
MIXED = MixedParams(copies=1, reach=0.2, spread=0.0)


def baselines_params():
    """The project's section with a small forest."""
    content = YAML(typ="safe").load(PROJECT / "params.yaml")["baselines"]
    features = {"with_target": ["own"], "sensors_only": ["own"]}
    return BaselinesParams.model_validate(
        content | {"stride": 1, "features": features, "boosting": content["boosting"] | BOOSTING}
    )


@pytest.fixture(scope="module")
def taught():
    dataset, encoder = synthetic_encoder()
    config = net_config(encoder, "liquid", 4, "euler", 1)
    network = TrainedModel("teacher", encoder, config, initial(config, [0, 1]), {"mae_validation": 1.0}, {})
    return dataset, encoder, with_boosting(network, 0.25, dataset, task(), baselines_params())


def test_the_forecast_is_the_weighted_mean(taught):
    dataset, _, teacher = taught
    ends = dataset.windows("validation", 3)
    parts = [teacher.network.forecast(dataset, ends), teacher.boosting.forecast(dataset, ends)]
    np.testing.assert_allclose(teacher.forecast(dataset, ends), 0.75 * parts[0] + 0.25 * parts[1], atol=1e-6)


def test_it_is_read_as_it_was_written(taught, tmp_path):
    dataset, _, teacher = taught
    teacher.save(tmp_path, dataset)
    again, ends = load_teacher(tmp_path), dataset.windows("validation", 3)
    np.testing.assert_array_equal(again.forecast(dataset, ends), teacher.forecast(dataset, ends))
    assert again.share == 0.25
    (tmp_path / "boosting/model.safetensors").unlink()
    with pytest.raises(DLNetError, match="boosting/model.safetensors"):
        load_teacher(tmp_path)


def test_without_a_share_there_is_no_boosting(taught, tmp_path):
    dataset, _, teacher = taught
    alone = with_boosting(teacher.network, 0.0, dataset, task(), baselines_params())
    alone.save(tmp_path, dataset)
    assert alone.boosting is None
    assert load_teacher(tmp_path).boosting is None
    assert mixed_rows(alone, dataset, training_windows(dataset, task()), taught[1], MIXED, 0) is None


def test_a_mixture_is_that_of_every_number():
    first = Histories(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[[1.0], [2.0]], [[3.0], [4.0]]]), ("a",))
    second = Histories(np.zeros((2, 2)), np.ones((2, 2, 1)), ("a",))
    found = mixture(first, second, np.array([0.5, 1.5]))
    np.testing.assert_allclose(found.health, [[0.5, 1.0], [4.5, 6.0]])
    np.testing.assert_allclose(found.features[..., 0], [[1.0, 1.5], [4.0, 5.5]])
    assert found.names == ("a",)


def test_boosting_labels_the_rows_of_which_networks_see_the_encoding(taught, monkeypatch):
    """The mixtures themselves are caught on their way to boosting; encoder and forests are the truth."""
    dataset, encoder, teacher = taught
    windows = training_windows(dataset, task())
    seen = []
    predict = type(teacher.boosting).predict
    monkeypatch.setattr(type(teacher.boosting), "predict", lambda self, made: seen.append(made) or predict(self, made))
    made = mixed_rows(teacher, dataset, windows, encoder, replace_spread(0.3), seed=3)
    rows = seen[0]
    assert len(made.z) == len(rows.health) == len(windows.train)
    np.testing.assert_allclose(made.z, encoder.encode_history(rows.health, rows.of(encoder.features)))
    health = encoder.anchor_history(rows.health) + made.trees.numpy() * encoder.delta_scale
    np.testing.assert_allclose(health, predict(teacher.boosting, rows), atol=1e-5)


def replace_spread(spread):
    return MIXED.model_copy(update={"spread": spread})


def test_targets_of_synthetic_windows_are_the_mean_of_both(taught):
    dataset, encoder, teacher = taught
    windows = training_windows(dataset, task())
    made = mixed_rows(teacher, dataset, windows, encoder, MIXED, seed=3)
    plain = make_training_data(dataset, encoder, windows)
    found = add_teacher_targets(plain, [(teacher, 1.0)], dataset, encoder, windows, synthetic=made)
    networks = mean_prediction(teacher.network.parameters, made.z, teacher.network.config)
    torch.testing.assert_close(found.teacher[len(plain.z) :], 0.75 * networks + 0.25 * made.trees)
    same = replace(teacher, share=0.0)
    found = add_teacher_targets(plain, [(same, 1.0)], dataset, encoder, windows, synthetic=made)
    torch.testing.assert_close(found.teacher[len(plain.z) :], networks)
