"""The stages fetch and prepare: their files, errors without partial output, and the same bytes in two runs."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from synthetic_cells import PROJECT, channels, write_cells, write_project

import stages
from dlnet.data.published import PUBLISHED
from stages import fetch, prepare

MIT = PROJECT.parent / "shared" / "data" / "mit"
OWN = {
    "data.source": "csv",
    "data.path": "cells",
    "data.csv": {"target": "Q", "unit": "Ah", "nominal": 2.0, "time": None, "features": {"slope": "dV/dt"}},
    "task.with_target": channels("slope"),
}


def project(tmp_path, monkeypatch, **changes):
    write_project(tmp_path, OWN | changes)
    write_cells(tmp_path / "cells")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in ("cells", "params.yaml", "tasks")
    }


def test_own_cells_give_windows_and_a_report(tmp_path, monkeypatch):
    root = project(tmp_path, monkeypatch)
    fetch.main()
    prepare.main()
    assert set(files(root)) == {
        "data/raw/assets.parquet",
        "data/raw/source.json",
        "data/windows/assets.parquet",
        "data/windows/rows.parquet",
        "data/windows/task.json",
        "reports/data/cleaning.png",
        "reports/data/feature_ranges.png",
        "reports/data/report.json",
        "reports/data/report.md",
        "reports/data/life_curves.png",
    }


def test_findings_of_files_and_values_are_counted_on_the_screen_and_listed_on_the_page(tmp_path, monkeypatch, capsys):
    root = project(tmp_path, monkeypatch)
    own = pd.read_csv(root / "cells" / "cell-2.csv")
    own["Q"] *= 0.7  # no new cell
    own.assign(Cycle_Index=[2, 1, *range(3, len(own) + 1)]).to_csv(root / "cells" / "cell-2.csv", index=False)
    fetch.main()
    prepare.main()
    assert "8 findings about 6 cells: reports/data/report.md" in capsys.readouterr().err
    page = (root / "reports/data/report.md").read_text()
    assert "| order of rows | cell-2 | 2 | column 'Cycle_Index' does not rise at 1 row," in page
    assert "| nominal value | cell-2 |  | begins at 0.7 x" in page


def test_two_runs_give_the_same_bytes(tmp_path, monkeypatch):
    root = project(tmp_path, monkeypatch)
    outputs = []
    for _ in range(2):
        fetch.main()
        prepare.main()
        outputs.append(files(root))
    assert outputs[0] == outputs[1]


def test_a_bad_file_is_an_error_of_one_line_without_output(tmp_path, monkeypatch):
    root = project(tmp_path, monkeypatch)
    (root / "cells" / "cell-4.csv").write_text("Q,dV/dt\n1.9,0.1\n-1,0.1\n")
    with pytest.raises(SystemExit) as stopped:
        stages.run(fetch.main)
    assert str(stopped.value).startswith(
        "error: cells/cell-4.csv: line 3 (data row 2), column 'Q': a capacity of -1 Ah"
    )
    assert "\n" not in str(stopped.value)
    assert files(root) == {}


def test_a_bad_file_leaves_the_earlier_result(tmp_path, monkeypatch):
    root = project(tmp_path, monkeypatch)
    fetch.main()
    before = files(root)
    (root / "cells" / "cell-4.csv").write_text("")
    with pytest.raises(SystemExit):
        stages.run(fetch.main)
    assert files(root) == before


def test_too_short_cells_leave_no_windows(tmp_path, monkeypatch):
    root = project(tmp_path, monkeypatch, **{"clean.min_rows": 43})
    fetch.main()
    with pytest.raises(SystemExit, match=r"error: 4 of 6 assets have the 43 rows"):
        stages.run(prepare.main)
    assert {name.split("/")[1] for name in files(root)} == {"raw"}


def test_short_cells_are_reported(tmp_path, monkeypatch, capsys):
    project(tmp_path, monkeypatch, **{"clean.min_rows": 42})
    fetch.main()
    prepare.main()
    assert "left out: cell-1: 41 rows, fewer than 42 cycles" in capsys.readouterr().err


def test_a_wrong_source_is_named_before_any_work(tmp_path, monkeypatch):
    project(tmp_path, monkeypatch, **{"data.source": "calce"})
    with pytest.raises(SystemExit, match=r"params.yaml:\d+: data.source: .*'calce'"):
        stages.run(fetch.main)


def test_invalid_raw_data_are_rejected(tmp_path, monkeypatch):
    root = project(tmp_path, monkeypatch)
    fetch.main()
    raw = root / "data/raw/assets.parquet"
    pd.read_parquet(raw).assign(slope=float("inf")).to_parquet(raw, index=False)
    with pytest.raises(SystemExit, match=r"data/raw/assets.parquet: row 0, column 'slope': infinite"):
        stages.run(prepare.main)


@pytest.mark.slow
@pytest.mark.skipif(not MIT.is_dir(), reason="the MIT cells are not in ../shared/data/mit")
def test_real_cells_match_the_measured_facts(tmp_path, monkeypatch):
    """Measured independently: 125 cells, 85,577 rows, eight fragments; rows held and cleaned are our own count."""
    write_project(tmp_path, {"data.source": "mit", "data.mirror": str(MIT)} | real_task())
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DLNET_DATA_MIRROR", raising=False)
    fetch.main()
    prepare.main()
    source = json.loads(Path("data/raw/source.json").read_text())
    assert (source["assets"], source["rows"], source["label"]) == (125, 85577, PUBLISHED["mit"].label)
    cells = pd.read_parquet("data/windows/assets.parquet")
    assert cells["split"].value_counts().to_dict() == {"train": 70, "test": 24, "validation": 23, "unused": 8}
    assert (cells["touched_inputs"].sum(), cells["touched_targets"].sum()) == (136, 119)
    counts = json.loads(Path("data/windows/task.json").read_text())["counts"]
    assert (counts["validation"]["windows"], counts["test"]["windows"]) == (2522, 2926)


def real_task():
    task = {"task.window": 50, "task.horizon": 100, "task.knots": [100], "task.stride_eval": 5}
    return {"clean.min_rows": 200, "split.seed": 0} | task
