"""Engines are held to the integer reference."""

import pytest

from dlnet.export.compare import EngineMismatch, check_agreement


@pytest.mark.parametrize("mae", [0.00100, 0.00101, 0.000991])
def test_an_engine_within_the_bound_passes(mae):
    assert check_agreement("m", {"reference": 0.001, "tflm": mae}, 1.01) is None


@pytest.mark.parametrize("mae", [0.00102, 0.00098, float("nan")])
def test_an_engine_outside_it_is_named(mae):
    with pytest.raises(EngineMismatch, match="models/edge/m: tflm"):
        check_agreement("m", {"reference": 0.001, "tflm": mae}, 1.01)
