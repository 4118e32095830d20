"""Commands on the project's folder: ``set``, ``report``, ``doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from dlnet.cli.arguments import commands, example
from dlnet.errors import ConfigError

app = commands()


@app.command(
    "set",
    epilog=example("dlnet set data.source=mit task.track=sensors_only", "dlnet set --preset quick data.path=my_cells"),
)
def set_values(
    assignments: Annotated[
        list[str] | None, typer.Argument(metavar="SECTION.KEY=VALUE", help="the value is YAML")
    ] = None,
    preset: Annotated[
        Literal["default", "quick"] | None,
        typer.Option(help="set first: quick, for a first look; default, the values as delivered"),
    ] = None,
) -> None:
    """Set values in params.yaml."""
    from dlnet.cli.set_params import preset_assignments, set_params

    if not (assignments or preset):
        raise ConfigError("nothing to set: give SECTION.KEY=VALUE or --preset NAME")
    for line in set_params([*(preset_assignments(preset) if preset else []), *(assignments or [])]):
        print(f"note: {line}")


@app.command(epilog=example("dlnet report"))
def report() -> None:
    """Print the table of the last run: every model and its errors."""
    from dlnet.gate.choice import CHOICE, Choice
    from dlnet.report.documents import SummaryReport
    from dlnet.report.tables import notes, show, summary_table

    summary, choice = SummaryReport.read(Path("reports/summary.json")), Choice.read(CHOICE)
    show(summary_table(summary))
    print("\n".join(notes(summary)))
    print(choice.sentence)
    print("Runs, fronts and models: make ui, then http://127.0.0.1:5000")


@app.command(epilog=example("dlnet doctor"))
def doctor() -> None:
    """Print what this machine lacks, and the commands that fix it."""
    from dlnet.cli.doctor import doctor_table, examine
    from dlnet.report.tables import show

    checks = examine(Path())
    show(doctor_table(checks))
    if any(check.needed and not check.ok for check in checks):
        raise typer.Exit(1)
