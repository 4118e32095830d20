"""``dlnet data``: what data the pipeline works on."""

from __future__ import annotations

from pathlib import Path

from dlnet.cli.arguments import commands, example

REPORT = Path("reports/data/report.md")

app = commands("data", "What data the pipeline works on.", "dlnet data report")


@app.command(epilog=example("dlnet data report"))
def report() -> None:
    """Print the head of the data report: source, notes, splits."""
    from dlnet.errors import DataError

    if not REPORT.is_file():
        raise DataError(f"{REPORT}: no such file; run dvc repro prepare")
    print(REPORT.read_text().partition("\n## Cleaned")[0].strip())
    print(f"\nMore, with pictures: {REPORT}")
