"""Charge features against closed forms, SciPy and bad curves."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from dlnet.data.features import FEATURES, ChargeWindow, charge_features
from dlnet.errors import DataError

CURRENT = 1.1
TAU = 150.0
RAMP = 0.2 / 500
TURN = 700.0
WINDOW = ChargeWindow()


def curve(step=1.0, phase=0.0, shape=None):
    """Voltage rises to 3.6 V in a straight line (or as ``shape`` of time says), then current decays."""
    time = np.arange(phase, 1400.0, step)
    rise = shape or (lambda t: 3.6 - RAMP * (TURN - t))
    voltage = np.where(time < TURN, rise(time), 3.6)
    current = np.where(time < TURN, CURRENT, CURRENT * np.exp(-(time - TURN) / TAU))
    return time, voltage, current


def bent(time):
    """A convex rise like a real one: slow, then quick."""
    return 3.35 + 0.25 * (time / TURN) ** 4


@pytest.fixture(scope="module")
def straight():
    return charge_features(*curve(0.5))


def test_names_and_order_are_those_of_the_published_files():
    assert list(charge_features(*curve())) == list(FEATURES)
    assert len(FEATURES) == 16


def test_straight_ramp_has_the_moments_of_a_uniform_distribution(straight):
    width = 0.2 - 0.005
    assert straight["voltage mean"] == pytest.approx(3.4 + width / 2, abs=1e-9)
    assert straight["voltage std"] == pytest.approx(width / np.sqrt(12), rel=1e-4)
    assert straight["voltage skewness"] == pytest.approx(0, abs=1e-6)
    assert straight["voltage kurtosis"] == pytest.approx(-1.2, abs=1e-3)


def test_straight_ramp_slope_charge_and_time(straight):
    seconds = 0.195 / RAMP
    assert straight["voltage slope"] == pytest.approx(RAMP * WINDOW.sample_s, rel=1e-9)
    assert straight["CC charge time"] == pytest.approx(seconds, rel=1e-9)
    assert straight["CC Q"] == pytest.approx(CURRENT * seconds / 3600, rel=1e-9)


def test_decaying_current_time_and_charge(straight):
    assert straight["CV charge time"] == pytest.approx(TAU * np.log(5), rel=1e-4)
    assert straight["CV Q"] == pytest.approx(TAU * 0.4 / 3600, rel=1e-4)
    assert straight["current mean"] == pytest.approx(0.4 / np.log(5), rel=1e-4)


def test_decaying_current_moments(straight):
    length = np.log(5)
    mean = 0.4 / length
    variance = (0.5**2 - 0.1**2) / 2 / length - mean**2
    third = (0.5**3 - 0.1**3) / 3 / length - 3 * mean * variance - mean**3
    assert straight["current std"] == pytest.approx(np.sqrt(variance), rel=1e-4)
    assert straight["current skewness"] == pytest.approx(third / variance**1.5, rel=1e-3)


def test_decaying_current_slope(straight):
    # Covariance of x and 0.5 exp(-x) over 0..L, by parts, over the variance L^2 / 12 of x.
    length = np.log(5)
    first_moment = (0.5 - 0.1 - 0.1 * length) / length
    covariance = first_moment - length / 2 * (0.4 / length)
    assert straight["current slope"] == pytest.approx(covariance / (length**2 / 12) / TAU * 5, rel=1e-4)


def test_decaying_current_entropy(straight):
    # Integral of x ln x over a decay from a to b is tau [x ln x - x] from b to a.
    charge = TAU * 0.4
    weighted = TAU * ((0.5 * np.log(0.5) - 0.5) - (0.1 * np.log(0.1) - 0.1))
    assert straight["current entropy"] == pytest.approx(np.log(charge / 5) - weighted / charge, rel=1e-4)


def test_agrees_with_scipy_on_evenly_spaced_samples():
    found = charge_features(*curve(0.05, shape=bent))
    time, voltage, _ = curve(0.05, shape=bent)
    inside = voltage[(time < TURN) & (voltage >= 3.4) & (voltage <= 3.595)]
    assert found["voltage std"] == pytest.approx(np.std(inside), rel=1e-3)
    assert found["voltage kurtosis"] == pytest.approx(stats.kurtosis(inside), abs=2e-3)
    assert found["voltage skewness"] == pytest.approx(stats.skew(inside), abs=2e-3)
    assert found["voltage slope"] == pytest.approx(
        stats.linregress(np.arange(inside.size) * 0.05, inside).slope * 5, rel=1e-3
    )
    # SciPy's entropy is that of one sample each 0.05 s; the feature's unit is one each 5 s.
    assert found["voltage entropy"] == pytest.approx(stats.entropy(inside) - np.log(5 / 0.05), rel=1e-4)


def test_current_entropy_is_that_of_samples_five_seconds_apart():
    found = charge_features(*curve(0.5))
    samples = 0.5 * np.exp(-np.arange(2.5, TAU * np.log(5), 5) / TAU)
    assert found["current entropy"] == pytest.approx(stats.entropy(samples), abs=0.01)


@settings(deadline=None, max_examples=40)
@given(step=st.floats(0.5, 10), phase=st.floats(0, 5))
def test_sampling_rate_and_phase_do_not_matter(step, phase):
    fine = charge_features(*curve(0.25, shape=bent))
    coarse = charge_features(*curve(step, phase, shape=bent))
    for name in FEATURES:
        slack = 0.1 if "kurtosis" in name or "skewness" in name else 0.02 * abs(fine[name])
        assert coarse[name] == pytest.approx(fine[name], abs=slack), name


def test_uneven_sampling_does_not_matter():
    time, voltage, current = curve(0.5, shape=bent)
    kept = np.sort(np.random.default_rng(0).choice(time.size, time.size // 3, replace=False))
    whole, sparse = (
        charge_features(time, voltage, current),
        charge_features(time[kept], voltage[kept], current[kept]),
    )
    assert list(sparse.values()) == pytest.approx(list(whole.values()), rel=0.01, abs=0.01)


def test_an_earlier_faster_step_is_ignored():
    time, voltage, current = curve()
    fast = np.linspace(3.3, 3.58, 120)
    joined = (
        np.concatenate([np.arange(120.0), time + 120]),
        np.concatenate([fast, voltage]),
        np.concatenate([np.full(120, 4.0), current]),
    )
    assert charge_features(*joined) == pytest.approx(charge_features(time, voltage, current), rel=1e-9)


def test_cv_part_begins_at_the_cutoff_where_the_current_is_low_already():
    time, voltage, current = curve()
    found = charge_features(time, voltage, current * 0.4)
    assert found["CV charge time"] == pytest.approx(TAU * np.log(4.4), abs=15)


def test_sample_unit_moves_slope_and_entropy_only():
    other = charge_features(*curve(), dataclasses.replace(WINDOW, sample_s=1.0))
    plain = charge_features(*curve())
    assert other["voltage slope"] == pytest.approx(plain["voltage slope"] / 5)
    assert other["current entropy"] == pytest.approx(plain["current entropy"] + np.log(5))
    assert other["current std"] == plain["current std"]


def broken(**changes):
    time, voltage, current = curve()
    parts = {"time": time, "voltage": voltage, "current": current}
    for name, change in changes.items():
        parts[name] = change(parts[name])
    return parts["time"], parts["voltage"], parts["current"]


def put(at, value):
    def change(array):
        array = array.copy()
        array[at] = value
        return array

    return change


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"voltage": lambda v: v[:-1]}, "lengths differ: 1400 times, 1399 voltages, 1400 currents"),
        ({"voltage": put(7, np.nan)}, r"voltage_v\[7\] is nan"),
        ({"current": put(3, np.inf)}, r"current_a\[3\] is inf"),
        ({"time": put(10, 9.0)}, "time_s must rise, but goes from 9.0 to 9.0 at 10"),
        ({"voltage": lambda v: v - 0.1}, "never reaches 3.595 V"),
        ({"voltage": lambda v: np.maximum(v, 3.45)}, "no sample below 3.4 V"),
        ({"current": lambda i: np.maximum(i, 0.2)}, "current stays above 0.1 A"),
        ({"current": lambda i: np.where(i < 1, 0.05, i)}, "0 samples in the CV part, 8 needed"),
        ({"time": lambda t: t[:, None]}, "one-dimensional"),
        ({"time": lambda t: ["x"] * t.size}, "not numbers"),
        (dict.fromkeys(("time", "voltage", "current"), lambda x: x[:0]), "no samples"),
    ],
)
def test_a_bad_curve_is_named(changes, message):
    with pytest.raises(DataError, match=message):
        charge_features(*broken(**changes))


def test_too_few_samples_in_the_cc_part():
    with pytest.raises(DataError, match="samples in the CC part, 8 needed"):
        charge_features(*curve(100.0))


@pytest.mark.parametrize(
    "limits",
    [
        {"below_v": 0.001},
        {"current_to_a": 0.6},
        {"cutoff_v": float("nan")},
        {"sample_s": 0.0},
        {"min_samples": 1},
    ],
)
def test_a_bad_window_is_rejected(limits):
    with pytest.raises(DataError, match="charge window"):
        ChargeWindow(**limits)
