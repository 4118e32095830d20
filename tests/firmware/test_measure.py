"""What a forecast takes: budgets of the published recipe, the model of cycles by hand, the report."""

import numpy as np
import pytest
from firmware_models import needs_arm, shaped

from dlnet.errors import ToolError
from dlnet.firmware import report, toolchain
from dlnet.firmware.arm import build
from dlnet.firmware.cost_error import cost_error, shape_of
from dlnet.firmware.cycles import Instruction, count
from dlnet.firmware.emulate import EmulatedCore
from dlnet.firmware.measure import measure
from studies import fit

FLASH_BUDGET, RAM_BUDGET, INSTRUCTION_BUDGET, MS_BUDGET = 6144, 1536, 15_000, 1.0


@needs_arm
@pytest.mark.slow
def test_the_recipe_of_the_capacity_track_is_within_budget():
    model = shaped("liquid-13")
    figures = measure(model, build(model))
    assert figures.flash_engine <= FLASH_BUDGET
    assert figures.ram + figures.stack <= RAM_BUDGET
    assert figures.engine.instructions <= INSTRUCTION_BUDGET
    assert figures.engine.cycles.milliseconds(64)["cache_off"] <= MS_BUDGET
    assert all(abs(error) <= fit.MOST for error in cost_error(shape_of(model), figures).values())


@needs_arm
@pytest.mark.slow
@pytest.mark.parametrize("name", ["branches", "low rank", "int4", "all at once"])
def test_the_cost_model_foretells_branches_low_rank_and_4_bits(name):
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
    assert found.milliseconds(64)["cache_off"] == pytest.approx(22 / 64_000)


ROWS = [{"model": "a", "instructions": 1}, {"model": "b", "instructions": 2}]
SCORES = {name: {"int8": {"test": {"mae": mae}}} for name, mae in (("a", 0.1), ("b", 0.2))}


def test_the_chosen_model_stands_at_the_top():
    found = report.report(ROWS, "b", SCORES, report.Tools("g++", "arm-none-eabi-gcc 12.2.1"))
    assert (found["model"], found["instructions"], found["mae_int8"]) == ("b", 2, 0.2)
    assert [row["model"] for row in found["elites"]] == ["a", "b"]


def test_without_the_arm_compiler_nothing_is_made_up(monkeypatch):
    monkeypatch.setattr(toolchain.shutil, "which", lambda _name: None)
    tools = report.Tools.find()
    found = report.report([{"model": "a"}], "a", SCORES, tools)
    assert tools == report.Tools(None, None)
    assert found["model"] is None
    assert "gcc-arm-none-eabi" in found["not_measured"]
    assert "instructions" not in found


def test_a_missing_compiler_is_named_with_its_package(monkeypatch):
    monkeypatch.setattr(toolchain.shutil, "which", lambda _name: None)
    with pytest.raises(ToolError, match="apt-get install gcc-arm-none-eabi"):
        toolchain.arm_tool("gcc")
    with pytest.raises(ToolError, match=r"apt-get install g\+\+"):
        toolchain.host_compiler()
