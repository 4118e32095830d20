"""The gate against cases worked out by hand."""

import pytest
from competitors import RIVALS, competitor
from made_pipeline import LIMITS

from dlnet.gate.competitor import COMPILED, Rival
from dlnet.gate.verdict import UNPROVEN, verdict


def test_a_model_better_than_persistence_and_line_passes_and_says_what_holds():
    outcome = verdict(competitor(), RIVALS, LIMITS)
    assert outcome.passed
    assert outcome.reasons == ()
    assert len(outcome.held) == 4


def test_a_model_that_loses_to_ridge_and_boosting_passes():
    """They stand on card and report, and close nothing."""
    strong = Rival(1e-6, dict.fromkeys(competitor().assets, 1e-6))
    assert verdict(competitor(), {**RIVALS, "ridge": strong, "boosting": strong, "teacher": strong}, LIMITS).passed


@pytest.mark.parametrize("name", ["persistence", "line"])
def test_a_model_that_is_no_better_than_a_simple_rule_is_refused(name):
    model = competitor()
    outcome = verdict(model, {**RIVALS, name: Rival(model.mae_validation, model.assets)}, LIMITS)
    assert len(outcome.reasons) == 1
    assert f"MAE 1.000 x [1.000, 1.000] {name} (6 validation assets), not surely below 1 x" in outcome.reasons[0]


def test_a_mean_that_is_better_by_one_asset_alone_is_refused():
    """Five assets are equal or a little worse, one is far better: resamples without it lose."""
    theirs = {"a": 2.0, "b": 2.0, "c": 2.0, "d": 2.0, "e": 2.0, "f": 4.0}
    own = {**dict.fromkeys("abcde", 2.01), "f": 0.5}
    model = competitor(assets=own)
    line = Rival(2.0, theirs)
    assert sum(own.values()) < sum(theirs.values())
    assert not verdict(
        model, {**RIVALS, "persistence": Rival(9.0, dict.fromkeys(theirs, 9.0)), "line": line}, LIMITS
    ).passed


def test_below_five_assets_means_decide_and_the_words_say_so():
    few = {"a": 0.001, "b": 0.003}
    better, worse = Rival(0.003, {"a": 0.0005, "b": 0.004}), Rival(0.0019, {"a": 0.0005, "b": 0.0034})
    assert verdict(competitor(assets=few), {"persistence": better, "line": better}, LIMITS).passed
    outcome = verdict(competitor(assets=few), {"persistence": better, "line": worse}, LIMITS)
    assert outcome.reasons == ("mean MAE 1.026 x line (no interval: below 5 validation assets), not below 1 x",)


@pytest.mark.parametrize("absent", ["persistence", "line"])
def test_a_simple_rule_that_was_not_measured_closes_the_gate(absent):
    known = {name: rival for name, rival in RIVALS.items() if name != absent}
    assert verdict(competitor(), known, LIMITS).reasons == (f"no errors of {absent}",)


@pytest.mark.parametrize(
    ("mae_float", "words"),
    [
        (0.00116, ("1.0345 x its float model, above 1.03 x",)),
        (0.0012, ()),
        (0.0, ("no usable MAE of its float model",)),
    ],
)
def test_a_model_too_far_from_its_own_float_model_is_refused(mae_float, words):
    assert verdict(competitor(mae_validation=0.0012, mae_float=mae_float), RIVALS, LIMITS).reasons == words


def test_a_model_at_the_bound_passes():
    assert verdict(competitor(mae_validation=1.03, mae_float=1.0), RIVALS, LIMITS).passed


def test_compiled_code_that_differs_is_refused():
    outcome = verdict(competitor(differs="state differs: Arm, DSP path"), RIVALS, LIMITS)
    assert outcome.reasons == ("not equal to the reference: state differs: Arm, DSP path",)


def test_without_a_compiler_the_gate_says_so_and_stays_open():
    outcome = verdict(competitor(), RIVALS, LIMITS)
    assert outcome.passed
    assert UNPROVEN in outcome.held
    proven = verdict(competitor(origin=COMPILED, equal=("numpy", "host", "arm dsp")), RIVALS, LIMITS)
    assert "equal to the reference: numpy, host, arm dsp" in proven.held
    assert UNPROVEN not in proven.held
