"""Cleaned rows in memory, and windows of them.

A window is identified by its end: the global row index one past its last input row. Inputs are the ``window`` rows
before the end, targets the ``horizon`` rows from the end on, all of one cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from dlnet.data.documents import TaskRecord
from dlnet.errors import DataError

Split = Literal["train", "validation", "test"]
Ends = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]

ROW_COLUMNS = ("cell", "group", "row", "soh", "target")


@dataclass(frozen=True)
class Histories:
    """N windows of cleaned cycles, the input of a model.

    Attributes:
        soh: (N, W) SoH, fraction of nominal. features: (N, W, F) in natural units. names: of the F features.
    """

    soh: Floats
    features: Floats
    names: tuple[str, ...]

    def last(self, cycles: int) -> Histories:
        """The last ``cycles`` cycles of each window."""
        return Histories(self.soh[:, -cycles:], self.features[:, -cycles:], self.names)

    def of(self, names: Sequence[str]) -> Floats:
        """(N, W, len(names)) the features of these names."""
        return self.features[..., [self.names.index(name) for name in names]]


@dataclass(frozen=True)
class WindowDataset:
    """All cleaned rows of all cells, concatenated.

    Attributes:
        soh: (R,) SoH as the device would see it (causally cleaned), fraction of nominal.
        target: (R,) SoH to be forecast (cleaned with both sides known); NaN for test cells unless allowed.
        features: (R, F) causally cleaned charge features, in the order of ``feature_names``.
        cell_index: (R,) index into ``cells``.
        cells: names of the cells.
        split: cell name -> train, validation, test or unused.
        training: names of the training cells in use (a share of the training split).
        task: source, params and counts (``task.json``).
    """

    soh: Floats
    target: Floats
    features: Floats
    feature_names: tuple[str, ...]
    cell_index: npt.NDArray[np.int64]
    cells: tuple[str, ...]
    split: dict[str, str]
    training: frozenset[str]
    task: TaskRecord

    @classmethod
    def load(cls, folder: Path, *, allow_test: bool = False) -> WindowDataset:
        """Read what the prepare stage wrote; the targets of test cells are NaN unless ``allow_test``."""
        task = TaskRecord.read(folder / "task.json")
        rows, cells = pd.read_parquet(folder / "rows.parquet"), pd.read_parquet(folder / "cells.parquet")
        return cls.from_tables(rows, cells, task, allow_test=allow_test)

    @classmethod
    def from_tables(
        cls, rows: pd.DataFrame, cells: pd.DataFrame, task: TaskRecord, *, allow_test: bool = False
    ) -> WindowDataset:
        """Build a dataset from the tables of the prepare stage (formats in docs/data.md)."""
        names = tuple(dict.fromkeys(rows["cell"]))
        position = {name: i for i, name in enumerate(names)}
        split = dict(zip(cells["cell"], cells["split"], strict=True))
        cell_index = rows["cell"].map(position).to_numpy(np.int64)
        target = rows["target"].to_numpy(np.float64).copy()
        if not allow_test:
            hidden = np.array([split[name] == "test" for name in names])
            target[hidden[cell_index]] = np.nan
        feature_names = tuple(column for column in rows.columns if column not in ROW_COLUMNS)
        return cls(
            soh=rows["soh"].to_numpy(np.float64),
            target=target,
            features=rows[list(feature_names)].to_numpy(np.float64),
            feature_names=feature_names,
            cell_index=cell_index,
            cells=names,
            split=split,
            training=frozenset(cells.loc[cells["used_in_training"], "cell"]),
            task=task,
        )

    @property
    def window(self) -> int:
        """Cycles of history in a window."""
        return self.task.window

    @property
    def horizon(self) -> int:
        """Cycles ahead to forecast."""
        return self.task.horizon

    @property
    def stride_eval(self) -> int:
        """Cycles from one validation or test window to the next."""
        return self.task.stride_eval

    def windows(self, split: Split, stride: int, *, labelled: bool = True) -> Ends:
        """Ends of the windows of a split, ``stride`` cycles apart.

        Args:
            split: which cells; for ``train`` only those in use.
            stride: cycles from one end to the next, >= 1.
            labelled: keep only windows with all ``horizon`` targets; else also those at the end of a life.

        Returns:
            (N,) global row indices, one past the last input row.
        """
        of_split = [
            i
            for i, name in enumerate(self.cells)
            if self.split.get(name) == split and (split != "train" or name in self.training)
        ]
        starts = np.searchsorted(self.cell_index, np.arange(len(self.cells) + 1))
        ahead = self.horizon if labelled else 0
        ends = [np.arange(starts[i] + self.window, starts[i + 1] - ahead + 1, stride, dtype=np.int64) for i in of_split]
        return np.concatenate(ends) if ends else np.empty(0, np.int64)

    def cell_of(self, ends: Ends) -> npt.NDArray[np.int64]:
        """(N,) index into ``cells`` of each window."""
        return self.cell_index[ends - 1]

    def targets(self, ends: Ends) -> Singles:
        """(N, horizon) SoH of the cycles after each window.

        Raises:
            DataError: a window lacks targets, or is of a test cell and the dataset was loaded without ``allow_test``.
        """
        values = self.target[ends[:, None] + np.arange(self.horizon)]
        if np.isnan(values).any():
            raise DataError(
                "targets of test cells are read only by stages.evaluate (WindowDataset.load(allow_test=True))"
            )
        return values.astype(np.float32)

    def history(self, ends: Ends) -> Floats:
        """(N, window) SoH of the cycles in each window."""
        return self.soh[ends[:, None] + np.arange(-self.window, 0)]

    def columns(self, names: list[str]) -> npt.NDArray[np.int64]:
        """Positions of features by name.

        Raises:
            DataError: a name is not among the features of this data.
        """
        missing = [name for name in names if name not in self.feature_names]
        if missing:
            raise DataError(
                f"task.{self.task.inputs}.features names {missing}, but the data has "
                f"{list(self.feature_names)}; change params.yaml"
            )
        return np.array([self.feature_names.index(name) for name in names], np.int64)

    def histories(self, ends: Ends, names: Sequence[str]) -> Histories:
        """Windows with the features ``names``."""
        return Histories(self.history(ends), self.feature_history(ends, list(names)), tuple(names))

    def feature_history(self, ends: Ends, names: list[str]) -> Floats:
        """(N, window, F) charge features of the cycles in each window."""
        return self.features[:, self.columns(names)][ends[:, None] + np.arange(-self.window, 0)]
