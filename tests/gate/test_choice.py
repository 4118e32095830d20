"""Which model goes to the device."""

import pytest
from competitors import RIVALS, competitor, costs
from made_pipeline import LIMITS

from dlnet.errors import DataError, ModelError
from dlnet.gate.choice import Choice, choose
from dlnet.gate.competitor import COMPILED
from tasks import BATTERY


def chosen(*competitors) -> Choice:
    return choose(competitors, RIVALS, LIMITS, BATTERY, 120)


def test_the_least_validation_error_wins_whatever_its_kind():
    found = chosen(competitor("a", 0.002), competitor("b", 0.001, kind="blend"), competitor("c", 0.0015, kind="linear"))
    assert (found.name, found.kind, found.candidate, found.student) == ("b", "blend", True, "a")
    assert [one.model.name for one in found.competitors] == ["b", "c", "a"]


def test_of_those_within_one_per_cent_the_fewest_instructions_win():
    near, far = competitor("near", 0.0010099, costs=costs(instructions=500)), competitor("far", 0.0010101)
    best = competitor("best", 0.001, costs=costs(instructions=900))
    assert chosen(best, near, far).name == "near"
    assert chosen(best, far, competitor("slow", 0.0010099, costs=costs(instructions=901))).name == "best"


def test_of_equal_instructions_the_least_flash_wins_then_the_error_then_the_name():
    small = competitor("small", 0.001001, costs=costs(flash_bytes=2999))
    assert chosen(competitor("a", 0.001), small).name == "small"
    assert chosen(competitor("a", 0.001001), competitor("b", 0.001)).name == "b"
    assert chosen(competitor("b"), competitor("a")).name == "a"


def test_a_model_over_budget_does_not_compete():
    heavy = competitor("heavy", 0.0005, costs=costs(instructions=15_001))
    found = chosen(heavy, competitor("light"))
    assert found.name == "light"
    assert [one.passed for one in found.competitors] == [False, True]


@pytest.mark.parametrize("fault", [{"differs": "state differs"}, {"mae_float": 0.0001}])
def test_a_model_that_the_gate_refuses_does_not_compete(fault):
    assert chosen(competitor("bad", 0.0005, **fault), competitor("good")).name == "good"


def test_where_none_passes_the_best_within_the_budget_is_named_and_is_no_candidate():
    heavy = competitor("heavy", 0.0025, costs=costs(instructions=15_001))
    found = chosen(heavy, competitor("worse", 0.004), competitor("bad", 0.003))
    assert (found.name, found.candidate) == ("bad", False)
    assert "line (6 validation assets), not surely below 1 x" in found.chosen.gate.reasons[0]
    assert chosen(heavy).name == "heavy"


def test_what_stands_beside_has_its_ratio_and_closes_nothing():
    found = chosen(competitor(mae=0.0012))
    assert found.candidate
    assert sorted(found.beside) == sorted(RIVALS)
    assert found.beside["boosting"].ratio.ratio == pytest.approx(0.0012 / 0.0013)
    assert found.beside["teacher"].ratio.low == pytest.approx(0.0012 / 0.0011)


def test_the_answer_is_the_same_when_it_is_read_again(tmp_path):
    found = chosen(competitor("a"), competitor("b", origin=COMPILED, equal=("numpy", "host")))
    found.write(tmp_path / "choice.json")
    assert Choice.read(tmp_path / "choice.json") == found


def test_a_name_that_did_not_compete_is_refused():
    with pytest.raises(ModelError, match="no competitor 'b'"):
        chosen(competitor("a")).standing("b")


def test_without_a_competitor_there_is_an_error():
    with pytest.raises(ModelError, match="no model that can ship"):
        chosen()


def test_errors_of_other_assets_are_refused():
    with pytest.raises(DataError, match="needs the same ones"):
        chosen(competitor(assets={"z": 0.001}))
