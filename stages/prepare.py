"""data/raw -> cleaned rows and a split in data/windows, and the data report in reports/data."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from dlnet.config import PrepareConfig
from dlnet.data.prepare import prepare
from dlnet.data.schema import check_table
from dlnet.files import atomic_dir, read_json, write_json, write_parquet
from stages import run

RAW = Path("data/raw")
OUT = Path("data/windows")
REPORT = Path("reports/data")


def main() -> None:
    """Run the stage."""
    config = PrepareConfig.load()
    source = read_json(RAW / "source.json")
    table = pd.read_parquet(RAW / "cells.parquet")
    check_table(RAW / "cells.parquet", table)
    prepared = prepare(table, source, config.clean, config.split, config.task)
    with atomic_dir(OUT) as folder:
        write_parquet(folder / "rows.parquet", prepared.rows)
        write_parquet(folder / "cells.parquet", prepared.cells)
        write_json(folder / "task.json", prepared.task)


if __name__ == "__main__":
    run(main)
