"""``dlnet data``: the data that the pipeline uses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dlnet.cli.arguments import commands, example, positive

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


@app.command(epilog=example("dlnet data cycles exports --out my_cells/cycles.parquet"))
def cycles(
    folder: RawFolder,
    out: Table,
    jobs: Jobs = None,
    parts: Parts = None,
    cutoff: Cutoff = None,
    capacity: Capacity = None,
) -> None:
    """Turn a cycler's time series into capacity and charge features of each cycle."""
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
