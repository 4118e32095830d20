"""Charge features as the device streams them against the Python function, which sees the whole curve at once."""

import ctypes
from enum import IntEnum

import numpy as np
import pytest
from curves import CURVES, charge
from host_compiler import compile_host
from hypothesis import given, settings

from dlnet.data.features import FEATURES, charge_features
from dlnet.errors import DataError

Status = IntEnum("Status", "more done not_a_number out_of_order no_start too_few_samples", start=0)
TOLERANCE = 1e-8  # relative to 1 or to the value, whichever is larger: docs/protocol.md


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    """A function: time, voltage, current -> (last status, 16 features or NaN)."""
    path = tmp_path_factory.mktemp("host") / "features.so"
    library = ctypes.CDLL(str(compile_host("features_host.cpp", path, "-shared", "-fPIC")))

    def run(*curve):
        arrays = [np.ascontiguousarray(values, np.float64) for values in curve]
        out = np.full(16, np.nan)
        pointers = [values.ctypes.data_as(ctypes.c_void_p) for values in (*arrays, out)]
        return Status(library.charge(ctypes.c_long(len(arrays[0])), *pointers)), out

    return run


def python(curve):
    """The features, or None where the Python function refuses the curve."""
    try:
        return np.array([charge_features(*curve)[name] for name in FEATURES])
    except DataError:
        return None


@settings(max_examples=200)
@given(curve=CURVES)
def test_streamed_features_are_those_of_the_whole_curve(device, curve):
    status, found = device(*curve)
    expected = python(curve)
    assert (status is Status.done) == (expected is not None)
    if expected is not None:
        assert (np.abs(found - expected) <= TOLERANCE * np.maximum(1, np.abs(expected))).all()


@pytest.mark.parametrize("noise", [0.0, 2e-3])
def test_most_synthetic_curves_are_usable(device, noise):
    # Guards the test above: were every curve refused, it would prove nothing.
    statuses = [device(*charge(seed, noise=noise, two_steps=seed % 2 == 0))[0] for seed in range(20)]
    assert statuses.count(Status.done) == 20


def test_a_sample_that_is_not_finite_or_not_later_changes_nothing(device):
    time, voltage, current = charge(0)
    for bad in ((np.nan, 3.5, 1.0), (1e9, np.inf, 1.0), (1e9, 3.5, -np.inf), (0.0, 3.5, 1.0)):
        dirty = [np.insert(values, 50, value) for values, value in zip((time, voltage, current), bad, strict=True)]
        status, found = device(*dirty)
        assert status is Status.done
        np.testing.assert_array_equal(found, device(time, voltage, current)[1])


@pytest.mark.parametrize(
    ("value", "status"), [((np.nan, 3.5, 1), Status.not_a_number), ((0.0, 3.5, 1), Status.out_of_order)]
)
def test_a_refused_sample_is_answered_by_its_status(device, value, status):
    curve = [np.append(values[:50], new) for values, new in zip(charge(0), value, strict=True)]
    assert device(*curve)[0] is status


def test_a_charge_that_begins_above_the_rise_cannot_be_used(device):
    time, voltage, current = charge(0)
    late = voltage >= 3.45
    assert python((time[late], voltage[late], current[late])) is None
    assert device(time[late], voltage[late], current[late])[0] is Status.no_start


def test_a_charge_sampled_too_rarely_cannot_be_used(device):
    curve = charge(0, step=60.0)
    assert python(curve) is None
    assert device(*curve)[0] is Status.too_few_samples


def test_a_charge_that_stops_early_is_not_done(device):
    time, voltage, current = charge(0)
    early = current > 0.3
    assert device(time[early], voltage[early], current[early])[0] is Status.more


def test_samples_after_the_end_do_not_change_the_features(device):
    time, voltage, current = charge(0)
    end = int(np.flatnonzero(current <= 0.1)[0]) + 1
    np.testing.assert_array_equal(
        device(time, voltage, current)[1], device(time[:end], voltage[:end], current[:end])[1]
    )
