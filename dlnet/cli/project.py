"""Commands on the project's folder: ``set``, ``report``, ``doctor``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dlnet.cli.arguments import commands, example

app = commands()


@app.command("set", epilog=example("dlnet set data.source=mit task.track=sensors_only"))
def set_values(
    assignments: Annotated[list[str], typer.Argument(metavar="SECTION.KEY=VALUE", help="the value is YAML")],
) -> None:
    """Set values in params.yaml."""
    from dlnet.cli.set_params import set_params

    for line in set_params(assignments):
        print(f"note: {line}")


@app.command(epilog=example("dlnet report"))
def report() -> None:
    """Print the table of the last run: every model and its errors."""
    from dlnet.report.documents import SummaryReport
    from dlnet.report.tables import notes, show, summary_table

    summary = SummaryReport.read(Path("reports/summary.json"))
    show(summary_table(summary))
    print("\n".join(notes(summary)))
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
