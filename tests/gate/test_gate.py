"""The gate against a table of cases worked out by hand."""

import math

import pytest
from made_pipeline import LIMITS

from dlnet.gate.verdict import verdict

GOOD_MAE = {
    "persistence": 0.0068, "line": 0.0024, "parabola": 0.0022, "ridge": 0.0014, "boosting": 0.0013,
    "float": 0.00119, "int8": 0.0012,
}  # fmt: skip
GOOD_SIZE = {"int8": 2000.0, "boosting": 900_000.0}


def test_a_model_better_than_all_baselines_passes_and_says_what_holds():
    outcome = verdict(GOOD_MAE, GOOD_SIZE, LIMITS)
    assert outcome.passed
    assert outcome.reasons == ()
    assert len(outcome.held) == 6


@pytest.mark.parametrize(
    ("mae", "size", "word"),
    [
        ({"persistence": 0.0011}, {}, "persistence"),
        ({"line": 0.0012}, {}, "line"),  # a draw is no win
        ({"parabola": 0.0011}, {}, "parabola"),
        ({"ridge": 0.0011}, {}, "ridge"),
        ({"boosting": 0.0011}, {}, "1.091 x"),  # 9 % behind, however small
        ({"boosting": 0.00115}, {"int8": 9000.0}, "not far smaller"),  # within 5 %, exactly a hundredth
        ({"boosting": 0.00115}, {"int8": None}, "no usable bytes of int8"),
        ({"float": 0.00116}, {}, "1.0345 x"),
        ({"int8": math.nan}, {}, "no usable MAE of int8"),
        ({"ridge": math.nan}, {}, "no usable MAE of ridge"),
        ({"ridge": None}, {}, "no usable MAE of ridge"),
        ({"boosting": math.inf}, {}, "no usable MAE of boosting"),
        ({"float": 0.0}, {}, "no usable MAE of float"),
        ({"int8": -0.001}, {}, "no usable MAE of int8"),
    ],
)
def test_one_broken_condition_closes_the_gate_and_is_named(mae, size, word):
    outcome = verdict({**GOOD_MAE, **mae}, {**GOOD_SIZE, **size}, LIMITS)
    assert not outcome.passed
    assert any(word in reason for reason in outcome.reasons)


@pytest.mark.parametrize("absent", sorted(GOOD_MAE))
def test_a_missing_figure_closes_the_gate(absent):
    mae = {name: value for name, value in GOOD_MAE.items() if name != absent}
    outcome = verdict(mae, GOOD_SIZE, LIMITS)
    assert not outcome.passed
    assert any(absent in reason for reason in outcome.reasons)


def test_nothing_known_closes_the_gate():
    assert not verdict({}, {}, LIMITS).passed


def test_within_five_per_cent_of_boosting_passes_at_under_a_hundredth_of_its_bytes():
    outcome = verdict({**GOOD_MAE, "boosting": 0.00115}, {**GOOD_SIZE, "int8": 8999.0}, LIMITS)
    assert outcome.passed


def test_only_the_broken_conditions_are_reasons():
    outcome = verdict({**GOOD_MAE, "ridge": 0.001, "float": 0.001}, GOOD_SIZE, LIMITS)
    assert len(outcome.reasons) == 2
