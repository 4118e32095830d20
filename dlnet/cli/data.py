"""``dlnet data``: the data that the pipeline uses."""

from __future__ import annotations

from pathlib import Path

from dlnet.cli.arguments import commands, example

REPORT = Path("reports/data/report.md")

app = commands("data", "The data that the pipeline uses.", "dlnet data report")


@app.command(epilog=example("dlnet data report"))
def report() -> None:
    """Print the first part of the data report: source, notes, splits."""
    from dlnet.errors import DataError

    if not REPORT.is_file():
        raise DataError(f"{REPORT}: no such file; run dvc repro prepare")
    print(REPORT.read_text().partition("\n## Cleaned")[0].strip())
    print(f"\nMore, with pictures: {REPORT}")
