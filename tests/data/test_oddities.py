"""What the values of a life show that is odd: every stated limit, from both sides."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_cells import clean_params

from dlnet.data.clean import clean_targets
from dlnet.data.findings import Kind
from dlnet.data.oddities import oddities
from dlnet.data.prepare import unfiltered
from tasks import BATTERY

ROWS = 200


def sound(rows=ROWS):
    """A life that has nothing odd: health falls by 0.1 with noise of 3e-4."""
    return 1.0 - 0.1 * np.arange(rows) / rows + np.random.default_rng(0).normal(0, 3e-4, rows)


def found(raw, features=None):
    features = np.empty((len(raw), 0)) if features is None else features
    return oddities("c", raw, clean_targets(raw, clean_params(), BATTERY), features, BATTERY)


def test_a_sound_life_has_no_findings():
    assert found(sound(), np.arange(ROWS * 2.0).reshape(ROWS, 2)) == []


@pytest.mark.parametrize("wear", [0.0015, 0.003, 0.005])
def test_steady_wear_is_no_formation(wear):
    raw = 1.0 - wear * np.arange(100) + np.random.default_rng(0).normal(0, 3e-4, 100)
    assert Kind.FORMATION not in {one.kind for one in found(raw)}


def test_one_jump_is_named_with_its_row():
    raw = sound()
    raw[120:] -= 0.05
    (one,) = found(raw)
    assert (one.kind, one.rows) == (Kind.JUMP, ((121, 121),))
    assert "SoH jumps by over 0.03 at 1 row," in one.text


def test_a_step_within_the_limit_is_no_jump():
    raw = sound()
    raw[120:] -= 0.025
    assert found(raw) == []


def test_rows_sorted_as_text_are_a_finding_of_order():
    raw = (1.0 - 0.5 * np.arange(ROWS) / ROWS)[[int(i) - 1 for i in sorted(map(str, range(1, ROWS + 1)))]]
    assert Kind.ORDER in {one.kind for one in found(raw)}


def test_newest_first_is_a_finding_of_order():
    assert any("does the newest row stand first" in one.text for one in found(sound()[::-1]))


@pytest.mark.parametrize(("factor", "named"), [(1.43, True), (1.21, True), (1.19, False), (0.81, False), (0.7, True)])
def test_a_first_value_far_from_nominal_is_named(factor, named):
    assert any(one.kind is Kind.NOMINAL for one in found(sound() * factor)) is named


def test_formation_cycles_are_named():
    raw = sound()
    raw[:3] += 0.05
    assert [(one.kind, one.rows) for one in found(raw)] == [(Kind.FORMATION, ((1, 3),))]


def test_a_health_that_rises_at_first_is_named_until_its_best_row():
    raw = sound()
    raw[:60] -= 0.02 * (1 - np.arange(60) / 60) + 0.03 - 0.0005 * np.arange(60)
    (one,) = found(raw)
    assert one.kind is Kind.RISING
    assert 50 <= one.rows[0][1] <= 65


def test_rows_that_repeat_an_earlier_one_are_named():
    raw, features = sound(), np.arange(ROWS * 1.0)[:, None]
    raw[50:53], features[50:53] = raw[20:23], features[20:23]
    (one,) = found(raw, features)
    assert (one.kind, one.rows) == (Kind.REPEATED, ((51, 53),))


def test_rows_that_lack_a_value_do_not_repeat_each_other():
    raw, features = np.full(ROWS, np.nan), np.full((ROWS, 1), np.nan)
    raw[::10], features[::5, 0] = sound()[::10], np.arange(ROWS / 5)
    assert Kind.REPEATED not in {one.kind for one in found(raw, features)}


@pytest.mark.parametrize(("rows", "named"), [(20, True), (19, False)])
def test_a_constant_stretch_is_named(rows, named):
    raw = sound()
    raw[100 : 100 + rows] = raw[100]
    assert [one.kind for one in found(raw)] == [Kind.CONSTANT] * named


def test_rows_without_a_measurement_are_passed_over():
    raw = np.full(ROWS, np.nan)
    raw[::10] = 1.0 - 0.1 * np.arange(0, ROWS, 10) / ROWS
    assert oddities("c", raw, raw, np.empty((ROWS, 0)), BATTERY) == []


EVERY = 5  # rows from one check-up to the next


def between_check_ups(life):
    """Findings of a life of 40 check-ups, as ``labels: check_up`` has it: its target is not filtered."""
    raw = np.full(EVERY * len(life), np.nan)
    raw[::EVERY] = life
    own = unfiltered(BATTERY)
    return oddities("c", raw, clean_targets(raw, clean_params(), own), np.empty((len(raw), 0)), own)


def of_check_ups():
    return 1.0 - 0.008 * np.arange(40) + np.random.default_rng(0).normal(0, 3e-4, 40)


def test_wear_between_check_ups_is_nothing_odd():
    assert between_check_ups(of_check_ups()) == []


def test_a_jump_between_check_ups_is_named_with_its_row():
    life = of_check_ups()
    life[30:] -= 0.1
    (one,) = between_check_ups(life)
    assert (one.kind, one.rows) == (Kind.JUMP, ((30 * EVERY + 1, 30 * EVERY + 1),))


def test_check_ups_of_which_the_newest_stands_first_are_a_finding_of_order():
    assert {one.kind for one in between_check_ups(of_check_ups()[::-1])} >= {Kind.ORDER, Kind.RISING}


def test_check_ups_sorted_as_text_are_a_finding_of_order():
    order = [int(i) - 1 for i in sorted(map(str, range(1, 41)))]
    assert Kind.ORDER in {one.kind for one in between_check_ups(of_check_ups()[order])}


def test_first_check_ups_off_the_others_are_named():
    life = of_check_ups()
    life[:3] -= 0.04
    assert [(one.kind, one.rows) for one in between_check_ups(life)] == [(Kind.FORMATION, ((1, 2 * EVERY + 1),))]


def test_a_health_that_rises_at_first_is_named_between_check_ups_too():
    life = of_check_ups() - 0.01 * np.maximum(12 - np.arange(40), 0)
    assert Kind.RISING in {one.kind for one in between_check_ups(life)}
