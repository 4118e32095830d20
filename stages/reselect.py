"""Second Pareto front: students of the sweep and their pruned forms together."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from dlnet.config.base import StageConfig
from dlnet.config.select import SelectParams
from dlnet.select.front import read_table, write_front
from stages import run


class ReselectConfig(StageConfig):
    """Sections of params.yaml that the stage reads."""

    select: SelectParams


def main() -> None:
    """Run the stage."""
    params = ReselectConfig.load().select
    tables = [read_table(kind, params).assign(kind=kind) for kind in ("students", "pruned")]
    write_front(pd.concat(tables, ignore_index=True), params, Path("models/front2"))


if __name__ == "__main__":
    run(main)
