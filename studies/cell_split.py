"""One cell split of the study: its windows, its encoder, and the only place where the study reads test targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from dlnet.config.data import Source
from dlnet.config.task import TaskParams, Track
from dlnet.data.encode import Encoder, fit_encoder
from dlnet.data.prepare import prepare
from dlnet.data.sources import load_cells
from dlnet.data.split import deal
from dlnet.data.windows import Bank, Ends, Floats, Singles
from dlnet.metrics import errors
from dlnet.train.data import Windows, make_fold, training_windows
from dlnet.train.loop import Fold
from studies.config import StudyConfig

Forecast = Singles | Floats


@dataclass(frozen=True)
class Cells:
    """The cleaned cells, before any split."""

    rows: pd.DataFrame
    cells: pd.DataFrame
    task: dict[str, Any]


def load(config: StudyConfig, source_name: Source = "mit") -> Cells:
    """Fetch and clean cells once, those of MIT unless told; splits are dealt later."""
    table, source = load_cells(config.data.model_copy(update={"source": source_name}))
    prepared = prepare(table, source, config.clean, config.split, config.task)
    cells = prepared.cells.drop(columns=["split", "used_in_training"])
    return Cells(prepared.rows, cells, prepared.task)


@dataclass(frozen=True)
class Cut:
    """A split of the cells on one track.

    Attributes:
        bank: without test targets. judge: the same with them, read by ``score`` alone.
        task, encoder, windows, fold: of the training and validation cells. test: ends of the test windows.
    """

    task: TaskParams
    bank: Bank
    judge: Bank
    encoder: Encoder
    windows: Windows
    fold: Fold
    test: Ends

    def score(self, on_validation: Forecast, on_test: Forecast) -> dict[str, Any]:
        """Errors of a model from its forecasts of the validation and the test windows, as columns of a table."""
        found: dict[str, Any] = {}
        for split, ends, forecast in (
            ("validation", self.windows.validation, on_validation),
            ("test", self.test, on_test),
        ):
            bank = self.judge
            one = errors(forecast, bank.targets(ends), bank.cell_of(ends), bank.cells)
            worst = one.pop("worst_cell")
            found |= {f"{name}_{split}": value for name, value in one.items()}
            found |= {f"worst_cell_{split}": worst["cell"], f"worst_cell_mae_{split}": worst["mae"]}
        return found


def cut(config: StudyConfig, cells: Cells, track: Track, split: int, share: float = 1.0) -> Cut:
    """Deal the cells with seed ``split``, keep a share of the training cells, encode."""
    task = config.task.model_copy(update={"inputs": track})
    dealt = deal(
        cells.cells, config.split.model_copy(update={"seed": split, "train_share": share}), config.clean.min_rows
    )
    bank = Bank.from_tables(cells.rows, dealt, cells.task)
    judge = Bank.from_tables(cells.rows, dealt, cells.task, allow_test=True)
    encoder, windows = fit_encoder(bank, task), training_windows(bank, task)
    fold = make_fold(bank, encoder, windows)
    return Cut(task, bank, judge, encoder, windows, fold, bank.windows("test", task.stride_eval))
