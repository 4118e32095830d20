"""``python -m studies.few``: run what is missing, then write docs/few-cells.md and docs/few-cells.json.

Each finished unit is a file in ``studies/few/units``; a run that was stopped continues with the next unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from studies import run
from studies.few.cells import MIT, OTHERS, Case, available, load_case
from studies.few.config import FewConfig
from studies.few.page import write_few
from studies.few.work import run as run_unit
from studies.stored import Rows, rows_of

UNITS = Path("studies/few/units")
WORK = "studies.few.work"
SECTIONS = {"clean", "split", "task", "baselines", "teacher", "students"}


@dataclass(frozen=True)
class Unit:
    """Models of a number of own cells and a seed, with or without public cells."""

    own: int
    seed: int
    public: bool

    @property
    def name(self) -> str:
        """Of its file."""
        return f"own-{self.own}-s{self.seed}" + ("-public" if self.public else "")


def main() -> None:
    """Run the study."""
    config = FewConfig.load()
    found: dict[str, Rows] = {}
    for name in (MIT, *OTHERS):
        if available(config, name):
            found[name] = _rows(config, load_case(config, name))
    write_few(found, [name for name in OTHERS if name not in found], config)


def units(config: FewConfig) -> Iterator[Unit]:
    """All units, those with four own cells, which the goal is about, in the order of ``few.own``."""
    for own in config.few.own:
        for seed in config.few.seeds:
            yield from (Unit(own, seed, public) for public in (False, True))


def settings(config: FewConfig, unit: Unit) -> dict[str, Any]:
    """All that the rows of a unit depend on beside the code."""
    few = config.few.model_dump(mode="json", exclude={"own", "seeds"}) | {"most_own": max(config.few.own)}
    named = {"own": unit.own, "seed": unit.seed, "public": unit.public}
    return {**named, "few": few, **config.model_dump(mode="json", include=SECTIONS)}


def _rows(config: FewConfig, case: Case) -> Rows:
    rows: Rows = []
    for unit in tqdm(list(units(config)), desc=case.name, unit="unit"):
        path = UNITS / case.name / f"{unit.name}.json"
        found = rows_of(path, WORK, settings(config, unit), lambda unit=unit: _work(config, case, unit))  # type: ignore[misc]
        rows += [{**row, "own": unit.own, "seed": unit.seed, "public": unit.public} for row in found]
    return rows


def _work(config: FewConfig, case: Case, unit: Unit) -> Rows:
    return run_unit(config, case, unit.own, unit.seed, unit.public)


if __name__ == "__main__":
    run(main, "make few continues after the last finished unit")
