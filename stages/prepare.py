"""data/raw -> cleaned rows and a split in data/windows, and the data report in reports/data."""

from __future__ import annotations

import sys
from pathlib import Path

from dlnet.config.base import StageConfig
from dlnet.config.clean import CleanParams
from dlnet.config.presets import Preset
from dlnet.config.quantities import load_quantities
from dlnet.config.split import SplitParams
from dlnet.config.task import TaskParams
from dlnet.data.documents import SourceRecord
from dlnet.data.prepare import Prepared, prepare
from dlnet.data.public import add_public, clean_public
from dlnet.data.report import describe, markdown
from dlnet.data.schema import read_table
from dlnet.files import atomic_dir, write_json, write_parquet, write_text
from dlnet.plots.data import PICTURES, draw
from dlnet.plots.style import figure_style, save_figure
from stages import run

RAW = Path("data/raw")
OUT = Path("data/windows")
REPORT = Path("reports/data")


class PrepareConfig(StageConfig):
    """Sections of params.yaml that the stage reads."""

    preset: Preset
    clean: CleanParams
    split: SplitParams
    task: TaskParams


def main() -> None:
    """Run the stage."""
    config = PrepareConfig.load()
    table, source = read_table(RAW / "assets.parquet"), SourceRecord.read(RAW / "source.json")
    quantities = load_quantities(config.task.name)
    prepared = prepare(table, source, quantities, config.clean, config.split, config.task, config.preset)
    if source.public:
        prepared = add_public(
            prepared,
            [
                clean_public(
                    read_table(RAW / "public" / f"{part.source}.parquet"), part, quantities, config.clean, config.task
                )
                for part in source.public
            ],
        )
    rows, assets = prepared.all_tables()
    with atomic_dir(REPORT) as folder:
        _report(folder, prepared, config)
    with atomic_dir(OUT) as folder:
        write_parquet(folder / "rows.parquet", rows)
        write_parquet(folder / "assets.parquet", assets)
        prepared.task.write(folder / "task.json")


def _report(folder: Path, prepared: Prepared, config: PrepareConfig) -> None:
    report = describe(prepared, config.clean, config.split)
    write_json(folder / "report.json", report)
    write_text(folder / "report.md", markdown(report, prepared.task.quantities, PICTURES))
    with figure_style():
        for figure, (_, name) in zip(draw(prepared, report), PICTURES, strict=True):
            save_figure(figure, folder / name)
    if odd := report["findings"]:
        assets = prepared.task.quantities.asset.count(len({finding["asset"] for finding in odd}))
        print(f"{len(odd)} findings about {assets}: {REPORT / 'report.md'}", file=sys.stderr)
    for asset in report["unused"]:
        print(f"left out: {asset['asset']}: {asset['rows']} rows, {asset['why']}", file=sys.stderr)


if __name__ == "__main__":
    run(main)
