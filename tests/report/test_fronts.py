"""The picture of a front: a file, the same every time, also when there is little to show."""

import math
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from dlnet.report.fronts import plot_front
from dlnet.select.pareto import select


@pytest.fixture
def table() -> pd.DataFrame:
    source = np.random.default_rng(0)
    flash = np.repeat([3000, 4000, 6000, 9000], 5)
    rows = pd.DataFrame({"flash_bytes": flash, "mae": 3 / flash + source.exponential(1e-4, 20)})
    rows["name"] = [f"n{i}" for i in range(20)]
    rows["loss"] = ["l1", "mse", "hint", "cosine", "labels"] * 4
    return select(rows, ["mae", "flash_bytes"], 3, "mae").table


def draw(table: pd.DataFrame, path: Path, **more) -> bytes:
    plot_front(table, "flash_bytes", "mae", path, "A front", **more)
    return path.read_bytes()


def test_picture_is_the_same_every_time(table, tmp_path):
    lines = {"ridge": 0.0009, "boosting": 0.0008, "persistence": 0.0068}
    first, second = (draw(table, tmp_path / name, baselines=lines) for name in ("a.png", "b.png"))
    assert first == second


def test_order_of_rows_does_not_matter(table, tmp_path):
    assert draw(table, tmp_path / "a.png") == draw(table.iloc[::-1], tmp_path / "b.png")


def test_a_baseline_is_drawn(table, tmp_path):
    draw(table, tmp_path / "without.png")
    draw(table, tmp_path / "with.png", baselines={"ridge": 0.0009})
    without, drawn = (matplotlib.image.imread(tmp_path / name) for name in ("without.png", "with.png"))
    assert without.shape == drawn.shape
    assert not np.array_equal(without, drawn)


@pytest.mark.parametrize("rows", [0, 1])
def test_few_models_are_no_error(table, tmp_path, rows):
    assert draw(table.iloc[:rows], tmp_path / "a.png", baselines={"ridge": 0.001}).startswith(b"\x89PNG")


def test_models_without_a_value_are_left_out(table, tmp_path):
    assert draw(table.assign(mae=math.nan), tmp_path / "a.png").startswith(b"\x89PNG")
