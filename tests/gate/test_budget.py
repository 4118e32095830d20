"""What a model takes on the device, from a report of the firmware stage or the cost model, against the budget."""

import pytest
from made_pipeline import BUDGET, EDGE, LIMITS, make

from dlnet.files import write_json
from dlnet.gate.budget import device_figures, within_budget
from dlnet.registry.collect import collect

GOOD = {"flash_bytes": 6144.0, "ram_bytes": 1536.0, "instructions": 15000.0, "ms_modelled": 1.0}
MEASURED = {
    "model": EDGE, "flash_bytes": 5000, "ram_bytes": 900, "stack_bytes": 200, "instructions": 14000,
    "ms_modelled": {"no_wait": 0.2, "cache_on": 0.3, "cache_off": 0.9},
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("made"))


def test_a_model_at_its_limits_passes():
    assert within_budget(GOOD, "cost model", BUDGET).reasons == ()


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"flash_bytes": 6145.0}, "flash 6,145 B over 6,144 B (cost model)"),
        ({"ram_bytes": 2000.0}, "RAM 2,000 B over 1,536 B (cost model)"),
        ({"instructions": 15001.0}, "instructions 15,001 over 15,000 (cost model)"),
        ({"ms_modelled": 1.25}, "modelled time 1.25 ms over 1 ms (cost model)"),
        ({"ms_modelled": float("nan")}, "modelled time is not known"),
    ],
)
def test_a_figure_over_its_limit_is_named(figures, words):
    assert within_budget({**GOOD, **figures}, "cost model", BUDGET).reasons == (words,)


@pytest.mark.parametrize("absent", sorted(GOOD))
def test_a_missing_figure_is_over_budget(absent):
    known = {key: value for key, value in GOOD.items() if key != absent}
    assert len(within_budget(known, "cost model", BUDGET).reasons) == 1


def test_without_firmware_the_cost_model_is_taken(made):
    figures, origin = device_figures(made, EDGE)
    assert origin == "cost model"
    assert set(figures) == set(GOOD)


def test_what_was_compiled_and_emulated_comes_first(tmp_path):
    write_json(tmp_path / "reports/firmware.json", MEASURED)
    figures, origin = device_figures(tmp_path, EDGE)
    assert origin == "compiled and emulated"
    assert figures == {"flash_bytes": 5000, "ram_bytes": 1100, "instructions": 14000, "ms_modelled": 0.9}


def test_a_report_of_another_model_is_not_taken(tmp_path):
    made = make(tmp_path / "made")
    write_json(made / "reports/firmware.json", {**MEASURED, "model": "another"})
    assert device_figures(made, EDGE)[1] == "cost model"


def test_a_model_over_budget_is_no_candidate_and_its_card_says_so(tmp_path):
    made = make(tmp_path / "made")
    write_json(made / "reports/firmware.json", {**MEASURED, "flash_bytes": 7000})
    model = collect(made, LIMITS).models[2][1]
    assert not model.passed
    assert "**Budget (on the device, a forecast): not passed**" in model.description
    assert "flash 7,000 B over 6,144 B (compiled and emulated)" in model.description
