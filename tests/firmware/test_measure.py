"""Costs of a forecast: budgets of the published recipe, the model of cycles by hand, the report."""

import json
from pathlib import Path

import numpy as np
import pytest
from firmware_models import needs_arm, shaped

from dlnet.errors import ParityError, ToolError
from dlnet.firmware import report, toolchain
from dlnet.firmware.arm import build
from dlnet.firmware.cost_error import cost_error, shape_of
from dlnet.firmware.cycles import Instruction, count
from dlnet.firmware.documents import (
    DifferingModel,
    FirmwareReport,
    FrontEnd,
    MeasuredModel,
    Milliseconds,
    MonitorCosts,
    ProvenModel,
)
from dlnet.firmware.emulate import EmulatedCore
from dlnet.firmware.measure import measure
from studies import fit

FLASH_BUDGET, RAM_BUDGET, INSTRUCTION_BUDGET, MS_BUDGET = 6144, 1536, 15_000, 1.0


@needs_arm
@pytest.mark.slow
def test_the_recipe_of_the_track_with_target_is_within_budget():
    model = shaped("liquid-13")
    figures = measure(model, build(model))
    assert figures.flash_engine <= FLASH_BUDGET
    assert figures.ram + figures.stack <= RAM_BUDGET
    assert figures.engine.instructions <= INSTRUCTION_BUDGET
    assert figures.engine.cycles.milliseconds(64).cache_off <= MS_BUDGET
    assert all(abs(error) <= fit.MOST for error in cost_error(shape_of(model), figures).values())


@needs_arm
@pytest.mark.slow
@pytest.mark.parametrize("name", ["branches", "low rank", "int4", "all at once"])
def test_the_cost_model_predicts_branches_low_rank_and_4_bits(name):
    model = shaped(name)
    off = cost_error(shape_of(model), measure(model, build(model)))
    assert all(abs(error) <= fit.MOST for error in off.values()), off


@needs_arm
@pytest.mark.slow
def test_a_count_does_not_depend_on_what_ran_before():
    model = shaped("ltc-16")
    image, z = build(model), np.zeros((model.spec.steps, model.spec.channels), np.int16)
    counts = []
    for warm in (False, True):
        board = EmulatedCore(image.content)
        window, out = board.put(z), board.room((model.spec.horizon,), np.int32)
        if warm:
            board.call("dlnet_engine", window, 0, out)
        counts.append(board.measure("dlnet_engine", window, 0, out))
    assert counts[0] == counts[1]
    assert counts[0].instructions > 5000


@needs_arm
@pytest.mark.slow
def test_a_crash_of_the_program_is_an_error_with_its_place():
    board = EmulatedCore(build(shaped("one of each")).content)
    with pytest.raises(ToolError, match="dlnet_push at 0x"):
        board.call("dlnet_push", 1, 0x6000_0000)
    with pytest.raises(ToolError, match="no such function"):
        board.call("nothing")


def run_of(*lines):
    """(mnemonic, size, registers) one behind the other from address 0."""
    out, address = [], 0
    for mnemonic, size, registers in lines:
        out.append(Instruction(address, size, mnemonic, registers))
        address += size
    return out


@pytest.mark.parametrize(
    ("lines", "cycles"),
    [
        ([("add", 2, 0)], 1),
        ([("ldr", 2, 0)], 2),
        ([("ldr", 2, 0), ("str", 2, 0), ("ldrh", 2, 0)], 4),
        ([("ldm", 4, 4)], 5),
        ([("push", 2, 9)], 10),
        ([("smlad", 4, 0), ("udiv", 4, 0)], 13),
        ([("ldrd", 4, 2), ("ldr", 2, 0)], 5),
        ([("vldr", 4, 0), ("vmul.f32", 4, 0), ("vmla.f32", 4, 0)], 6),
    ],
)
def test_cycles_by_hand(lines, cycles):
    assert count(run_of(*lines), 0).no_wait == cycles


