"""`dlnet data import`: shows, asks, writes params.yaml, and what it writes runs."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from made_folders import PROJECT, life, small_project, write_lives

from dlnet.cli import main
from dlnet.cli.import_data import as_yaml
from dlnet.config.base import parse_yaml
from dlnet.data.documents import TaskRecord
from dlnet.importing import Settings
from stages import fetch, prepare
from tests.data import simulated_cycler


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    small_project(tmp_path)
    write_lives(tmp_path / "cells")
    return tmp_path


def messy(folder: Path) -> Path:
    """Cells of one laboratory in four dialects: mAh, decimal commas, a sub-folder, a hidden copy, a column of text."""
    folder.mkdir()
    (folder / "warm").mkdir()
    (folder / ".ipynb_checkpoints").mkdir()
    for seed in range(1, 8):
        table = life(seed, rows=50 + 5 * seed)
        table = pd.DataFrame(
            {
                "Zyklus": table["Cycle"],
                "Entladekapazität (mAh)": (table["Qd"] * 1000).round(3),
                "CV_Q_Ah": table["CV Q"],
                "Bemerkung": "ok",
            }
        )
        write = {
            0: lambda path, t=table: t.to_csv(path.with_suffix(".csv"), index=False),
            1: lambda path, t=table: t.to_csv(path.with_suffix(".tsv"), index=False, sep="\t"),
            2: lambda path, t=table: t.to_csv(path.with_suffix(".csv"), index=False, sep=";", decimal=","),
            3: lambda path, t=table: t.to_parquet(path.with_suffix(".parquet"), index=False),
        }[seed % 4]
        write((folder if seed % 2 else folder / "warm") / f"cell-{seed}")
    life(1).to_csv(folder / ".ipynb_checkpoints" / "cell-1.csv", index=False)
    return folder


def test_what_is_written_runs_to_prepare(project):
    messy(project / "messy")
    assert main(["data", "import", "messy", "--yes"]) == 0
    fetch.main()
    prepare.main()
    record = TaskRecord.read(Path("data/windows/task.json"))
    assert (record.assets, record.nominal, record.features) == (7, (2.0,), ("CV Q",))
    assert record.columns.target == "Entladekapazität (mAh)"
    assert record.rows == sum(50 + 5 * seed for seed in range(1, 8))


def test_only_values_that_differ_are_written_and_comments_stay(project):
    before = Path("params.yaml").read_text().splitlines()
    assert main(["data", "import", "cells", "--yes"]) == 0
    after = Path("params.yaml").read_text().splitlines()
    changed = [new.split(":")[0].strip() for old, new in zip(before, after, strict=True) if old != new]
    assert set(changed) == {"source", "path", "target", "unit", "nominal", "cycle", "features", "relative"}
    assert "# embedded (simulated, default)" in "\n".join(after)
    assert Settings.load().data.csv.target == "Qd"


def test_a_second_run_changes_no_byte(project, capsys):
    assert main(["data", "import", "cells", "--yes"]) == 0
    first = Path("params.yaml").read_bytes()
    capsys.readouterr()
    assert main(["data", "import", "cells", "--yes"]) == 0
    assert Path("params.yaml").read_bytes() == first
    assert "params.yaml: nothing to change" in capsys.readouterr().out


def test_settings_of_an_earlier_folder_are_cleared(project):
    assert main(["data", "import", "cells", "--yes"]) == 0
    write_lives(project / "plain", lambda table: table[["Qd"]])
    assert main(["data", "import", "plain", "--yes"]) == 0
    csv = Settings.load().data.csv
    assert (csv.cycle, csv.features) == (None, {})


def test_without_a_terminal_nothing_is_written_and_the_code_is_2(project, capsys):
    before = Path("params.yaml").read_bytes()
    assert main(["data", "import", "cells"]) == 2
    printed = capsys.readouterr()
    assert "data.csv.target: Qd" in printed.out
    assert "run again with --yes" in printed.err
    assert Path("params.yaml").read_bytes() == before


def test_a_bad_file_is_one_line_and_nothing_is_written(project, capsys):
    before = Path("params.yaml").read_bytes()
    table = life(3)
    table.loc[10, "Qd"] = -1
    table.to_csv("cells/cell-3.csv", index=False)
    assert main(["data", "import", "cells", "--yes"]) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert "cells/cell-3.csv: line 12 (data row 11), column 'Qd': a capacity of -1 Ah is not above zero" in errors[0]
    assert Path("params.yaml").read_bytes() == before


def test_the_folder_of_the_user_is_not_touched(project):
    folder = messy(project / "messy")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}
    assert main(["data", "import", "messy", "--yes"]) == 0
    assert {
        path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()
    } == before


def test_a_new_task_is_written_beside_params(project):
    write_lives(project / "wheels", lambda table: table.rename(columns={"Qd": "depth_mm", "Cycle": "days"}))
    assert main(["data", "import", "wheels", "--yes", "--task", "wheel", "--target", "depth_mm"]) == 0
    assert Settings.load().task.name == "wheel"
    first = Path("params.yaml").read_bytes(), Path("tasks/wheel.yaml").read_bytes()
    fetch.main()
    prepare.main()
    assert TaskRecord.read(Path("data/windows/task.json")).task == "wheel"
    assert main(["data", "import", "wheels", "--yes"]) == 0
    assert (Path("params.yaml").read_bytes(), Path("tasks/wheel.yaml").read_bytes()) == first


def test_a_refused_params_file_leaves_no_task_behind(project, capsys):
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("target: capacity", "target: &shared capacity"))
    write_lives(project / "wheels", lambda table: table.rename(columns={"Qd": "depth_mm"}))
    assert main(["data", "import", "wheels", "--yes", "--task", "wheel", "--target", "depth_mm"]) == 1
    assert "'data.csv.target' may be shared, through &shared; edit the file by hand" in capsys.readouterr().err
    assert not Path("tasks/wheel.yaml").exists()


def answer(folder: Path, *answers: str) -> tuple[int, str]:
    """Run the command in a terminal of its own, and answer its questions; its exit code and what it printed."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "dlnet.cli", "data", "import", "cells"]
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "TERM": "dumb"}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        os.write(ours, "".join(f"{line}\n" for line in answers).encode())
        printed, _ = process.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    return process.returncode, printed


