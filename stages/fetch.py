"""Assets of the chosen source -> data/raw."""

from __future__ import annotations

from pathlib import Path

from dlnet.config.base import StageConfig
from dlnet.config.data import DataParams
from dlnet.config.quantities import load_quantities
from dlnet.config.task import TaskParams
from dlnet.data import sources
from dlnet.data.public import load_public
from dlnet.files import atomic_dir, write_parquet
from stages import run

OUT = Path("data/raw")
PUBLIC = "public"  # folder of the tables of public sources


class FetchConfig(StageConfig):
    """Sections of params.yaml that the stage reads."""

    data: DataParams
    task: TaskParams


def main() -> None:
    """Run the stage."""
    config = FetchConfig.load()
    quantities = load_quantities(config.task.name)
    table, source = sources.load_assets(config.data, quantities)
    public, records = load_public(config.data, quantities, table)
    if records:
        source = source.model_copy(update={"public": records})
    with atomic_dir(OUT) as folder:
        write_parquet(folder / "assets.parquet", table)
        for name, rows in public.items():
            (folder / PUBLIC).mkdir(exist_ok=True)
            write_parquet(folder / PUBLIC / f"{name}.parquet", rows)
        source.write(folder / "source.json")


if __name__ == "__main__":
    run(main)