def test_a_taken_branch_refills_the_pipeline():
    branch, far = Instruction(0, 2, "b", 0), Instruction(64, 2, "add", 0)
    assert count([branch, far], 0).no_wait == 1 + 2 + 1


def test_waiting_for_flash_by_hand():
    # Eight instructions of 2 bytes: four words, one line of 16 bytes; three words of data.
    found = count(run_of(*[("add", 2, 0)] * 8), 3)
    assert (found.no_wait, found.cache_on, found.cache_off) == (8, 8 + 3 + 6, 8 + 4 * 2 + 6)
    assert found.milliseconds(64).cache_off == pytest.approx(22 / 64_000)


def row(name: str, instructions: int) -> MeasuredModel:
    """A row of synthetic figures."""
    ms = Milliseconds(no_wait=0.1, cache_on=0.2, cache_off=0.3)
    monitor = MonitorCosts(
        flash_bytes=3, flash_bytes_with_state=4, push_instructions=5, push_ms_modelled=ms, forecast_instructions=6,
        forecast_ms_modelled=ms,
    )  # fmt: skip
    front_end = FrontEnd(**dict.fromkeys(FrontEnd.model_fields, 1))
    return MeasuredModel(
        model=name, sha256=f"sum of {name}", front_end=front_end, golden_windows=8, equal=("numpy",),
        instructions=instructions, ms_modelled=ms, flash_bytes=1, ram_bytes=2, stack_bytes=3, monitor=monitor,
        cost_model_error={"flash_bytes": 0.01},
    )  # fmt: skip


ROWS = (row("a", 1), row("b", 2))


def test_every_model_has_a_row_and_is_found_by_its_content(tmp_path):
    differing = DifferingModel(model="c", sha256="sum of c", differs="state differs")
    found = report.report([*ROWS, differing], report.Tools("g++", "arm-none-eabi-gcc 12.2.1"))
    found.write(tmp_path / "firmware.json")
    content = json.loads((tmp_path / "firmware.json").read_text())
    assert [one["model"] for one in content["models"]] == ["a", "b", "c"]
    assert content["compiler"] == "arm-none-eabi-gcc 12.2.1"
    assert FirmwareReport.read(tmp_path / "firmware.json") == found
    assert (found.entry("b", "sum of b"), found.entry("c", "sum of c")) == (ROWS[1], differing)
    assert found.entry("b", "sum of a") is None


def test_without_the_arm_compiler_nothing_is_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(toolchain.shutil, "which", lambda _name: None)
    tools = report.Tools.find()
    found = report.report([ROWS[0].to(ProvenModel)], tools)
    found.write(tmp_path / "firmware.json")
    content = json.loads((tmp_path / "firmware.json").read_text())
    assert tools == report.Tools(None, None)
    assert content["compiler"] is None
    assert "gcc-arm-none-eabi" in content["not_measured"]
    assert "instructions" not in content["models"][0]
    assert FirmwareReport.read(tmp_path / "firmware.json") == found


def test_a_model_whose_compiled_code_differs_has_a_row_that_says_so(monkeypatch):
    """It is one of several models: the others can ship all the same."""
    model = shaped("one of each")

    def differs(*_):
        raise ParityError("state differs: this machine")

    monkeypatch.setattr(report, "prove_host", differs)
    monkeypatch.setattr(report, "read_tensors", lambda _path: {"input": None, "anchor": None})
    found = report.row(model, Path("models/edge/a"), None, None, report.Tools("g++", None), 64.0)
    assert found == DifferingModel(model=model.name, sha256=model.sha256, differs="state differs: this machine")


def test_a_missing_compiler_is_named_with_its_package(monkeypatch):
    monkeypatch.setattr(toolchain.shutil, "which", lambda _name: None)
    with pytest.raises(ToolError, match="apt-get install gcc-arm-none-eabi"):
        toolchain.CORTEX_M4.tool("gcc")
    with pytest.raises(ToolError, match=r"apt-get install g\+\+"):
        toolchain.host_compiler()
