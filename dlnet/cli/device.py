"""``dlnet device``: what each action does and prints."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dlnet.cli.models import opened_edge
from dlnet.device.board import Board, Wire
from dlnet.device.core import CoreLine
from dlnet.device.emulator import emulated
from dlnet.device.errors import DeviceError
from dlnet.device.line import Line
from dlnet.device.replay import Singles, play, replay
from dlnet.device.sketch import build, stage
from dlnet.device.values import device_values
from dlnet.export.edge import DeviceModel
from dlnet.export.reference import to_soh
from dlnet.files import write_text
from dlnet.firmware.header import header
from dlnet.forecast import FileLayout

EMULATOR, CORE = "emulator", "core"  # in place of a port
SHOWN = (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)  # cycles ahead that are printed
END_OF_LIFE = 0.8  # SoH whose crossing is printed


def run(arguments: argparse.Namespace) -> int:
    """Open the port, do the action; 0, or an error that names what is wrong."""
    if arguments.elf is not None and arguments.port not in (EMULATOR, CORE):
        raise DeviceError(f"--elf goes with --port {EMULATOR} or {CORE}; a real board gets firmware by an upload")
    actions: dict[str, Callable[[Board, argparse.Namespace], None]]
    actions = {"info": _info, "selftest": _selftest, "forecast": _forecast, "replay": _replay}
    with _wire(arguments) as wire:
        actions[arguments.action](Board(wire), arguments)
    return 0


@contextmanager
def _wire(arguments: argparse.Namespace) -> Iterator[Wire]:
    if arguments.port not in (EMULATOR, CORE):
        with Line(arguments.port, arguments.timeout) as line:
            yield line
        return
    with tempfile.TemporaryDirectory(prefix="dlnet-") as name:
        elf = arguments.elf or _built(arguments.model, Path(name))
        if arguments.port == CORE:
            yield CoreLine(elf)
            return
        with emulated(elf) as port, Line(port, arguments.timeout) as line:
            yield line


def _built(model: str, folder: Path) -> Path:
    with opened_edge(model) as one:
        write_text(folder / "model_data.h", header(one.device))
    return build(stage(folder / "model_data.h", folder / "book"), folder / "out")


def _model_and_values(arguments: argparse.Namespace) -> tuple[DeviceModel, Singles]:
    with opened_edge(arguments.model) as one:
        return one.device, device_values(arguments.cell, one, FileLayout(nominal_ah=arguments.nominal))


def _info(board: Board, arguments: argparse.Namespace) -> None:
    info, held = board.info, board.held()
    print(f"model    {info.model}, version {info.version}")
    print(f"sha256   {info.sha256}")
    print(f"looks at {info.window} cycles, forecasts {info.horizon}; a saved state has {info.state} bytes")
    for i, (name, unit) in enumerate(board.inputs()):
        print(f"{'inputs' if i == 0 else '':8} {name} [{unit}]")
    print(f"holds    {held.held} cycles" + (f", the last one is number {held.last}" if held.held else ""))


def _selftest(board: Board, arguments: argparse.Namespace) -> None:
    board.self_test()
    print(f"self test passed: model {board.info.model}, version {board.info.version}")
    if not board.held().ready:
        return
    cycles, us = board.timing()
    counted = f"{cycles} processor cycles" if cycles else "no cycle counter, as in an emulator"
    print(f"one forecast: {counted}, {us} us by the board's clock")


def _forecast(board: Board, arguments: argparse.Namespace) -> None:
    model, values = _model_and_values(arguments)
    board.check_model(model.sha256)
    refused = [number for number, taken in play(board, values) if not taken]
    if refused:
        print(f"{len(refused)} cycles were refused as impossible, the first is number {refused[0]}")
    soh = to_soh(board.forecast())
    for ahead in SHOWN:
        if ahead <= len(soh):
            print(f"{ahead:4} cycles ahead: SoH {soh[ahead - 1]:.4f}")
    reached = board.crossing(END_OF_LIFE)
    print(f"SoH {END_OF_LIFE}: " + ("beyond the horizon" if reached is None else f"in {reached} cycles"))


def _replay(board: Board, arguments: argparse.Namespace) -> None:
    played = replay(board, *_model_and_values(arguments))
    print(
        f"{played.cycles} cycles taken in, {played.refused} refused, {played.forecasts} forecasts of "
        f"{board.info.horizon} cycles compared: all equal to this computer's, to the last bit"
    )
