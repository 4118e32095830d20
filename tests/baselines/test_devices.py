"""Small baselines: which features they have, what they know of the past, and that saved ones forecast the same."""

from dataclasses import replace

import numpy as np
import pytest
from small_grid import baselines_params
from synthetic_dataset import CHANNELS, synthetic_dataset, task

from dlnet.baselines.boosting import fit_boosting, fit_boosting_age
from dlnet.baselines.devices import best_features, fit_forest_device, fit_linear_device
from dlnet.baselines.forms import count_of, names_of, terms_of
from dlnet.baselines.ridge import fit_ridge, fit_squares
from dlnet.baselines.saved import save_baseline
from dlnet.baselines.summaries import NONE, Summary
from dlnet.config.task import Memory
from dlnet.forecast.predict import Prepared, predict
from dlnet.saved import load

MEMORY = Memory((20, 50), (1, 6))
TASK = task(with_target=CHANNELS | {"quantiles": 5, "history": [20, 50], "youth": [1, 6]})
DATASET = synthetic_dataset(TASK)
ENDS = DATASET.windows("test", 3)
PARAMS = baselines_params()


@pytest.fixture(scope="module")
def models():
    ridge, plain = fit_ridge(DATASET, TASK, PARAMS), fit_boosting(DATASET, TASK, PARAMS)
    linear = fit_linear_device(DATASET, TASK, PARAMS)
    return {
        "ridge": ridge,
        "boosting": plain,
        "boosting_age": fit_boosting_age(DATASET, TASK, PARAMS, plain, ridge),
        "linear_device": linear,
        "forest_device": fit_forest_device(DATASET, TASK, PARAMS, linear.features),
    }


def test_what_each_knows_of_the_past(models):
    known = {name: (model.summary.memory, model.summary.age) for name, model in models.items()}
    assert known["boosting"] == (NONE, False)
    assert known["boosting_age"] in ((NONE, True), (MEMORY, True))
    assert not known["ridge"][1] and not known["linear_device"][1]
    assert known["forest_device"][1]
    for name in ("ridge", "linear_device", "forest_device", "boosting_age"):
        assert {trial["memory"] for trial in models[name].chosen["tried"]} == {False, True}


def test_small_ones_have_few_features_and_trees(models):
    assert len(models["linear_device"].features) <= 2
    assert models["forest_device"].features == models["linear_device"].features
    assert all(len(forest.first) <= 5 and forest.leaves <= 20 for forest in models["forest_device"].forests)


def test_terms_have_names_in_their_order():
    x = np.array([[2.0, 3.0, 5.0]])
    assert names_of("quadratic", ("a", "b", "c")) == (
        "a", "b", "c", "a x a", "a x b", "a x c", "b x b", "b x c", "c x c",
    )  # fmt: skip
    assert terms_of("quadratic", x).tolist() == [[2, 3, 5, 4, 6, 10, 9, 15, 25]]
    assert terms_of("linear", x).tolist() == [[2, 3, 5]]
    assert [count_of(kind, 3) for kind in ("linear", "quadratic")] == [3, 9]


def test_the_best_features_are_found_one_after_the_other():
    summary = Summary(True, DATASET.feature_names, 12, 2)
    errors = {
        name: fit_squares(DATASET, TASK, PARAMS, [("linear", replace(summary, features=(name,)))]).chosen[
            "mae_validation"
        ]
        for name in DATASET.feature_names
    }
    first = best_features(DATASET, TASK, PARAMS, "linear", summary, 1)
    assert first == (min(errors, key=errors.get),)
    assert best_features(DATASET, TASK, PARAMS, "linear", summary, 2)[:1] == first
    assert best_features(DATASET, TASK, PARAMS, "linear", summary, 3) == DATASET.feature_names


@pytest.mark.parametrize("name", ["ridge", "boosting", "boosting_age", "linear_device", "forest_device"])
def test_saved_ones_forecast_from_all_rows_of_an_asset_as_in_training(models, name, tmp_path):
    save_baseline(tmp_path, name, models[name], DATASET)
    loaded, end = load(tmp_path), int(ENDS[-1])
    assert loaded.remembers == (models[name].summary.age or models[name].summary.memory != NONE)
    truth = models[name].forecast(DATASET, np.array([end]))[0]
    own = np.flatnonzero(DATASET.asset_index[:end] == DATASET.asset_index[end - 1])
    features = DATASET.features[own][:, DATASET.columns(list(loaded.features))]
    asset = Prepared("a", tmp_path, 1.1, DATASET.health[own], features, (), ())
    (found,) = predict([asset], loaded)
    np.testing.assert_array_equal(found.ahead, loaded.document.quantities.target.from_health(truth))
    np.testing.assert_array_equal(loaded.predict(DATASET.histories(np.array([end]), loaded.features))[0], truth)
