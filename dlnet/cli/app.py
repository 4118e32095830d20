"""The command ``dlnet``: forecast a cell, print the report, look at this machine.

Imports stand inside the commands, so that ``dlnet --help`` answers at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from dlnet.cli.build import add_commands as add_build_commands
from dlnet.cli.registry import add_commands
from dlnet.errors import DLNetError

REGISTERED = "models:/dlnet-edge@candidate"
SHOWN = (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)  # cycles ahead that the table prints


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; an error the user can mend ends as one line and exit code 1."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except DLNetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dlnet", description="Battery health on a microcontroller.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    forecast = commands.add_parser("forecast", help="SoH of the next cycles of one cell: a table and a picture")
    forecast.add_argument("cell", type=Path, metavar="CELL.csv", help="one row a cycle, oldest first")
    forecast.add_argument(
        "--model", default=REGISTERED, metavar="MODEL",
        help=f"models/edge/NAME, models/students/NAME.json or models:/NAME@ALIAS (default {REGISTERED})",
    )  # fmt: skip
    forecast.add_argument("--nominal", type=_positive, metavar="AH", help="capacity of the cell when new, Ah")
    forecast.add_argument("--capacity", metavar="COLUMN", help="column of the capacity, if it has another name")
    forecast.add_argument("--unit", choices=("Ah", "mAh"), help="of the capacity")
    forecast.add_argument(
        "--column", action="append", default=[], type=_column, metavar="NAME=COLUMN", help="column of a feature"
    )
    forecast.add_argument("--out", type=Path, default=Path("forecasts"), metavar="DIR", help="default %(default)s")
    forecast.set_defaults(run=_forecast)
    change = commands.add_parser("set", help="set values in params.yaml: dlnet set data.source=mit task.inputs=charge")
    change.add_argument("assignments", nargs="+", metavar="SECTION.KEY=VALUE", help="the value is YAML")
    change.set_defaults(run=_set)
    report = commands.add_parser("report", help="the table of the last run: baselines, teacher, elites, int8")
    report.set_defaults(run=_report)
    _add_firmware(commands.add_parser("firmware", help="write a model as C++ for a sketch"))
    _add_device(commands.add_parser("device", help="talk to a board: replay a cell, forecast, self test, what it runs"))
    doctor = commands.add_parser("doctor", help="what is missing on this machine, and the command that mends it")
    doctor.set_defaults(run=_doctor)
    add_commands(commands)
    add_build_commands(commands)
    return parser


def _add_firmware(firmware: argparse.ArgumentParser) -> None:
    firmware.add_argument("--model", required=True, metavar="MODEL", help="models/edge/NAME or models:/NAME@ALIAS")
    firmware.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for model_data.h, model.json")
    firmware.add_argument(
        "--prove",
        action="store_true",
        help="compile it for this machine and an emulated board, compare with the reference, and say what it takes",
    )
    firmware.set_defaults(run=_firmware)


def _add_device(device: argparse.ArgumentParser) -> None:
    device.add_argument(
        "--port", required=True, metavar="PORT",
        help="serial port such as /dev/ttyACM0 or COM3; emulator: the sketch in QEMU; core: its answers in a bare core",
    )  # fmt: skip
    device.add_argument(
        "--model",
        default=REGISTERED,
        metavar="MODEL",
        help=f"models/edge/NAME or models:/NAME@ALIAS (default {REGISTERED})",
    )
    device.add_argument("--elf", type=Path, metavar="FILE", help="emulator or core: firmware that is built already")
    device.add_argument(
        "--timeout", type=_positive, default=5.0, metavar="S", help="for each answer, default %(default)s"
    )
    actions = device.add_subparsers(required=True, metavar="ACTION", dest="action")
    actions.add_parser("info", help="which model the board runs, its inputs with their units, what it holds")
    actions.add_parser("selftest", help="run the golden vectors on the board, and time one forecast")
    for name, words in (
        ("forecast", "hand the board a cell, print its forecast"),
        ("replay", "play a cell to the board and compare every forecast with this computer's"),
    ):
        action = actions.add_parser(name, help=words)
        action.add_argument("cell", type=Path, metavar="CELL.csv", help="one row a cycle, oldest first")
        action.add_argument("--nominal", type=_positive, metavar="AH", help="capacity of the cell when new, Ah")
    device.set_defaults(run=_device)


def _column(text: str) -> tuple[str, str]:
    name, mark, column = text.partition("=")
    if not mark:
        raise argparse.ArgumentTypeError(f"{text!r}: write NAME=COLUMN")
    return name, column


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be above zero")
    return value


def _forecast(arguments: argparse.Namespace) -> int:
    from dlnet.cli.models import opened
    from dlnet.files import atomic_file
    from dlnet.forecast import FileLayout, draw, forecast
    from dlnet.plots.style import figure_style, save_figure
    from dlnet.report.tables import forecast_table, show

    with opened(arguments.model) as model:
        layout = FileLayout(arguments.capacity, arguments.unit, dict(arguments.column), arguments.nominal)
        found = forecast(arguments.cell, model, layout)
    picture = arguments.out / f"{found.cell}.png"
    with figure_style():
        save_figure(draw(found), picture)
    with atomic_file(picture.with_suffix(".csv")) as temporary:
        found.table().to_csv(temporary, index=False, float_format="%.6f")
    show(forecast_table(found, SHOWN))
    print(f"Every cycle: {picture.with_suffix('.csv')}   Picture: {picture}")
    return 0


def _set(arguments: argparse.Namespace) -> int:
    from dlnet.cli.set_params import set_params

    set_params(arguments.assignments)
    return 0


def _firmware(arguments: argparse.Namespace) -> int:
    from dlnet.cli.firmware import run

    return run(arguments.model, arguments.out, prove=arguments.prove)


def _device(arguments: argparse.Namespace) -> int:
    from dlnet.cli.device import run

    return run(arguments)


def _report(arguments: argparse.Namespace) -> int:
    from dlnet.report.documents import SummaryReport
    from dlnet.report.tables import notes, show, summary_table

    summary = SummaryReport.read(Path("reports/summary.json"))
    show(summary_table(summary))
    print("\n".join(notes(summary)))
    print("Runs, fronts and models: make ui, then http://127.0.0.1:5000")
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from dlnet.cli.doctor import examine
    from dlnet.report.tables import doctor_table, show

    checks = examine(Path())
    show(doctor_table(checks))
    return int(any(check.needed and not check.ok for check in checks))


if __name__ == "__main__":
    sys.exit(main())
