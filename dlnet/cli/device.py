"""``dlnet device``: the commands that communicate with a board."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlnet.cli.arguments import (
    REGISTERED,
    Capacity,
    Cell,
    Columns,
    Model,
    ModelArgument,
    Nominal,
    Seconds,
    Unit,
    commands,
    example,
    file_layout,
)
from dlnet.cli.models import opened_edge

if TYPE_CHECKING:
    from dlnet.device.board import Board, Wire
    from dlnet.device.replay import Singles
    from dlnet.export.edge import DeviceModel
    from dlnet.forecast import FileLayout

EMULATOR, CORE = "emulator", "core"  # values of --port that name no serial port
SHOWN = (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)  # cycles ahead that are printed
END_OF_LIFE = 0.8  # SoH whose crossing is printed

app = commands(
    "device",
    "Ask a board: info, self test, forecast, replay.",
    "dlnet device replay CELL.csv --port /dev/ttyACM0 --model models/edge/NAME",
)

Port = Annotated[
    str,
    typer.Option(
        metavar="PORT",
        help="serial port such as /dev/ttyACM0 or COM3; emulator: the sketch in QEMU; core: in an emulated CPU",
    ),
]
Elf = Annotated[Path | None, typer.Option(metavar="FILE", help="emulator or core: firmware that is already built")]


@app.command(epilog=example("dlnet device info --port /dev/ttyACM0"))
def info(port: Port, model: Model = REGISTERED, elf: Elf = None, timeout: Seconds = 5.0) -> None:
    """Print the board's model, its inputs, and the cycles it holds."""
    with _board(port, model, elf, timeout) as board:
        about, held = board.info, board.held()
        print(f"model    {about.model}, version {about.version}")
        print(f"sha256   {about.sha256}")
        print(f"looks at {about.window} cycles, forecasts {about.horizon}; a saved state has {about.state} bytes")
        for i, (name, unit) in enumerate(board.inputs()):
            print(f"{'inputs' if i == 0 else '':8} {name} [{unit}]")
        print(f"holds    {held.held} cycles" + (f", the last one is number {held.last}" if held.held else ""))


@app.command(epilog=example("dlnet device selftest --port emulator --model models/edge/NAME"))
def selftest(port: Port, model: Model = REGISTERED, elf: Elf = None, timeout: Seconds = 5.0) -> None:
    """Run the golden vectors on the board, and time one forecast."""
    with _board(port, model, elf, timeout) as board:
        board.self_test()
        print(f"self test passed: model {board.info.model}, version {board.info.version}")
        if not board.held().ready:
            return
        cycles, us = board.timing()
        counted = f"{cycles} processor cycles" if cycles else "no cycle counter, as in an emulator"
        print(f"one forecast: {counted}, {us} us by the board's clock")


@app.command(epilog=example("dlnet device forecast CELL.csv --port /dev/ttyACM0 --model models/edge/NAME"))
def forecast(
    cell: Cell,
    port: Port,
    model: Model = REGISTERED,
    elf: Elf = None,
    timeout: Seconds = 5.0,
    nominal: Nominal = None,
    capacity: Capacity = None,
    unit: Unit = None,
    column: Columns = None,
) -> None:
    """Send a cell to the board, and print its forecast."""
    from dlnet.device.replay import play
    from dlnet.export.reference import to_soh

    with _board(port, model, elf, timeout) as board:
        device, values = _device_and_values(model, cell, file_layout(nominal, capacity, unit, column))
        board.check_model(device.sha256)
        rejected = [number for number, accepted in play(board, values) if not accepted]
        if rejected:
            print(f"{len(rejected)} cycles were refused as impossible, the first is number {rejected[0]}")
        soh = to_soh(board.forecast())
        for ahead in SHOWN:
            if ahead <= len(soh):
                print(f"{ahead:4} cycles ahead: SoH {soh[ahead - 1]:.4f}")
        reached = board.crossing(END_OF_LIFE)
        print(f"SoH {END_OF_LIFE}: " + ("beyond the horizon" if reached is None else f"in {reached} cycles"))


@app.command(epilog=example("dlnet device replay CELL.csv --port emulator --model models/edge/NAME"))
def replay(
    cell: Cell,
    port: Port,
    model: Model = REGISTERED,
    elf: Elf = None,
    timeout: Seconds = 5.0,
    nominal: Nominal = None,
    capacity: Capacity = None,
    unit: Unit = None,
    column: Columns = None,
) -> None:
    """Send a cell, and compare each forecast with the reference."""
    from dlnet.device import replay as replaying

    with _board(port, model, elf, timeout) as board:
        device, values = _device_and_values(model, cell, file_layout(nominal, capacity, unit, column))
        played = replaying.replay(board, device, values)
        print(
            f"{played.cycles} cycles accepted, {played.refused} refused, {played.forecasts} forecasts of "
            f"{board.info.horizon} cycles compared: all equal to this computer's, to the last bit"
        )


def _device_and_values(model: ModelArgument, cell: Path, layout: FileLayout) -> tuple[DeviceModel, Singles]:
    from dlnet.device.values import device_values

    with opened_edge(model) as edge:
        return edge.device, device_values(cell, edge, layout)


@contextmanager
def _board(port: str, model: ModelArgument, elf: Path | None, timeout: float) -> Iterator[Board]:
    from dlnet.device.board import Board
    from dlnet.device.errors import DeviceError

    if elf is not None and port not in (EMULATOR, CORE):
        raise DeviceError(f"--elf needs --port {EMULATOR} or {CORE}; a real board gets firmware by an upload")
    with _wire(port, model, elf, timeout) as wire:
        yield Board(wire)


@contextmanager
def _wire(port: str, model: ModelArgument, elf: Path | None, timeout: float) -> Iterator[Wire]:
    from dlnet.device.core import CoreLine
    from dlnet.device.emulator import emulated
    from dlnet.device.line import Line

    if port not in (EMULATOR, CORE):
        with Line(port, timeout) as line:
            yield line
        return
    with tempfile.TemporaryDirectory(prefix="dlnet-") as name:
        image = elf or _built(model, Path(name))
        if port == CORE:
            yield CoreLine(image)
            return
        with emulated(image) as serial, Line(serial, timeout) as line:
            yield line


def _built(model: ModelArgument, folder: Path) -> Path:
    from dlnet.device.sketch import build, stage
    from dlnet.files import write_text
    from dlnet.firmware.header import header

    with opened_edge(model) as edge:
        write_text(folder / "model_data.h", header(edge.device))
    return build(stage(folder / "model_data.h", folder / "book"), folder / "out")
