"""A window of weight 2 counts as two windows in fits to squares and to absolute error, and in boosting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_grid import baselines_params
from synthetic_dataset import synthetic_dataset, task

from dlnet.baselines.absolute import absolute_errors
from dlnet.baselines.boosting import fit_boosting
from dlnet.baselines.ridge import ridge_path


@pytest.fixture
def rows():
    source = np.random.default_rng(0)
    x = source.normal(size=(60, 3))
    return x, x @ [[1.0], [-2.0], [0.5]] + source.laplace(0, 0.3, (60, 1)), source.integers(1, 4, 60)


def test_squares(rows):
    """Standardisation is not weighted, so both are compared where the penalty hardly matters."""
    x, y, count = rows
    ((b, c),) = ridge_path(x, y, [1e-9], count.astype(float))
    ((again, level),) = ridge_path(np.repeat(x, count, 0), np.repeat(y, count, 0), [1e-9])
    np.testing.assert_allclose(b, again, rtol=1e-6)
    np.testing.assert_allclose(c, level, rtol=1e-6, atol=1e-9)


def test_absolute_error(rows):
    x, y, count = rows
    z, start = np.column_stack([x, np.ones(60)]), np.zeros(4)
    found = absolute_errors(z, y[:, 0], 0.5, start, 0.3, 200, count.astype(float))
    twice = absolute_errors(np.repeat(z, count, 0), np.repeat(y[:, 0], count), 0.5, start, 0.3, 200)
    np.testing.assert_allclose(found, twice, atol=2e-3)


def test_a_public_asset_of_little_weight_hardly_moves_boosting():
    """Labels of a public asset are spoiled: with a small weight forests are nearly those of its absence."""
    params, own = baselines_params(), synthetic_dataset()
    one = next(iter(sorted(own.training)))
    spoiled = replace(own, target=np.where(own.asset_index == own.assets.index(one), 0.2, own.target))
    ends = own.windows("validation", 3)

    def mae(weight: float) -> float:
        dataset = replace(spoiled, public={one: weight})
        model = fit_boosting(dataset, task(), params)
        return own.errors(model.forecast(dataset, ends), ends).mae

    assert mae(1e-6) < 0.5 * mae(1.0)
