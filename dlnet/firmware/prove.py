"""Proof that compiled code gives the reference's numbers, on this machine and on the emulated core."""

from __future__ import annotations

import numpy as np

from dlnet.errors import ParityError
from dlnet.export.edge import DeviceModel
from dlnet.export.path import Apart, compare, device_path, whole_life
from dlnet.export.reference import Int16s, Int32s, Trace, run
from dlnet.firmware.arm import ENGINE, EVERYTHING, PORTABLE, Image, build
from dlnet.firmware.emulate import CORTEX_M0, RV32, EmulatedCore
from dlnet.firmware.host import CompiledModel
from dlnet.firmware.records import records
from dlnet.firmware.status import OK, given_as
from dlnet.firmware.toolchain import CORTEX_M0PLUS, RV32IMC

OTHER_CORES = ((CORTEX_M0PLUS, CORTEX_M0), (RV32IMC, RV32))  # what is compiled for, and the processor that runs it


def prove_host(
    model: DeviceModel, z: Int16s, anchor: Int32s, compiler: str | None = None, x: Int16s | None = None
) -> None:
    """Run windows (N, T, C), and inputs (N, P) of a form, through the code compiled for this machine.

    Raises:
        ParityError: a number differs from the reference's. ToolError: no compiler.
    """
    with CompiledModel(model, compiler) as compiled:
        forecast, hidden = compiled.trace(z, anchor, x)
        _same(model, "this machine", run(model.spec, z, anchor, x), forecast, hidden)
        if compiled.self_test() != "ok":
            raise ParityError(f"{model.name}: the self test fails on this machine")


def prove_life(model: DeviceModel, compiler: str | None = None) -> Apart:
    """Push a whole life, until beyond its codes' range, into the code compiled for this machine.

    Raises:
        ParityError: a window, a status, or an unflagged forecast is not that of the reference, or the reference's is
            far from the float path. ToolError: no compiler.
    """
    values = whole_life(model)
    with CompiledModel(model, compiler) as compiled:
        played = compiled.replay(values)
    expected = device_path(model, values, np.arange(model.codec.window, len(values) + 1))
    for name, found, wanted in (
        ("window", played.window, expected.inputs),
        ("status", played.given, given_as(expected)),
        ("inputs of the form", played.inputs, expected.form if expected.form is not None else played.inputs[:, :0]),
    ):
        if not np.array_equal(found, wanted):
            raise ParityError(f"{model.name}: {name} differs from the reference in a whole life: this machine")
    return compare(model, values)


def prove_arm(model: DeviceModel, z: Int16s, anchor: Int32s, x: Int16s | None = None) -> Image:
    """Run windows through both paths on an emulated Cortex-M4; gives the program with the DSP path.

    Raises:
        ParityError: a number differs from the reference's. ToolError: no cross compiler.
    """
    for name, flags in (("Arm, portable path", (PORTABLE,)), ("Arm, DSP path", ())):
        image = build(model, EVERYTHING, flags)
        _prove(EmulatedCore(image.content), name, model, z, anchor, x)
    return image


def prove_others(
    model: DeviceModel, z: Int16s, anchor: Int32s, x: Int16s | None = None
) -> tuple[dict[str, int], list[str]]:
    """The same on a Cortex-M0+ and on an RV32IMC.

    Returns:
        For each core that agrees the flash of engine and model, bytes; why others were not tried.

    Raises:
        ParityError: a number differs from the reference's. ToolError: a compiler refused the source.
    """
    proven: dict[str, int] = {}
    left_out = []
    for core, processor in OTHER_CORES:
        if core.has_compiler():
            board = EmulatedCore(build(model, core=core).content, processor=processor)
            _prove(board, core.name, model, z, anchor, x)
            proven[core.name] = build(model, ENGINE, core=core).flash
        else:
            left_out.append(f"{core.name}: not compared, no {core.prefix}gcc ({core.packages})")
    return proven, left_out


def _prove(board: EmulatedCore, name: str, model: DeviceModel, z: Int16s, anchor: Int32s, x: Int16s | None) -> None:
    forecast, hidden = trace(board, model, z, anchor, x)
    _same(model, name, run(model.spec, z, anchor, x), forecast, hidden)
    if board.call("dlnet_self_test") != OK:
        raise ParityError(f"{model.name}: the self test fails: {name}")


def trace(
    board: EmulatedCore, model: DeviceModel, z: Int16s, anchor: Int32s, x: Int16s | None = None
) -> tuple[Int32s, Int16s]:
    """Forecast (N, horizon) and hidden path (N, T, n) by the emulated core."""
    spec, windows = model.spec, records(model.spec, z, x)
    window, levels = board.put(windows[:1]), board.room((spec.horizon,), np.int32)
    states = board.room((spec.steps, spec.hidden), np.int16)
    forecast = np.empty((len(z), spec.horizon), np.int32)
    hidden = np.empty((len(z), spec.steps, spec.hidden), np.int16)
    for i in range(len(z)):
        board.poke(window, windows[i])
        board.call("dlnet_trace", window, int(anchor[i]), levels, states)
        forecast[i] = board.get(levels, (spec.horizon,), np.int32)
        hidden[i] = board.get(states, (spec.steps, spec.hidden), np.int16)
    return forecast, hidden


def _same(model: DeviceModel, where: str, expected: Trace, forecast: Int32s, hidden: Int16s) -> None:
    for name, found, wanted in (("state", hidden, expected.hidden), ("forecast", forecast, expected.forecast)):
        wrong = np.flatnonzero((found != wanted).reshape(len(found), -1).any(axis=1))
        if len(wrong):
            raise ParityError(
                f"{model.name}: {name} differs from the reference in {len(wrong)} of {len(found)} windows (first: "
                f"{wrong[0]}): {where}"
            )
