"""The sentence on the choice, word for word."""

from competitors import RIVALS, competitor, costs, rival
from made_pipeline import LIMITS

from dlnet.gate.choice import choose
from dlnet.gate.competitor import COMPILED
from tasks import BATTERY


def said(*competitors) -> str:
    return choose(competitors, RIVALS, LIMITS, BATTERY, 1234).sentence


def test_the_winner_the_next_by_how_much_and_on_which_windows():
    proven = {"origin": COMPILED, "equal": ("numpy",)}
    assert said(competitor("q", 0.0012, kind="blend", **proven), competitor("n", 0.0015)) == (
        "blend q is the candidate: the best of 2 models that pass, MAE 0.00120 SoH on 1,234 validation windows of "
        "6 cells; 0.800 [0.800, 0.800] × int8 student n; 0.923 [0.923, 0.923] × boosting; 0.500 [0.500, 0.500] × line."
    )


def test_a_model_that_is_not_proven_is_said_to_be_so():
    assert said(competitor("n")) == (
        "int8 student n is the candidate: the only model, MAE 0.00120 SoH on 1,234 validation windows of "
        "6 cells; 0.923 [0.923, 0.923] × boosting; 0.500 [0.500, 0.500] × line; not yet proven on compiled code."
    )


def test_a_cheaper_model_within_one_per_cent():
    small = competitor("small", 0.001005, kind="linear", costs=costs(instructions=10))
    assert said(competitor("n", 0.001), small).startswith(
        "linear form small is the candidate: within 1 % of the least error of 2 models that pass, at the fewest "
        "instructions, MAE 0.00101 SoH on 1,234 validation windows of 6 cells; 1.005 [1.005, 1.005] × int8 student n; "
    )


def test_where_no_other_passed_the_best_of_them_is_named_as_refused():
    heavy = competitor("heavy", 0.0010, costs=costs(flash_bytes=9999))
    assert "the only one of 2 models that passes, MAE 0.00120 SoH on 1,234 validation windows of 6 cells; " in said(
        competitor("n", 0.0012), heavy
    )
    assert "; 1.200 [1.200, 1.200] × int8 student heavy (refused); 0.923 " in said(competitor("n", 0.0012), heavy)


def test_a_form_of_the_name_of_its_kind_is_named_once_and_not_compared_with_its_own_float_model():
    own = {**RIVALS, "linear_device": rival(0.0010)}
    sentence = choose([competitor("linear", 0.0010, kind="linear"), competitor("n")], own, LIMITS, BATTERY, 9).sentence
    assert sentence.startswith("linear form is the candidate: ")
    assert "0.769 [0.769, 0.769] × boosting; " in sentence
    assert "device" not in sentence


def test_no_candidate_and_why():
    sentence = said(competitor("n", costs=costs(flash_bytes=9999)))
    assert sentence.startswith("No model is the candidate. The nearest is int8 student n: the only model")
    assert sentence.endswith("; refused: flash 9,999 B over 6,144 B (cost model).")
