"""What a model takes on the device, in its run: as the choice has it, compiled or by the cost model."""

import pytest
from made_pipeline import EDGE, choice, make

from dlnet.gate.choice import CHOICE
from dlnet.gate.competitor import COMPILED, Costs
from dlnet.registry.collect import collect

MEASURED = {"flash_bytes": 5000.0, "ram_bytes": 1100.0, "instructions": 14_000.0, "ms_modelled": 0.9}
OTHER = f"{EDGE}-structured-50-taught-s0"


@pytest.fixture
def made(tmp_path):
    return make(tmp_path / "made")


def edge_run(root):
    return next(run for run in collect(root).children if (run.kind, run.name) == ("edge", EDGE))


def test_without_a_compiler_the_figures_of_the_cost_model_stand_there(made):
    run = edge_run(made)
    assert run.params == {"device_figures": "cost model"}
    assert [run.metrics[name] for name in ("flash_bytes", "ram_bytes", "instructions")] == [3000, 1100, 6000]
    assert (run.metrics["gate_passed"], run.metrics["budget_passed"]) == (1.0, 1.0)


def test_what_was_compiled_and_emulated_stands_there_with_its_origin(made):
    choice((EDGE, OTHER), 0.0012, costs=Costs(**MEASURED), origin=COMPILED).write(made / CHOICE)
    run = edge_run(made)
    assert run.params == {"device_figures": "compiled and emulated"}
    assert {name: run.metrics[name] for name in MEASURED} == MEASURED


def test_a_model_over_budget_is_no_candidate_and_its_card_says_so(made):
    heavy = Costs(**{**MEASURED, "flash_bytes": 7000})
    choice((EDGE, OTHER), 0.0012, costs=heavy, origin=COMPILED).write(made / CHOICE)
    model = collect(made).models[2][1]
    assert not model.passed
    assert "**Budget (on the device, a forecast): not passed**" in model.description
    assert "flash 7,000 B over 6,144 B (compiled and emulated)" in model.description
