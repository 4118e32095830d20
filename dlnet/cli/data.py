"""``dlnet data``: the data that the pipeline uses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dlnet.cli.arguments import Column, commands, example, parse_column, positive

REPORT = Path("reports/data/report.md")

RawFolder = Annotated[Path, typer.Argument(metavar="FOLDER", help="exports of a cycler, in it and below; or one file")]
Table = Annotated[Path, typer.Option("--out", metavar="FILE.parquet", help="table of cycles to write")]
Jobs = Annotated[int | None, typer.Option("--jobs", metavar="N", min=1, help="processes; default: one for each core")]
Parts = Annotated[
    str | None, typer.Option("--parts", metavar="REGEX", help="joins files of a cell: (?P<asset>...) in their names")
]
Cutoff = Annotated[
    float | None, typer.Option("--cutoff", metavar="V", parser=positive, help="voltage at which charges become CV")
]
Capacity = Annotated[
    float | None, typer.Option("--capacity", metavar="AH", parser=positive, help="of a new cell, with --cutoff")
]

app = commands("data", "The data that the pipeline uses.", "dlnet data report")


@app.command(epilog=example("dlnet data report"))
def report() -> None:
    """Print the first part of the data report: source, notes, splits."""
    from dlnet.errors import DataError

    if not REPORT.is_file():
        raise DataError(f"{REPORT}: no such file; run dvc repro prepare")
    print(REPORT.read_text().partition("\n## Cleaned")[0].strip())
    print(f"\nMore, with pictures: {REPORT}")


@app.command(
    "import",
    epilog=example("dlnet data import my_cells", 'dlnet data import my_cells --yes --target "Qd (mAh)" --nominal 2.5'),
)
def import_(  # noqa: PLR0913, PLR0917 - each is one option of the command
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="files of assets: csv, tsv, txt, xlsx, parquet")],
    task: Annotated[
        str | None, typer.Option(metavar="NAME", help="a task; a new one needs --target, and gets a file in tasks/")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="write without asking")] = False,
    target: Annotated[str | None, typer.Option(metavar="COLUMN", help="column of the task's quantity")] = None,
    unit: Annotated[str | None, typer.Option(metavar="UNIT", help="of that column")] = None,
    nominal: Annotated[
        float | None,
        typer.Option(metavar="VALUE", parser=positive, help="quantity of a new asset, in the task's unit"),
    ] = None,
    cycle: Annotated[str | None, typer.Option(metavar="COLUMN", help="number or date that orders rows")] = None,
    time: Annotated[str | None, typer.Option(metavar="COLUMN", help="time of a row, in the task's unit")] = None,
    asset: Annotated[str | None, typer.Option(metavar="COLUMN", help="asset of a row, if a file has several")] = None,
    parts: Annotated[
        str | None,
        typer.Option(metavar="PATTERN", help="regular expression with a group asset, for several files of one asset"),
    ] = None,
    include: Annotated[
        str | None, typer.Option(metavar="QUERY", help="rows that are ageing: a query, or a column of flags")
    ] = None,
    feature: Annotated[
        list[Column] | None,
        typer.Option(metavar="NAME=COLUMN", parser=parse_column, help="column of a feature; can be repeated"),
    ] = None,
) -> None:
    """Find the settings that read a folder of your files.

    What was found is shown, each section of it is confirmed, and params.yaml is written. Without a terminal and
    without --yes nothing is written, and the exit code is 2. Your files are not touched.
    """
    from dlnet.cli.import_data import run_import
    from dlnet.importing import Choices

    choices = Choices(task, target, unit, nominal, cycle, time, asset, parts, include, dict(feature or []))
    run_import(folder, choices, yes)


@app.command(epilog=example("dlnet data cycles exports --out my_cells/cycles.parquet"))
def cycles(
    folder: RawFolder,
    out: Table,
    jobs: Jobs = None,
    parts: Parts = None,
    cutoff: Cutoff = None,
    capacity: Capacity = None,
) -> None:
    """Turn time series of a cycler into a table of cycles."""
    from dlnet.data.raw import convert, raw_files
    from dlnet.data.raw.window import window_of
    from dlnet.errors import DataError

    if (cutoff is None) != (capacity is None):
        raise DataError(
            "--cutoff and --capacity belong together; name both, or none to take them from the first charge"
        )
    window = None if cutoff is None or capacity is None else window_of(cutoff, capacity)
    done = convert(raw_files(folder), out, jobs=jobs, parts=parts, window=window)
    for name, vendor, count in done.cells:
        print(f"{name}: {count} cycles ({vendor})")
    for finding in done.findings:
        print(f"{finding.asset}{f', row {finding.rows_shown}' if finding.rows else ''}: {finding.text}")
    if done.window is None:
        print("No features: no charge at constant voltage in the first cells; name --cutoff and --capacity.")
    else:
        print(
            f"Features: charges to {done.window.cutoff_v:g} V, their end from {done.window.current_from_a:g} "
            f"to {done.window.current_to_a:g} A"
        )
    print(f"{out}: {len(done.cells)} cells; columns cell, cycle, capacity_ah and the features")
