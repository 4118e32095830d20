"""Ridge against its normal equations and against scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge as Truth
from small_grid import baselines_params
from synthetic_dataset import synthetic_dataset, task

from dlnet.baselines.forms import products, standardised
from dlnet.baselines.ridge import fit_ridge, ridge_path
from dlnet.baselines.summaries import mae

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(3, [1, 5, 0.2, 2], (60, 4))
Y = X @ RANDOM.normal(size=(4, 2)) + RANDOM.normal(size=(60, 2))


@pytest.mark.parametrize("alpha", [0.01, 3.0, 500.0])
def test_solution_solves_the_normal_equations(alpha):
    ((b, c),) = ridge_path(X, Y, [alpha])
    penalty = alpha * np.diag(X.std(axis=0) ** 2)
    residual = Y - X @ b - c
    np.testing.assert_allclose(X.T @ residual, penalty @ b, atol=1e-8)
    np.testing.assert_allclose(residual.sum(axis=0), 0, atol=1e-10)


def test_path_equals_scikit_learn_on_standardised_columns():
    z = (X - X.mean(axis=0)) / X.std(axis=0)
    for alpha, (b, c) in zip([0.1, 10], ridge_path(X, Y, [0.1, 10]), strict=True):
        np.testing.assert_allclose(X @ b + c, Truth(alpha=alpha).fit(z, Y).predict(z), atol=1e-10)


def test_constant_column_has_no_effect():
    wide = np.column_stack([X, np.full(60, 0.1)])
    ((b, _),) = ridge_path(wide, Y, [0.1])
    assert np.all(b[-1] == 0)


def test_products_are_the_numbers_and_each_pair():
    assert products(np.array([[2.0, 3.0, 5.0]])).tolist() == [[2, 3, 5, 4, 6, 10, 9, 15, 25]]


def test_inputs_are_clipped_at_four_deviations():
    found = standardised(np.array([[100.0, -100.0, 1.0]]), np.zeros(3, np.float32), np.full(3, 2, np.float32))
    assert found.tolist() == [[4, -4, 0.5]]


@pytest.mark.parametrize("track", ["with_target", "sensors_only"])
def test_the_best_of_all_tried_is_kept(track):
    dataset = synthetic_dataset(task(track))
    model = fit_ridge(dataset, task(track), baselines_params())
    ends = dataset.windows("validation", 3)
    tried = model.chosen["tried"]
    assert [trial["error"] for trial in tried].count("squares") == 4
    error = mae(model.forecast(dataset, ends), dataset.targets(ends))
    assert error == pytest.approx(model.chosen["mae_validation"], rel=1e-4)
    assert error <= min(trial["mae_validation"] for trial in tried if trial["error"] == "squares") * (1 + 1e-4)


def test_stored_numbers_are_counted():
    model = fit_ridge(
        synthetic_dataset(),
        task(),
        baselines_params(),
    )
    width = 7 + 2 * len(model.summary.features)
    assert model.parameters == 2 * width + (width + width * (width + 1) // 2 + 1) * 3
    assert model.bytes == 4 * model.parameters
    assert all(part.dtype == np.float32 for part in (model.center, model.scale, model.coefficients, model.intercept))


def test_on_track_sensors_only_the_health_of_past_rows_has_no_effect():
    dataset = synthetic_dataset(task("sensors_only"))
    blind = replace(dataset, health=np.full_like(dataset.health, np.nan))
    ends = dataset.windows("test", 3)
    found, truth = (
        fit_ridge(data, task("sensors_only"), baselines_params()).forecast(data, ends) for data in (blind, dataset)
    )
    np.testing.assert_array_equal(found, truth)


def test_test_targets_have_no_effect():
    ends = synthetic_dataset().windows("test", 3)
    hidden, open_ = synthetic_dataset(), synthetic_dataset(allow_test=True)
    found = [fit_ridge(dataset, task(), baselines_params()).forecast(dataset, ends) for dataset in (hidden, open_)]
    np.testing.assert_array_equal(found[0], found[1])
