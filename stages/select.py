"""First Pareto front: students of the sweep, error on validation windows against cost on the device."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from dlnet.config import SelectConfig
from dlnet.files import atomic_dir, write_json, write_parquet
from dlnet.select.pareto import select
from stages import run

ERROR = "mae_validation"


def main() -> None:
    """Run the stage."""
    write_front(pd.read_parquet("models/students/table.parquet"), Path("models/front1"))


def write_front(table: pd.DataFrame, out: Path) -> None:
    """Select from ``table`` and write ``table.parquet`` and ``front.json`` into the folder ``out``."""
    params = SelectConfig.load().select
    selection = select(table, params.objectives, params.elites, ERROR)
    for note in selection.notes:
        print(note)
    chosen = selection.table
    content = {
        "objectives": params.objectives,
        "front": chosen.loc[chosen["front"], "name"].tolist(),
        "elites": chosen.loc[chosen["elite"], "name"].tolist(),
        "notes": selection.notes,
    }
    with atomic_dir(out) as folder:
        write_parquet(folder / "table.parquet", chosen)
        write_json(folder / "front.json", content)


if __name__ == "__main__":
    run(main)
