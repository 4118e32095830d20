"""Walks of docs/ as a user follows them: the blocks run in order in a copy of the project, with small networks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.small_pipeline import shrink_further

PROJECT = Path(__file__).parents[2]
TASKS, OWN_DATA = PROJECT / "docs/tasks.md", PROJECT / "docs/own-data.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
KEPT = ("data", "dlnet", "docker", "firmware", "stages", "tasks", "dvc.yaml", "params.yaml", "pyproject.toml")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("arm-none-eabi-g++") is None, reason="needs docker/firmware.apt"),
]


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """(language, text) of each block of the page's walk."""
    walk = page.read_text().partition("## The walk")[2].partition("\n## ")[0]
    return ((match[1], match[2]) for match in FENCE.finditer(walk))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "my project"
    folder.mkdir()
    for name in KEPT:
        source = PROJECT / name
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, folder / name)
    for made in ("data/raw", "data/windows"):
        shutil.rmtree(folder / made, ignore_errors=True)
    shrink_further(folder / "params.yaml")
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet"], cwd=folder, check=True)
    return folder


def run(project: Path, command: list[str], text: str | None = None) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_TRACKING")}
    environment = inherited | {"PATH": path, "PYTHONPATH": str(project), "DLNET_RUNNER": "local", "COLUMNS": "200"}
    done = subprocess.run(
        command, cwd=project, env=environment, input=text, text=True, capture_output=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def follow(project: Path, page: Path) -> str:
    """Run every block; returns what they printed."""
    printed = ""
    for language, text in blocks(page):
        if language == "yaml":
            (project / text.splitlines()[0].removeprefix("# ")).write_text(text)
        elif language == "python":
            run(project, [sys.executable, "-"], text)
        else:
            printed += run(project, ["bash", "-euo", "pipefail", "-s"], text)
    return printed


def test_the_walk_ends_with_a_forecast_of_the_board(project: Path) -> None:
    printed = follow(project, TASKS)
    assert "Task `filter`: 12 filters" in printed
    assert "errors of dp, Pa over the next 60 shifts, test filters" in printed
    by_host = re.findall(r"^\W*60\W+([0-9.]+)\W+±", printed, re.MULTILINE)
    by_board = re.findall(r"^ *60 shifts ahead: dp ([0-9.]+)$", printed, re.MULTILINE)
    assert len(by_host) == len(by_board) == 1
    # The host encodes in floats, the board in 16-bit codes; one code is 0.01 Pa here.
    assert float(by_board[0]) == pytest.approx(float(by_host[0]), abs=0.5)
    picture = (project / "forecasts/filter-1.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    header = (project / "forecasts/filter-1.csv").read_text().splitlines()[0]
    assert header == "shift_ahead,dp,typical_error,outside"


def test_the_walk_from_a_folder_ends_with_a_forecast(project: Path) -> None:
    printed = follow(project, OWN_DATA)
    assert """data.csv.include: "`Step Type` != 'RPT'\"""" in printed
    assert "data.csv.nominal: 2.5" in printed
    assert "Task `battery`: 10 cells" in printed
    assert "errors of SoH over the next 100 cycles, test cells" in printed
    table = pd.read_csv(project / "forecasts/cell-1.csv")
    assert len(table) == 100
    last = pd.read_csv(project / "my cells/cell-1.csv", sep=";", decimal=",")["Discharge Capacity (mAh)"].iloc[-1]
    assert table["soh"].iloc[0] == pytest.approx(last / 2500, abs=0.05)
