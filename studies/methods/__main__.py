"""``python -m studies.methods``: run what is missing, then write docs/methods.{md,json}.

Every unit stores its rows in ``.cache/methods``; a run that was stopped continues with the next unit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from dlnet.config.quantities import Track
from dlnet.files import write_parquet
from studies import run
from studies.cell_split import CellSplit, load, make_split
from studies.config import MethodsConfig
from studies.methods import units
from studies.methods.page import write_methods

CACHE = Path(".cache/methods")
Work = Callable[[MethodsConfig, CellSplit, Path], units.Rows]
ALL_CELLS: tuple[Work, ...] = (
    units.teacher,
    units.losses,
    units.control,
    units.structure,
    units.branched,
    units.aware,
)
ON_A_SHARE: tuple[Work, ...] = (units.teacher, units.losses)


def main() -> None:
    """Run the study of methods."""
    config = MethodsConfig.load()
    identity = hashlib.sha256(config.model_dump_json(exclude={"data", "study", "baselines"}).encode()).hexdigest()[:12]
    cells = load(config)
    tables = []
    for track, share, works in tqdm(list(_splits(config)), desc="methods", unit="split"):
        cell_split, folder = None, CACHE / identity / f"{track}-{share:g}"
        for work in works:
            path = folder / f"{work.__name__}.parquet"
            if not path.exists():
                tqdm.write(f"{track}, {share:.0%} of the training cells: {work.__name__}")
                cell_split = cell_split or make_split(config, cells, track, config.methods.split, share)
                rows = work(config, cell_split, folder / "models")
                write_parquet(path, pd.DataFrame(rows).assign(track=track, share=share))
            tables.append(pd.read_parquet(path))
    write_methods(pd.concat(tables, ignore_index=True), config)


def _splits(config: MethodsConfig) -> Iterator[tuple[Track, float, tuple[Work, ...]]]:
    for share in config.methods.shares:
        for track in config.methods.tracks:
            yield track, share, ALL_CELLS if share == 1 else ON_A_SHARE


if __name__ == "__main__":
    run(main, "make methods continues after the last finished unit")
