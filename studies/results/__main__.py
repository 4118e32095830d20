"""``python -m studies.results``: run what is missing of the study, then write docs/results.{md,json} and its pictures.

Each finished unit is a file in ``studies/results/units``; a run that was stopped continues with the next unit.
Networks that later units need stand in ``.cache/study``; where they are gone they are trained again.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from dlnet.config.quantities import Track
from studies import run
from studies.cell_split import Cells, load
from studies.config import StudyConfig
from studies.results.results import write_results
from studies.results.work.setting import Setting
from studies.stored import rows_of, unit_key

UNITS = Path("studies/results/units")
CACHE = Path(".cache/study")
WORK = "studies.results.work"
BASE = ("clean", "split", "task")
NETWORKS = ("teacher", "students")
SECTIONS = {  # of params.yaml, that a unit depends on beside ``BASE``
    "baselines": ("baselines",),
    "grus": ("baselines",),
    "teacher": ("teacher",),
    "students": NETWORKS,
    "edges": (*NETWORKS, "baselines", "quantise", "publish"),
    "stage2": (*NETWORKS, "prune"),
    "shares": NETWORKS,
}
HEADLINE = ("baselines", "teacher", "students", "edges")


@dataclass(frozen=True)
class Unit:
    """One unit of the study: its work on one cell split."""

    work: str
    track: Track
    split: int
    share: float = 1.0

    @property
    def path(self) -> Path:
        """Where its rows are kept."""
        name = self.work if self.share == 1 else f"{self.work}-{self.share:g}"
        return UNITS / f"{self.track}-{self.split}" / f"{name}.json"


def main() -> None:
    """Run the study."""
    config = StudyConfig.load()
    config = config.model_copy(
        update={"students": config.students.model_copy(update={"seeds": config.study.seeds})},
    )
    cells, rows = load(config), []
    for unit in tqdm(list(units(config)), desc="study", unit="unit"):
        work = partial(_run, config, cells, unit)
        found = rows_of(unit.path, f"{WORK}.{unit.work}", settings(config, unit), work)
        rows += [{**row, "track": unit.track, "split": unit.split} for row in found]
    write_results(pd.DataFrame(rows), config, cells)


def units(config: StudyConfig) -> Iterator[Unit]:
    """All units, the headline ones of both tracks first."""
    study = config.study
    for split in study.splits:
        for track in study.tracks:
            yield from (Unit(work, track, split) for work in HEADLINE)
    for split in study.splits[: study.share_splits]:
        for track in study.tracks:
            yield from (Unit("shares", track, split, share) for share in study.shares)
    for split in study.splits:
        for track in study.tracks:
            yield Unit("grus", track, split)
    for split in study.splits[: study.share_splits]:
        for track in study.tracks:
            yield Unit("stage2", track, split)


def settings(config: StudyConfig, unit: Unit) -> dict[str, Any]:
    """All that the rows of a unit depend on beside the code."""
    named = {"track": unit.track, "split": unit.split, "share": unit.share}
    limits = {"most_parameters": config.study.most_parameters, "share_hidden": config.study.share_hidden}
    return {**named, **limits, **config.model_dump(mode="json", include={*BASE, *SECTIONS[unit.work]})}


def _run(config: StudyConfig, cells: Cells, unit: Unit) -> list[dict[str, Any]]:
    tqdm.write(f"{unit.track}, split {unit.split}: {unit.path.stem}")
    work = importlib.import_module(f"{WORK}.{unit.work}")
    models = CACHE / _models_key(config, unit) / f"{unit.track}-{unit.split}-{unit.share:g}"
    rows: list[dict[str, Any]] = work.run(Setting(config, cells, unit.track, unit.split, unit.share, models))
    return rows


def _models_key(config: StudyConfig, unit: Unit) -> str:
    """Networks and baselines that units share are stored under the settings and code that they all depend on."""
    shared = [Unit(work, unit.track, unit.split, unit.share) for work in ("students", "baselines")]
    return "-".join(unit_key(f"{WORK}.{one.work}", settings(config, one))[:12] for one in shared)


if __name__ == "__main__":
    run(main, "make results continues after the last finished unit")
