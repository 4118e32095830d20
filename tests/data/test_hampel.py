"""The vectorised filter of outliers against a scalar loop, and its causality."""

from __future__ import annotations

from statistics import median

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dlnet.data.clean import replace_outliers

# Few distinct values make ties and zero deviations likely; single precision makes differences exact enough.
values = st.integers(-5, 5).map(lambda n: n / 8) | st.floats(-100, 100, width=32)
series = arrays(np.float64, st.integers(1, 40), elements=values)


def scalar_loop(x, before, after, sigmas, floor):
    cleaned, touched = [], []
    for i, value in enumerate(x):
        window = list(x[max(0, i - before) : i + after + 1])
        centre = median(window)
        spread = 1.4826 * median(abs(other - centre) for other in window)
        outlier = abs(value - centre) > max(sigmas * spread, floor)
        cleaned.append(centre if outlier else value)
        touched.append(outlier)
    return np.array(cleaned), np.array(touched)


@settings(deadline=None)
@given(
    series,
    st.integers(0, 8),
    st.integers(0, 8),
    st.sampled_from([1.0, 3.0, 6.0]),
    st.sampled_from([1e-12, 0.3]),
)
def test_equals_the_scalar_loop(x, before, after, sigmas, floor):
    cleaned, touched = replace_outliers(x, before, after, sigmas, floor)
    expected, expected_touched = scalar_loop(x, before, after, sigmas, floor)
    np.testing.assert_array_equal(touched, expected_touched)
    np.testing.assert_array_equal(cleaned, expected)


@settings(deadline=None)
@given(series, st.data())
def test_future_rows_never_change_the_cleaned_past(x, data):
    now = data.draw(st.integers(1, len(x)))
    future = data.draw(arrays(np.float64, len(x) - now, elements=values))
    before, _ = replace_outliers(x, 6, 0, 3.0, 0.006)
    after, _ = replace_outliers(np.concatenate([x[:now], future]), 6, 0, 3.0, 0.006)
    np.testing.assert_array_equal(before[:now], after[:now])


@settings(deadline=None)
@given(arrays(np.float64, (20, 3), elements=values))
def test_columns_are_filtered_one_by_one(x):
    together, touched = replace_outliers(x, 6, 0, 3.0, 0.006)
    for j in range(3):
        alone, alone_touched = replace_outliers(x[:, j], 6, 0, 3.0, 0.006)
        np.testing.assert_array_equal(together[:, j], alone)
        np.testing.assert_array_equal(touched[:, j], alone_touched)


def test_a_spike_becomes_the_median_of_the_window_behind_it():
    x = np.array([1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 9.0])
    cleaned, touched = replace_outliers(x, 6, 0, 3.0, 0.006)
    assert cleaned[-1] == 1.3
    assert touched.tolist() == [False] * 6 + [True]


def test_no_deviation_below_the_floor_is_an_outlier():
    x = np.array([1.0] * 6 + [1.005])
    assert not replace_outliers(x, 6, 0, 3.0, 0.006)[1].any()


def test_a_table_without_columns_stays_without_columns():
    cleaned, touched = replace_outliers(np.empty((9, 0)), 6, 0, 3.0, 0.006)
    assert cleaned.shape == touched.shape == (9, 0)
