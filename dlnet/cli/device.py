"""``dlnet device``: the commands that communicate with a board."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlnet.cli.arguments import (
    OUTSIDE,
    UNNAMED,
    AssetFile,
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
from dlnet.cli.models import chosen, opened_edge

if TYPE_CHECKING:
    from dlnet.config.quantities import Quantities
    from dlnet.device.board import Board, Held, Wire
    from dlnet.device.values import DeviceRows
    from dlnet.export.saved import SavedEdge
    from dlnet.forecast import FileLayout

EMULATOR, CORE = "emulator", "core"  # values of --port that name no serial port
SHOWN = (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)  # rows ahead that are printed

app = commands(
    "device",
    "Ask a board: info, self test, forecast, replay.",
    "dlnet device replay FILE.csv --port /dev/ttyACM0 --model models/edge/NAME",
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
def info(port: Port, model: Model = UNNAMED, elf: Elf = None, timeout: Seconds = 5.0) -> None:
    """Print the board's model, its inputs, and the rows it holds."""
    with _board(port, model, elf, timeout) as board:
        about, words, held = board.info, board.info.words, board.held()
        print(f"model    {about.model}, version {about.version}")
        print(f"sha256   {about.sha256}")
        print(f"counter  {about.counter or 'none, no release'}")
        print(f"forecast {words.target} [{words.unit}] of one {words.asset}, one row a {words.time}")
        print(f"looks at {about.window} rows, forecasts {about.horizon}; a saved state has {about.state} bytes")
        for i, (name, unit) in enumerate(board.inputs()):
            print(f"{'inputs' if i == 0 else '':8} {name} [{unit}]")
        print(f"holds    {held.held} rows" + (f", the last one is number {held.last}" if held.held else ""))


@app.command(epilog=example("dlnet device selftest --port emulator --model models/edge/NAME"))
def selftest(port: Port, model: Model = UNNAMED, elf: Elf = None, timeout: Seconds = 5.0) -> None:
    """Run the golden vectors on the board, and time one forecast."""
    with _board(port, model, elf, timeout) as board:
        board.self_test()
        print(f"self test passed: model {board.info.model}, version {board.info.version}")
        if not board.held().ready:
            return
        cycles, us = board.timing()
        counted = f"{cycles} processor cycles" if cycles else "no cycle counter, as in an emulator"
        print(f"one forecast: {counted}, {us} us by the board's clock")


@app.command(epilog=example("dlnet device forecast FILE.csv --port /dev/ttyACM0 --model models/edge/NAME"))
def forecast(
    file: AssetFile,
    port: Port,
    model: Model = UNNAMED,
    elf: Elf = None,
    timeout: Seconds = 5.0,
    nominal: Nominal = None,
    unit: Unit = None,
    column: Columns = None,
) -> None:
    """Send an asset to the board, and print its forecast."""
    from dlnet.device.replay import play
    from dlnet.export.reference import from_fixed

    model = chosen(model)
    with _board(port, model, elf, timeout) as board:
        edge, rows = _opened(model, file, file_layout(nominal, unit, column))
        board.check_model(edge.device.sha256)
        own, words = edge.document.quantities.target, edge.document.quantities.time
        rejected = [number for number, accepted in play(board, rows.values) if not accepted]
        if rejected:
            print(f"{words.count(len(rejected))} refused as impossible, the first is number {rejected[0]}")
        ahead = own.from_health(from_fixed(board.forecast()))
        for line in _remarks(board.held(), board.info.inputs, edge.document.quantities):
            print(line)
        for row in SHOWN:
            if row <= len(ahead):
                print(f"{row:4} {words.many} ahead: {own.symbol} {own.shown(ahead[row - 1])}")
        if own.end_of_life is not None:
            reached = board.crossing(own.end_of_life)
            when = "beyond the horizon" if reached is None else f"in {words.count(reached)}"
            print(f"{own.symbol} {own.end_of_life:g}: {when}")
        _say(rows)


def _remarks(held: Held, inputs: int, quantities: Quantities) -> list[str]:
    """What a board says of the forecast that it gives."""
    words, lines = quantities.time, []
    if held.missing:
        lines.append(f"held: the last {words.one} lacks {held.missing} of {inputs} inputs; their last values hold")
    if held.saturated:
        lines.append("saturated: a feature is beyond the range of this model's codes; dlnet forecast reads it in full")
    if held.off_level:
        last, symbol = words.count(held.off_level), quantities.target.symbol
        lines.append(
            f"held: the last {last} left the level of {symbol}, as a check-up does; forecast from those before"
        )
    return lines


@app.command(epilog=example("dlnet device replay FILE.csv --port emulator --model models/edge/NAME"))
def replay(
    file: AssetFile,
    port: Port,
    model: Model = UNNAMED,
    elf: Elf = None,
    timeout: Seconds = 5.0,
    nominal: Nominal = None,
    unit: Unit = None,
    column: Columns = None,
) -> None:
    """Send an asset, and compare each forecast with the reference."""
    from dlnet.device import replay as replaying

    model = chosen(model)
    with _board(port, model, elf, timeout) as board:
        edge, rows = _opened(model, file, file_layout(nominal, unit, column))
        played = replaying.replay(board, edge.device, rows.values)
        print(
            f"{played.rows} rows accepted, {played.refused} refused, {played.forecasts} forecasts of "
            f"{board.info.horizon} rows compared: all equal to this computer's, to the last bit"
        )
        print(played.apart)
        _say(rows)


def _opened(model: ModelArgument, file: Path, layout: FileLayout) -> tuple[SavedEdge, DeviceRows]:
    from dlnet.device.values import device_rows

    with opened_edge(model) as edge:
        return edge, device_rows(file, edge, layout)


def _say(rows: DeviceRows) -> None:
    """Say how an asset differs from those of training.

    Raises:
        typer.Exit: it does.
    """
    from dlnet.forecast.outside import said

    for line in said(rows.outside):
        print(line)
    if rows.outside:
        raise typer.Exit(OUTSIDE)


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

    with opened_edge(chosen(model)) as edge:
        write_text(folder / "model_data.h", header(edge.device))
    return build(stage(folder / "model_data.h", folder / "book"), folder / "out")
