"""Summaries of windows, feature sets and knots against plain loops."""

import numpy as np
import pytest
from synthetic_dataset import synthetic_dataset, task

from dlnet.baselines.summaries import Knots, Summary, mae, slope, summaries
from dlnet.errors import ConfigError

DATASET = synthetic_dataset()
ENDS = DATASET.windows("validation", 5)


def test_slope_is_polyfits():
    history = DATASET.history(ENDS)
    truth = [np.polyfit(np.arange(7), row[-7:], 1)[0] for row in history]
    np.testing.assert_allclose(slope(history, 7), truth, rtol=1e-9, atol=1e-14)


def test_summary_of_one_window():
    end = int(ENDS[0])
    health, charge = DATASET.health[end - 12 : end], DATASET.features[end - 12 : end, 0]
    slopes = [100 * np.polyfit(np.arange(n), health[-n:], 1)[0] for n in (2, 5, 7, 12)]
    recent = charge[-2:].mean()
    truth = [health[-1], *slopes, health[-1] - health[0], health[-1] - 2 * health[6] + health[0]]
    truth += [recent, recent - charge[:2].mean()]
    found = Summary(True, ("charge",), 12, 2).of(DATASET.histories(ENDS[:1], ("charge",)))[0]
    np.testing.assert_allclose(found, truth, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("target", [True, False])
def test_width(target):
    summary = Summary(target, ("charge", "duration"), 12, 2)
    assert summary.of(DATASET.histories(ENDS, ("charge", "duration"))).shape == (len(ENDS), summary.width)


def test_feature_sets_that_the_data_lack_or_that_repeat_are_left_out():
    found = summaries(DATASET, task(), ["own", "all", ["charge"], ["charge", "CV Q"], ["slope", "duration", "charge"]])
    assert [summary.features for summary in found] == [("charge", "duration", "slope"), ("charge",)]


def test_no_fitting_feature_set_is_an_error():
    with pytest.raises(ConfigError, match="no list of features fits"):
        summaries(DATASET, task(), [["CV Q"]])


def test_anchored_knots_interpolate_from_zero():
    values = np.array([[-0.1, -0.4, -0.5], [0.3, 0.2, 0.9]])
    truth = [np.interp(np.arange(1, 11), [0, 2, 5, 10], [0, *row]) for row in values]
    np.testing.assert_allclose(Knots.of(task(), anchored=True).curve(values), truth, atol=1e-15)


def test_absolute_knots_start_with_the_next_row():
    knots, values = Knots.of(task("sensors_only"), anchored=False), np.array([[0.99, 0.97, 0.9, 0.8]])
    truth = np.interp(np.arange(1, 11), [1, 2, 5, 10], values[0])
    assert knots.at == (1, 2, 5, 10)
    np.testing.assert_allclose(knots.curve(values)[0], truth, atol=1e-15)


def test_pick_takes_the_knots_of_a_curve():
    curve = np.arange(1, 11)[None] * 1.0
    assert Knots.of(task(), anchored=True).pick(curve).tolist() == [[2, 5, 10]]


def test_mae():
    assert mae(np.array([[1.0, 2.0]]), np.array([[0.0, 4.0]])) == 1.5
