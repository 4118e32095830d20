"""Mixed precision against all precisions tried out."""

import itertools

import numpy as np
import pytest
from export_truth import make_student, make_windows

from dlnet.export.reference import predict_reference, quantise_inputs
from dlnet.export.sensitivity import choose_precision
from dlnet.export.spec import make_spec
from dlnet.models.precision import PARTS, Precision

SHAPE = {"hidden": 5, "channels": 3, "rank": 3, "branches": 2}
EVERY = [Precision(*bits) for bits in itertools.product((4, 8), repeat=4)]


@pytest.fixture(scope="module")
def case():
    """A student, its windows, and the MAE of each precision on windows whose truth is near the float forecast."""
    student = make_student(3, **SHAPE)
    windows = quantise_inputs(make_windows(100, 10, 3, seed=1)[0])
    z, anchor = make_windows(40, 10, 3, seed=2)
    whole = predict_reference(make_spec(student, windows), z, anchor)
    truth = whole + np.random.default_rng(0).normal(0, 3e-5, (40, 1)) * np.linspace(0, 1, 100)
    seen = []

    def score(spec):
        seen.append(spec.precision)
        return float(np.abs(predict_reference(spec, z, anchor) - truth).mean())

    table = {one: score(make_spec(student, windows, one)) for one in EVERY}
    return student, windows, score, table, seen


def sizes(student):
    seen = 3 + 5
    return {"inner": seen * 3, "step": student.v.size, "gate": seen * 2, "head": student.wo.size}


def saved(precision):
    """Flash that falls with each matrix in 4 bits."""
    return -len(narrow(precision))


def narrow(precision):
    return {part for part in PARTS if getattr(precision, part) == 4}


def weights_in_4_bits(student, precision):
    return sum(sizes(student)[part] for part in narrow(precision))


def greedy(student, table, slack):
    """The choice by its description, from the table of all precisions."""
    base = table[Precision()]
    loss = {part: (table[Precision(**{part: 4})] / base - 1) / sizes(student)[part] for part in PARTS}
    chosen = set()
    for part in sorted(PARTS, key=loss.get):
        trial = Precision(**dict.fromkeys(chosen | {part}, 4))
        if table[trial] <= slack * base:
            chosen.add(part)
    return Precision(**dict.fromkeys(chosen, 4))


SLACKS = (1.0, 1.02, 1.1, 1.3, 1.6, 2.0, 3.0, 5.0, 100.0)


@pytest.mark.parametrize("slack", SLACKS)
def test_the_choice_is_that_of_its_description_and_within_the_slack(case, slack):
    student, windows, score, table, _ = case
    found = choose_precision(student, windows, score, saved, slack)
    assert found.precision == greedy(student, table, slack)
    assert table[found.precision] <= slack * table[Precision()]
    for part in PARTS:
        assert found.sensitivity[part] == table[Precision(**{part: 4})] / table[Precision()]


def test_slacks_between_none_and_all_lead_to_choices_between(case):
    student, windows, score, _, _ = case
    counts = [len(narrow(choose_precision(student, windows, score, saved, slack).precision)) for slack in SLACKS]
    assert counts[-1] == 4
    assert len(set(counts)) >= 3


@pytest.mark.parametrize("slack", SLACKS)
def test_the_choice_holds_at_least_half_of_what_the_best_of_all_precisions_holds(case, slack):
    student, windows, score, table, _ = case
    allowed = [one for one in EVERY if table[one] <= slack * table[Precision()]]
    best = max(weights_in_4_bits(student, one) for one in allowed)
    found = choose_precision(student, windows, score, saved, slack).precision
    assert weights_in_4_bits(student, found) >= best / 2


def test_only_matrices_that_the_model_has_are_asked_for():
    student = make_student(0, hidden=4, channels=2)
    windows = quantise_inputs(make_windows(30, 10, 2)[0])
    requested = []

    def score(spec):
        requested.append(spec.precision)
        return 1.0

    found = choose_precision(student, windows, score, saved, 1.0)
    assert found.sensitivity == {"step": 1.0, "head": 1.0}
    assert found.precision == Precision(step=4, head=4)
    # All in 8 bits, each alone, then one after the other: of equal loss the first.
    expected = [Precision(), Precision(step=4), Precision(head=4), Precision(step=4), Precision(step=4, head=4)]
    assert requested == expected


def test_a_matrix_that_loses_least_a_weight_comes_first():
    student = make_student(0, hidden=4, channels=2)
    windows = quantise_inputs(make_windows(30, 10, 2)[0])
    # The step has 8 x 6 weights, the head 6 x 7: the step loses more, but less a weight; both are too much.
    loss = {Precision(step=4): 1.10, Precision(head=4): 1.09}

    def score(spec):
        return loss.get(spec.precision, 1.0 if spec.precision == Precision() else 1.3)

    assert choose_precision(student, windows, score, saved, 1.2).precision == Precision(step=4)


def test_a_matrix_that_saves_no_flash_stays():
    student = make_student(0, hidden=4, channels=2)
    windows = quantise_inputs(make_windows(30, 10, 2)[0])

    def flash(precision):
        return 4000 + {8: 0, 4: 24}[precision.head] - {8: 0, 4: 50}[precision.step]

    assert choose_precision(student, windows, lambda spec: 1.0, flash, 1.0).precision == Precision(step=4)
