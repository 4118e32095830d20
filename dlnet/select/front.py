"""models/front1 and models/front2: the models on a Pareto front, and the elites among them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from dlnet.config.select import SelectParams
from dlnet.cost.training_energy import with_training_energy
from dlnet.files import atomic_dir, write_parquet
from dlnet.select.pareto import select
from dlnet.select.record import FrontRecord

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
    front = FrontRecord(
        objectives=tuple(params.objectives),
        front=tuple(chosen.loc[chosen["front"], "name"]),
        elites=tuple(chosen.loc[chosen["elite"], "name"]),
        notes=tuple(selection.notes),
    )
    with atomic_dir(out) as folder:
        write_parquet(folder / "table.parquet", chosen)
        front.write(folder / "front.json")
