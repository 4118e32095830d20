"""Boosting: choice, size and reproducibility against scikit-learn and against traversed trees."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from small_grid import baselines_params
from synthetic_dataset import synthetic_dataset, task
from threadpoolctl import threadpool_limits

from dlnet.baselines.boosting import fit_boosting, fit_boosting_for, fit_boosting_targets
from dlnet.baselines.forest import Forest
from dlnet.baselines.summaries import mae


def traversed(tree):
    """Splits and leaves reached from the root of a tree."""
    splits, leaves, nodes = 0, 0, [0]
    while nodes:
        node = tree[nodes.pop()]
        if node["is_leaf"]:
            leaves += 1
        else:
            splits += 1
            nodes += [int(node["left"]), int(node["right"])]
    return splits, leaves


@pytest.fixture(scope="module")
def with_target():
    dataset = synthetic_dataset()
    return dataset, fit_boosting(dataset, task(), baselines_params())


@pytest.fixture(scope="module")
def sensors_only():
    dataset = synthetic_dataset(task("sensors_only"))
    return dataset, fit_boosting_targets(dataset, task("sensors_only"), baselines_params())


@pytest.mark.parametrize("loss", ["absolute_error", "squared_error"])
def test_a_forest_is_scikit_learns_to_the_last_bit(loss):
    rng = np.random.default_rng(0)
    x, unseen = rng.normal(size=(300, 4)), rng.normal(size=(200, 4))
    y = x[:, 0] * x[:, 1] + rng.normal(size=300)
    fitted = HistGradientBoostingRegressor(loss=loss, max_iter=9, max_leaf_nodes=7, random_state=0).fit(x, y)
    forest = Forest.of(fitted)
    np.testing.assert_array_equal(forest.predict(unseen), fitted.predict(unseen))
    counts = [traversed(tree.nodes) for iteration in fitted._predictors for tree in iteration]
    assert (forest.splits, forest.leaves) == tuple(sum(column) for column in zip(*counts, strict=True))
    again = Forest.from_arrays(forest.arrays())
    np.testing.assert_array_equal(again.predict(unseen), forest.predict(unseen))


def test_bytes_and_parameters_are_those_of_splits_and_leaves(with_target):
    _, model = with_target
    splits, leaves = model.nodes
    assert model.bytes == 9 * splits + 4 * leaves + 4 * 3
    assert model.parameters == 2 * splits + leaves + 3


def test_each_forest_has_as_many_trees_as_were_chosen(with_target):
    _, model = with_target
    assert [len(forest.first) for forest in model.forests] == model.chosen["iterations"]
    assert all(1 <= count <= 12 for count in model.chosen["iterations"])


def test_a_knot_is_scikit_learns_forest_stopped_where_validation_is_least(with_target):
    dataset, model = with_target
    train, validation = dataset.windows("train", 1), dataset.windows("validation", 3)
    targets = [dataset.targets(ends)[:, 4] - dataset.health[ends - 1] for ends in (train, validation)]
    forest = HistGradientBoostingRegressor(
        loss="absolute_error",
        learning_rate=0.3,
        max_iter=12,
        max_leaf_nodes=model.chosen["leaves"],
        min_samples_leaf=3,
        max_features=0.5,
        early_stopping=False,
        random_state=0,
    ).fit(model.summary.of(dataset.histories(train, model.features)), targets[0])
    staged = np.array(list(forest.staged_predict(model.summary.of(dataset.histories(validation, model.features)))))
    least = np.abs(staged - targets[1]).mean(axis=1).argmin()
    found = model.forecast(dataset, validation)[:, 4] - dataset.health[validation - 1]
    np.testing.assert_allclose(found, staged[least], atol=1e-7)


def test_every_feature_set_then_every_size_of_tree_is_tried(with_target):
    dataset, model = with_target
    tried = [(trial["features"], trial["leaves"]) for trial in model.chosen["tried"]]
    assert tried == [(["charge", "duration", "slope"], 4), (["charge"], 4), (model.chosen["features"], 8)]
    errors = [trial["mae_validation"] for trial in model.chosen["tried"]]
    ends = dataset.windows("validation", 3)
    assert mae(model.forecast(dataset, ends), dataset.targets(ends)) == pytest.approx(min(errors), rel=1e-5)


def test_the_ridge_it_starts_from_is_counted_and_added(sensors_only):
    dataset, fitted = sensors_only
    model, ends = fitted["ridge"], dataset.windows("test", 3)
    splits, leaves = model.nodes
    assert model.bytes == 9 * splits + 4 * leaves + 4 * 4 + model.start.bytes
    values = np.stack(
        [forest.predict(model.summary.of(dataset.histories(ends, model.features))) for forest in model.forests], axis=1
    )
    lines = np.array([np.interp(np.arange(1, 11), [1, 2, 5, 10], row) for row in values])
    np.testing.assert_allclose(model.forecast(dataset, ends), model.start.forecast(dataset, ends) + lines, atol=1e-6)


def test_of_several_targets_the_best_on_validation_is_taken(sensors_only):
    dataset, fitted = sensors_only
    ends = dataset.windows("validation", 3)
    errors = {target: mae(model.forecast(dataset, ends), dataset.targets(ends)) for target, model in fitted.items()}
    best = fit_boosting(dataset, task("sensors_only"), baselines_params())
    assert best.chosen["target"] == min(errors, key=errors.get)


@pytest.mark.parametrize("target", ["absolute", "ridge"])
def test_on_track_sensors_only_the_health_of_past_rows_has_no_effect(sensors_only, target):
    dataset, fitted = sensors_only
    blind, ends = replace(dataset, health=np.full_like(dataset.health, np.nan)), dataset.windows("test", 3)
    found = fit_boosting_for(blind, task("sensors_only"), baselines_params(), target)
    np.testing.assert_array_equal(found.forecast(blind, ends), fitted[target].forecast(dataset, ends))
    assert not found.uses_target


def test_same_bytes_for_any_number_of_threads_and_without_test_targets(with_target):
    dataset, model = with_target
    ends = dataset.windows("test", 3)
    with threadpool_limits(1):
        again = fit_boosting(synthetic_dataset(allow_test=True), task(), baselines_params())
        np.testing.assert_array_equal(again.forecast(dataset, ends), model.forecast(dataset, ends))


def test_absolute_targets_on_track_with_target_are_not_anchored():
    model = fit_boosting_for(synthetic_dataset(), task(), baselines_params(), "absolute")
    assert model.knots.at == (1, 2, 5, 10)
