"""Folders as laboratories send them, made: cells whose capacity falls, in columns of any name."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from synthetic_cells import write_project

from dlnet.importing import Settings

PROJECT = Path(__file__).parents[2]

Change = Callable[[pd.DataFrame], pd.DataFrame]


def life(seed: int, rows: int = 60, nominal: float = 2.0) -> pd.DataFrame:
    """Cycle, capacity (Ah), two charge features of a cell; noise of 0.0003 of nominal."""
    rng = np.random.default_rng(seed)
    cycle = np.arange(1, rows + 1)
    capacity = nominal * (1 - 0.002 * (1 + 0.1 * seed) * cycle + rng.normal(0, 0.0003, rows))
    return pd.DataFrame(
        {
            "Cycle": cycle,
            "Qd": capacity.round(6),
            "voltage mean": (3.7 + 1e-4 * cycle + rng.normal(0, 1e-4, rows)).round(6),
            "CV Q": (0.1 + 1e-3 * cycle + rng.normal(0, 1e-4, rows)).round(6),
        }
    )


def write_lives(folder: Path, change: Change = lambda table: table, count: int = 6, **make: float) -> Path:
    """``cell-1.csv`` ... in a folder, each changed."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(1, count + 1):
        change(life(seed, **make)).to_csv(folder / f"cell-{seed}.csv", index=False)
    return folder


def small_project(folder: Path, **changes: object) -> Settings:
    """A project with windows of 10 and 20 rows; its settings."""
    write_project(folder, {"clean.min_rows": 40} | changes)
    return Settings.load(folder / "params.yaml")


def renamed(**names: str) -> Change:
    """Columns of ``life`` under other names."""
    return lambda table: table.rename(columns={name.replace("_", " "): new for name, new in names.items()})


__all__ = ["PROJECT", "life", "renamed", "shutil", "small_project", "write_lives"]
