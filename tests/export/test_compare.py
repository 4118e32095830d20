"""Engines are compared with the integer reference."""

from dataclasses import replace

import numpy as np
import pytest

from dlnet.export.compare import EngineMismatch, check_agreement, largest_difference
from dlnet.export.reference import Trace


@pytest.mark.parametrize("mae", [0.00100, 0.00101, 0.000991])
def test_an_engine_within_the_bound_passes(mae):
    assert check_agreement("m", {"reference": 0.001, "tflm": mae}, 1.01) is None


@pytest.mark.parametrize("mae", [0.00102, 0.00098, float("nan")])
def test_an_engine_outside_it_is_named(mae):
    with pytest.raises(EngineMismatch, match="models/edge/m: tflm"):
        check_agreement("m", {"reference": 0.001, "tflm": mae}, 1.01)


def test_distances_are_those_of_windows_with_the_same_branch():
    codes = np.zeros((3, 2), np.int16)
    one = Trace(np.zeros((3, 4, 2), np.int16), codes, np.array([0, 1, 1], np.int16), codes, codes.astype(np.int32))
    moved = np.array([[-3, 1], [900, 900], [2, 4]], np.int16)
    hidden = one.hidden.copy()
    hidden[1, 2, 0] = -7
    other = replace(one, branch=np.array([0, 0, 1]), hidden=hidden, logits=moved, forecast=2 * moved.astype(np.int32))
    assert largest_difference(other, one) == {"hidden": 7, "logits": 4, "forecast": 8, "rerouted": 1}
