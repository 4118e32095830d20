"""Primitives against exact fractions and against libm."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnet.errors import ModelError
from dlnet.export import fixed

CODES = np.arange(-32768, 32768)


@given(st.integers(-(2**31), 2**31 - 1), st.integers(2**30, 2**31 - 1), st.integers(33, 62))
def test_requantise_rounds_the_exact_product_once(value, multiplier, shift):
    exact = Fraction(value * multiplier, 2**shift)
    assert int(fixed.requantise(np.array(value), multiplier, shift)) == math.floor(exact + Fraction(1, 2))


@given(st.floats(2.0**-30, 2.0**28))
def test_multiplier_is_within_half_a_unit_of_its_31_bits(real):
    multiplier, shift = fixed.multiplier_of(real)
    assert 2**30 <= multiplier < 2**31
    assert abs(Fraction(multiplier, 2**shift) - Fraction(real)) <= Fraction(1, 2 ** (shift + 1))


@pytest.mark.parametrize("real", [0.0, -1.0, math.inf, math.nan, 2.0**40, 2.0**-40])
def test_a_scale_without_a_multiplier_is_refused(real):
    with pytest.raises(ModelError, match="scale"):
        fixed.multiplier_of(real)


def test_sigmoid_is_within_one_unit_everywhere():
    got = fixed.sigmoid(fixed.make_tables()["sigmoid"], CODES)
    exact = 2**15 / (1 + np.exp(-CODES / 4096))
    assert np.abs(got - exact).max() < 1.5
    assert (got.min(), got.max()) == (11, 32757)


def test_tanh_is_within_four_units_everywhere():
    got = fixed.tanh(fixed.make_tables()["tanh"], CODES)
    assert np.abs(got - 2**15 * np.tanh(CODES / 4096)).max() < 4
    assert np.abs(got).max() <= 32767


def test_softplus_is_within_three_units_everywhere():
    got = fixed.softplus(fixed.make_tables()["softplus"], CODES)
    assert np.abs(got - 2**16 * np.logaddexp(0, CODES / 4096)).max() < 3


@pytest.mark.parametrize("function", ["sigmoid", "tanh", "softplus"])
def test_functions_never_fall(function):
    got = getattr(fixed, function)(fixed.make_tables()[function], CODES)
    assert (np.diff(got) >= 0).all()


def test_table_entries_fit_sixteen_bits():
    for table in fixed.make_tables().values():
        assert table.shape == (257,)
        assert (table >= 0).all()
        assert (table < 2**16).all()
