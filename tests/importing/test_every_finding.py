"""The data report of a folder in which everything odd that can be used occurs: each kind stands on its page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
import simulated_cycler
from made_folders import life, small_project

from dlnet.cli.import_data import as_yaml
from dlnet.cli.set_params import set_params
from dlnet.data.findings import Kind
from dlnet.data.raw import convert
from stages import fetch, prepare

CSV = {
    "data.source": "csv",
    "data.path": "cells",
    "data.csv.target": "Qd",
    "data.csv.unit": "Ah",
    "data.csv.nominal": 2.0,
    "data.csv.cycle": "Cycle",
    "data.csv.parts": "(?P<asset>.+)_part[0-9]+",
    "data.csv.include": "kind == 'ageing'",
    "data.csv.features": {"CV Q": "CV Q"},
    "task.with_target.features": ["CV Q"],
    "task.with_target.relative": [],
    "task.sensors_only.features": ["CV Q"],
    "task.sensors_only.relative": [],
}


def cell(seed: int, rows: int = 80) -> pd.DataFrame:
    return life(seed, rows).drop(columns="voltage mean").assign(kind="ageing")


def spoiled(seed: int, column: str, rows: slice, value: object) -> pd.DataFrame:
    """A cell with other values in some rows of a column; a number is added to those that stand there."""
    table = cell(seed)
    old = table[column].iloc[rows]
    table.loc[old.index, column] = old + value if isinstance(value, float) else value
    return table


def raw_cell() -> pa.Table:
    """Cycles of an export whose own capacity is wrong, with a missing sample in a charge."""
    table = simulated_cycler.EXPORTS["Arbin"](simulated_cycler.life(4).table)
    table["Discharge_Capacity(Ah)"] *= 1.2
    charging = table.index[table["Current(A)"] > 0]
    table.loc[charging[5], "Voltage(V)"] = np.nan
    Path("exports").mkdir()
    table.to_csv("exports/raw.csv", index=False)
    made = pyarrow.parquet.read_table(convert([Path("exports/raw.csv")], Path("raw.parquet"), jobs=1).path)
    return made.append_column("kind", pa.array(["ageing"] * len(made)))


def write_folder(folder: Path) -> None:
    folder.mkdir()
    tables = {
        "sound": cell(1),
        "flagged": spoiled(2, "kind", slice(30, 33), "RPT"),
        "gap": cell(3).drop(index=range(30, 40)),
        "jump": spoiled(4, "Qd", slice(40, 80), -0.1),
        "big": cell(5).assign(Qd=cell(5)["Qd"] * 1.43),
        "formation": spoiled(6, "Qd", slice(0, 3), 0.1),
        "rising": cell(7).assign(Qd=lambda t: t["Qd"] - 0.008 * np.maximum(0, 45 - t["Cycle"])),
        "backwards": cell(8).assign(Qd=cell(8)["Qd"].to_numpy()[::-1]),
        "constant": spoiled(9, "Qd", slice(50, 80), None).assign(Qd=lambda t: t["Qd"].ffill()),
        "check-up": spoiled(10, "Qd", slice(40, 44), -0.2),
        "holes": spoiled(11, "CV Q", slice(20, 30), None),
    }
    tables["repeated"] = cell(12).pipe(lambda t: t.assign(Qd=t["Qd"].round(1), **{"CV Q": t["CV Q"].round(1)}))
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    whole, again = cell(13), cell(14)
    whole[:45].to_csv(folder / "stitched_part1.csv", index=False)
    whole[35:].to_csv(folder / "stitched_part2.csv", index=False)
    again[:40].to_csv(folder / "renewed_part1.csv", index=False)
    again[40:].assign(Cycle=range(1, 41)).to_csv(folder / "renewed_part2.csv", index=False)
    titled = folder / "titled.csv"
    titled.write_text("Report of a cycler,,,\n" + cell(15).to_csv(index=False))
    pyarrow.parquet.write_table(raw_cell(), folder / "raw.parquet")
    (folder / "old.xls").write_bytes(b"x")


def page(values: dict[str, object]) -> str:
    """The page of the data report, made by the stages."""
    set_params([f"{key}={as_yaml(value)}" for key, value in values.items()])
    fetch.main()
    prepare.main()
    return Path("reports/data/report.md").read_text()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    small_project(tmp_path)
    write_folder(Path("cells"))
    return tmp_path


def test_everything_odd_in_a_folder_stands_in_its_data_report(project):
    text = page(CSV)
    sound = pd.read_csv("cells/sound.csv")
    sound.loc[10:30, "Qd"] = np.nan
    sound.to_csv("cells/sound.csv", index=False)
    text += page({"data.csv.labels": "check_up"})
    assert {kind for kind in Kind if f"| {kind.value} |" not in text} == set()
    assert "old.xls" in text
