"""What a model takes on the device: from the report of the firmware stage, or from the cost model."""

import pytest
from made_pipeline import EDGE, firmware_report, make

from dlnet.registry.collect import collect

REPORT = "reports/firmware.json"


@pytest.fixture
def made(tmp_path):
    return make(tmp_path / "made")


def edge_run(root):
    return next(run for run in collect(root).children if (run.kind, run.name) == ("edge", EDGE))


def test_without_firmware_the_cost_model_is_taken(made):
    run = edge_run(made)
    assert run.params == {"device_figures": "cost model"}
    assert [run.metrics[name] for name in ("flash_bytes", "ram_bytes", "instructions")] == [3000, 1100, 6000]


def test_what_was_compiled_and_emulated_comes_first(made):
    firmware_report(EDGE).write(made / REPORT)
    run = edge_run(made)
    assert run.params == {"device_figures": "compiled and emulated"}
    figures = {name: run.metrics[name] for name in ("flash_bytes", "ram_bytes", "instructions", "ms_modelled")}
    assert figures == {"flash_bytes": 5000, "ram_bytes": 1100, "instructions": 14000, "ms_modelled": 0.9}


def test_a_report_of_another_model_is_not_taken(made):
    firmware_report("another").write(made / REPORT)
    assert edge_run(made).params == {"device_figures": "cost model"}


def test_a_model_over_budget_is_no_candidate_and_its_card_says_so(made):
    firmware_report(EDGE, flash_bytes=7000).write(made / REPORT)
    model = collect(made).models[2][1]
    assert not model.passed
    assert "**Budget (on the device, a forecast): not passed**" in model.description
    assert "flash 7,000 B over 6,144 B (compiled and emulated)" in model.description
