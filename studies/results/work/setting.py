"""Where and on what a unit of the study works, and the columns that all its rows have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dlnet.baselines.fit import Baseline
from dlnet.config.quantities import Track
from dlnet.metrics import per_asset
from dlnet.models.trained import TrainedModel
from studies.cell_split import Cells, CellSplit, Forecast, make_split
from studies.config import StudyConfig

Row = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """One cell split on one track, with a share of its training cells; the split is made when it is first used.

    Attributes:
        models: folder for networks that later units need.
    """

    config: StudyConfig
    cells: Cells
    track: Track
    split: int
    share: float
    models: Path

    @cached_property
    def cell_split(self) -> CellSplit:
        """The split's windows and encoder."""
        return make_split(self.config, self.cells, self.track, self.split, self.share)

    def scores(self, forecast: Callable[[Any], Forecast]) -> Row:
        """Errors of the model on validation and test windows, and of each test cell: its MAE and number of windows.

        Args:
            forecast: of the windows with the given ends.
        """
        on_test = forecast(self.cell_split.test)
        scores = self.cell_split.score(forecast(self.cell_split.windows.validation), on_test)
        return {**scores, "cells_test": self.cell_split.cells_of_test(on_test)}

    def on_validation(self, forecast: Callable[[Any], Forecast]) -> tuple[float, dict[str, float]]:
        """MAE on validation windows, and of each validation cell."""
        dataset, ends = self.cell_split.dataset, self.cell_split.windows.validation
        values = forecast(ends)
        targets, asset = dataset.targets(ends), dataset.asset_of(ends)
        cells = per_asset(values, targets, asset, dataset.assets, dataset.unit_size)
        return dataset.errors(values, ends).mae, cells

    def baseline_row(self, name: str, model: Baseline) -> Row:
        """The row of a baseline."""
        known = {"bytes": model.bytes, "uses_target": model.uses_target}
        scores = self.scores(lambda ends: model.forecast(self.cell_split.dataset, ends))
        return {"kind": "baseline", "name": name, **known, **scores}

    def network_row(self, model: TrainedModel, **more: Any) -> Row:
        """The row of a network in floats."""
        shape_of = {
            "cell": model.config.cell,
            "hidden": model.config.hidden,
            "parameters": model.count,
            "bytes": 4 * model.count,
        }
        scores = self.scores(lambda ends: model.forecast(self.cell_split.dataset, ends))
        return {"name": model.name, **shape_of, **more, **scores}
