"""Persistence, line and parabola against numpy's polyfit."""

import numpy as np
import pytest
from synthetic_dataset import synthetic_dataset

from dlnet.baselines.trends import Trend

DATASET = synthetic_dataset()
ENDS = DATASET.windows("validation", 3)


@pytest.mark.parametrize(("degree", "length"), [(1, 7), (1, 12), (2, 12), (2, 5)])
def test_trend_is_the_fitted_polynomial_moved_to_the_last_row(degree, length):
    history, x = DATASET.history(ENDS)[:, -length:], np.arange(1 - length, 1)
    truth = []
    for row in history:
        fitted = np.polyfit(x, row, degree)
        truth.append(row[-1] + np.polyval(fitted, np.arange(1, 11)) - np.polyval(fitted, 0))
    np.testing.assert_allclose(Trend(degree, length, 10).forecast(DATASET, ENDS), truth, atol=2e-7)


def test_persistence_repeats_the_last_health():
    found = Trend(0, 1, 10).forecast(DATASET, ENDS)
    np.testing.assert_array_equal(found, np.repeat(DATASET.health[ENDS - 1][:, None], 10, axis=1).astype(np.float32))


def test_trends_store_nothing_and_use_the_target():
    trend = Trend(2, 12, 10)
    assert (trend.bytes, trend.parameters, trend.uses_target) == (0, 0, True)
