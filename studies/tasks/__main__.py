"""``python -m studies.tasks``: runs every task in a folder of its own and writes the table of docs/tasks.md.

A folder that has its report is not run again; delete ``.cache/tasks`` after a change of code.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dlnet.cli.set_params import set_params
from dlnet.data.schema import KEYS, read_table
from dlnet.errors import DLNetError
from dlnet.files import write_json, write_text
from studies.tasks.table import Entry, entry_of, with_table

CACHE = Path(".cache/tasks")
PAGE, FIGURES = Path("docs/tasks.md"), Path("docs/tasks.json")
PUMPS = Path("data/pump.parquet")
COPIED = ("data/embedded.parquet", "data/pump.parquet", "params.yaml")
FOLDERS = ("dlnet", "stages", "tasks", "docker")
STAGES = ("fetch", "prepare", "baselines", "teach", "distill", "select", "compress", "reselect", "quantise", "evaluate")


@dataclass(frozen=True)
class Run:
    """One row of the table: its name, and what is set in params.yaml."""

    name: str
    settings: tuple[str, ...]


PUMP = ("task.name=pump", f"data.path={PUMPS}")
RUNS = (
    Run("battery", ()),
    Run("pump", PUMP),
    Run("pump-sensors", (*PUMP, "task.track=sensors_only")),
    Run("generic", ("task.name=generic", "data.source=csv", "data.path=pumps", "data.csv.target=head")),
)
"""``generic`` reads the pumps as somebody's own CSV files."""


def main() -> None:
    """Run what has no report yet, then write figures and table."""
    entries: dict[str, Entry] = {}
    for run in RUNS:
        folder = CACHE / run.name
        if not (folder / "reports/evaluation.json").is_file():
            _run(run, folder)
        entries[run.name] = entry_of(folder)
    write_json(FIGURES, {name: entry.content() for name, entry in entries.items()})
    write_text(PAGE, with_table(PAGE.read_text(), list(entries.values())))


def _run(run: Run, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "data").mkdir(parents=True)
    for name in COPIED:
        shutil.copyfile(name, folder / name)
    for name in FOLDERS:
        shutil.copytree(name, folder / name)
    settings = run.settings
    if run.name == "generic":
        settings = (*settings, *_export_pumps(folder / "pumps"))
    set_params(settings, folder / "params.yaml")
    for stage in STAGES:
        print(f"{run.name}: {stage}", file=sys.stderr)
        done = subprocess.run([sys.executable, "-m", f"stages.{stage}"], cwd=folder, check=False)
        if done.returncode:
            raise DLNetError(f"{folder}: the stage {stage} failed; see above")


def _export_pumps(folder: Path) -> tuple[str, str]:
    """The pumps as one CSV each; returns the settings that describe them."""
    table = read_table(PUMPS)
    features = [name for name in table.columns if name not in KEYS]
    for (group, name), pump in table.groupby(["group", "asset"], sort=False):
        path = folder / str(group) / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        pd.DataFrame(pump[["quantity", *features]]).rename(columns={"quantity": "head"}).to_csv(path, index=False)
    named = ", ".join(f"{name}: {name}" for name in features)
    return f"data.csv.nominal={table['nominal'].iloc[0]}", f"data.csv.features={{{named}}}"


if __name__ == "__main__":
    try:
        main()
    except DLNetError as error:
        sys.exit(f"error: {error}")
