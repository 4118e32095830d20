"""Cells of the chosen source -> data/raw."""

from __future__ import annotations

from pathlib import Path

from dlnet.config.base import StageConfig
from dlnet.config.data import DataParams
from dlnet.data import sources
from dlnet.files import atomic_dir, write_parquet
from stages import run

OUT = Path("data/raw")


class FetchConfig(StageConfig):
    """Sections of params.yaml that the stage reads."""

    data: DataParams


def main() -> None:
    """Run the stage."""
    table, source = sources.load_cells(FetchConfig.load().data)
    with atomic_dir(OUT) as folder:
        write_parquet(folder / "cells.parquet", table)
        source.write(folder / "source.json")


if __name__ == "__main__":
    run(main)
