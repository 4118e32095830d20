"""A Pareto front on disk: the table it is selected from, and the folder it is written to."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from dlnet.config.select import SelectParams
from dlnet.cost.table import with_training_energy
from dlnet.files import atomic_dir, write_json, write_parquet
from dlnet.select.pareto import select

ERROR = "mae_validation"
VOLATILE = {"students": Path("reports/volatile/distill.json"), "pruned": Path("reports/volatile/compress.json")}


def read_table(kind: str, params: SelectParams) -> pd.DataFrame:
    """Students of ``models/<kind>``, with training energy where it is an objective."""
    table = pd.read_parquet(f"models/{kind}/table.parquet")
    return with_training_energy(table, params.objectives, VOLATILE[kind])


def write_front(table: pd.DataFrame, params: SelectParams, out: Path) -> None:
    """Select from ``table`` and write ``table.parquet`` and ``front.json`` into the folder ``out``."""
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
