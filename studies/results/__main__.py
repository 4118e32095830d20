"""``python -m studies.results``: run what is missing of the study, then write docs/results.{md,json} and its pictures.

Every unit stores its rows in ``.cache/study``; a run that was stopped continues with the next unit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from dlnet.config.quantities import Track
from dlnet.files import write_parquet
from studies import run
from studies.cell_split import Cells, CellSplit, load, make_split
from studies.config import StudyConfig
from studies.results import units
from studies.results.results import write_results

CACHE = Path(".cache/study")
Unit = tuple[str, Track, int, float, Callable[[CellSplit, Path], units.Rows]]


def main() -> None:
    """Run the study."""
    config = StudyConfig.load()
    config = config.model_copy(
        update={
            "students": config.students.model_copy(update={"seeds": config.study.seeds}),
        }
    )
    cells, splits = load(config), _LastSplit()
    tables = []
    for name, track, split, share, work in tqdm(list(_units(config)), desc="study", unit="unit"):
        path = CACHE / _identity(config, name) / f"{track}-{split}" / f"{name}.parquet"
        if not path.exists():
            tqdm.write(f"{track}, split {split}: {name}")
            rows = work(splits.get(config, cells, track, split, share), path.parent / f"models-{share:g}")
            write_parquet(path, pd.DataFrame(rows).assign(track=track, split=split))
        tables.append(pd.read_parquet(path))
    write_results(pd.concat(tables, ignore_index=True), config, cells)


def _identity(config: StudyConfig, unit: str) -> str:
    """Hash of all params that a unit depends on: a change to the baselines does not train the networks again."""
    nets = {"teacher", "students", "prune", "cost"} if unit == "baselines" else {"baselines"}
    own = config.model_dump_json(exclude={"data", "study"} | nets)
    parts = own, config.study.seeds, config.study.most_parameters
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


class _LastSplit:
    """The cell split made last, since the units of one split follow each other."""

    def __init__(self) -> None:
        self._key: str = ""
        self._split: CellSplit | None = None

    def get(self, config: StudyConfig, cells: Cells, track: Track, split: int, share: float) -> CellSplit:
        key = json.dumps([track, split, share])
        if self._split is None or key != self._key:
            self._key, self._split = key, make_split(config, cells, track, split, share)
        return self._split


def _units(config: StudyConfig) -> Iterator[Unit]:
    """All units, the headline ones of every split first."""
    study = config.study
    for track in study.tracks:
        for split in study.splits:
            yield "baselines", track, split, 1.0, partial(units.baselines, config)
            yield "teacher", track, split, 1.0, partial(units.teacher, config)
            yield "students", track, split, 1.0, partial(units.students, config)
            yield "edges", track, split, 1.0, partial(units.edges, config)
    for track in study.tracks:
        for split in study.splits[: study.share_splits]:
            yield "stage2", track, split, 1.0, partial(units.stage2, config)
            for share in study.shares:
                yield f"share-{share:g}", track, split, share, partial(units.shares, config, share=share)


if __name__ == "__main__":
    run(main, "make results continues after the last finished unit")
