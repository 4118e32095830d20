"""Cleans cells and splits them: the data that every model is trained and evaluated on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from dlnet.config.clean import CleanParams
from dlnet.config.split import SplitParams
from dlnet.config.task import TaskParams
from dlnet.data.clean import FEATURE_FLOOR, hampel
from dlnet.data.documents import SourceRecord, SplitCounts, TaskRecord
from dlnet.data.schema import KEYS
from dlnet.data.split import SPLITS, split_cells
from dlnet.errors import ConfigError


@dataclass(frozen=True)
class Prepared:
    """Outputs of the prepare stage (formats in docs/data.md).

    Attributes:
        rows: ``rows.parquet``.
        cells: ``cells.parquet``.
        task: ``task.json``.
        raw: (R,) SoH before cleaning, for the report.
        touched: (R, F) which feature values were replaced, for the report.
    """

    rows: pd.DataFrame
    cells: pd.DataFrame
    task: TaskRecord
    raw: np.ndarray
    touched: np.ndarray


def prepare(
    table: pd.DataFrame, source: SourceRecord, clean: CleanParams, split: SplitParams, task: TaskParams
) -> Prepared:
    """Clean every cell and assign the cells to splits.

    Args:
        table: ``cells.parquet`` of the fetch stage.
        source: ``source.json`` of the fetch stage.
        clean: section ``clean``.
        split: section ``split``.
        task: section ``task``.

    Raises:
        ConfigError: a feature of the track is not in the data, or ``clean.min_rows`` is too small for a window.
        DataError: too few cells for the split.
    """
    features = [name for name in table.columns if name not in KEYS]
    _check_task(features, clean, task)
    bar = tqdm(table.groupby("cell", sort=False), desc="cleaning", unit="cell", leave=False)
    parts = [_clean_cell(cell, features, clean) for _, cell in bar]
    rows = pd.concat([part[0] for part in parts], ignore_index=True)
    cells = split_cells(pd.DataFrame([part[1] for part in parts]), split, clean.min_rows)
    columns = ["cell", "group", "rows", "split", "used_in_training", *_TOUCHED]
    raw = (table["capacity_ah"] / table["nominal_ah"]).to_numpy()
    record = TaskRecord(
        **dict(source), **dict(task), clean=clean, features=tuple(features), counts=_counts(cells, task)
    )
    return Prepared(rows, cells[columns], record, raw, np.concatenate([part[2] for part in parts]))


_TOUCHED = ["touched_inputs", "touched_targets", "touched_features"]


def _check_task(features: list[str], clean: CleanParams, task: TaskParams) -> None:
    missing = [name for name in task.channels.features if name not in features]
    if missing:
        raise ConfigError(
            f"params.yaml: task.{task.inputs}.features: {missing[0]!r} is not in the data, which has "
            f"{', '.join(map(repr, features)) or 'no features'}; leave it out or map it in data.csv.features"
        )
    if clean.min_rows < task.window + task.horizon:
        raise ConfigError(
            f"params.yaml: clean.min_rows ({clean.min_rows}) must be at least task.window + task.horizon "
            f"({task.window} + {task.horizon})"
        )


def _clean_cell(
    cell: pd.DataFrame, features: list[str], clean: CleanParams
) -> tuple[pd.DataFrame, dict[str, Any], np.ndarray]:
    soh = (cell["capacity_ah"] / cell["nominal_ah"]).to_numpy()
    back, side = clean.window - 1, clean.window // 2 + 2
    inputs, touched_inputs = hampel(soh, back, 0, clean.sigmas, clean.floor_soh)
    targets, touched_targets = hampel(soh, side, side, clean.sigmas, clean.floor_soh)
    values, touched = hampel(cell[features].to_numpy(np.float64), back, 0, clean.feature_sigmas, FEATURE_FLOOR)
    rows = cell[["cell", "group", "row"]].assign(soh=inputs, target=targets)
    rows = pd.concat([rows, pd.DataFrame(values, columns=features, index=rows.index)], axis=1)
    counts = {
        "cell": cell["cell"].iloc[0],
        "group": cell["group"].iloc[0],
        "rows": len(cell),
        "touched_inputs": int(touched_inputs.sum()),
        "touched_targets": int(touched_targets.sum()),
        "touched_features": int(touched.sum()),
    }
    return rows, counts, touched


def _counts(cells: pd.DataFrame, task: TaskParams) -> dict[str, SplitCounts]:
    """Cells, rows and windows of each split."""
    counts: dict[str, dict[str, int]] = {}
    for split in (*SPLITS, "unused"):
        of_split = cells[cells["split"] == split]
        counts[split] = {"cells": len(of_split), "rows": int(of_split["rows"].sum())}
        if split in SPLITS:
            used = of_split[of_split["used_in_training"]] if split == "train" else of_split
            stride = task.stride_train if split == "train" else task.stride_eval
            starts = used["rows"] - task.window - task.horizon
            counts[split]["windows"] = int((starts // stride + 1).clip(lower=0).sum())
    counts["train"]["cells_used"] = int(cells["used_in_training"].sum())
    return {split: SplitCounts(**entry) for split, entry in counts.items()}