def test_each_section_is_asked_for_in_a_terminal(project):
    code, printed = answer(project, "y", "y", "y", "y", "n")
    assert code == 0, printed
    assert printed.count("take this?") == 5
    csv = Settings.load(project / "params.yaml").data.csv
    assert (csv.target, csv.cycle, csv.features) == ("Qd", "Cycle", {})


def test_a_section_that_is_needed_names_the_options_when_declined(project):
    before = Path("params.yaml").read_bytes()
    code, printed = answer(project, "y", "y", "n")
    assert code == 1
    assert "Nothing was written. To choose otherwise: --target COLUMN, --unit UNIT, --nominal VALUE" in printed
    assert Path("params.yaml").read_bytes() == before


@pytest.mark.parametrize(
    "value",
    [
        *(None, 2.0, "Qd", "Qd (mAh)", "Entladekapazität: alt", "null", "1.5", "it's", "#1", "*x", "", "a" * 200),
        *("`Step` != 'RPT'", r"(?P<asset>.+?)[ _]\d+\.", [], ["a"], ["a", "b c"]),
        *({}, {"CV Q": "a"}, {"CV Q": "a, b", "x": "y: z"}),
    ],
)
def test_a_value_is_one_line_of_yaml(value):
    text = as_yaml(value)
    assert "\n" not in text
    assert parse_yaml(f"value: {text}", Path("params.yaml"), "safe")["value"] == value


def test_raw_time_series_become_a_table_of_cycles_in_the_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    windows = {"task.window": 5, "task.horizon": 3, "task.knots": [3], "clean.min_rows": 8, "clean.window": 5}
    small_project(tmp_path, **windows)
    Path("exports").mkdir()
    for number in range(1, 6):
        simulated = simulated_cycler.life(12)
        table = simulated_cycler.EXPORTS["Arbin"](simulated.table)
        table["Current(A)"] *= 1 + number / 100  # five cells, not one five times
        table.to_csv(f"exports/cell-{number}.csv", index=False)
    assert main(["data", "import", "exports", "--yes"]) == 0
    csv = Settings.load().data.csv
    assert (csv.target, csv.unit, csv.asset, csv.cycle) == ("capacity_ah", "Ah", "cell", "cycle")
    table = pd.read_parquet("data/imported/exports/cycles.parquet")
    assert list(table.groupby("cell").size()) == [11] * 5
    capacity = table.loc[table["cell"] == "cell-3", "capacity_ah"]
    assert capacity.to_numpy() == pytest.approx(1.03 * simulated.capacity[:11], rel=1e-3)
    fetch.main()
    prepare.main()
    assert TaskRecord.read(Path("data/windows/task.json")).assets == 5
