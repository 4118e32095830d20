"""Windows -> the numbers to beat: trends, ridge, boosting and GRUs; forecasts of validation and test windows."""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from pydantic import model_validator

from dlnet.baselines.boosting import Boosting
from dlnet.baselines.fit import Baseline, fit_all
from dlnet.baselines.gru import Gru
from dlnet.baselines.record import BaselineRecord, BaselineTable
from dlnet.baselines.saved import save_baseline
from dlnet.config.base import StageConfig
from dlnet.config.baselines import BaselinesParams
from dlnet.config.task import TaskParams
from dlnet.data.encode import fit_encoder
from dlnet.data.windows import Ends, Singles, WindowDataset
from dlnet.files import atomic_dir, write_parquet, write_tensors
from dlnet.metrics import errors
from dlnet.train.job import curves
from stages import run

WINDOWS = Path("data/windows")
OUT = Path("models/baselines")


class BaselinesConfig(StageConfig):
    """What the baselines stage reads."""

    task: TaskParams
    baselines: BaselinesParams

    @model_validator(mode="after")
    def _of_the_track(self) -> Self:
        track = self.task.inputs
        for name, by_track in (
            ("features", self.baselines.features),
            ("boosting.targets", self.baselines.boosting.targets),
        ):
            if track not in by_track:
                raise ValueError(f"baselines.{name} must name the track that task.inputs chooses, {track!r}")
        return self


def main() -> None:
    """Run the stage."""
    config = BaselinesConfig.load()
    dataset, task = WindowDataset.load(WINDOWS), config.task
    fitted = fit_all(dataset, fit_encoder(dataset, task), task, config.baselines)
    validation, test = dataset.windows("validation", task.stride_eval), dataset.windows("test", task.stride_eval)
    every = np.concatenate([validation, test])
    forecasts = {name: one.forecast(dataset, every) for name, one in fitted.items()}
    table = {name: _record(one, dataset, validation, forecasts[name]) for name, one in fitted.items()}
    trained = [one.trained for one in fitted.values() if isinstance(one, Gru)]
    with atomic_dir(OUT) as folder:
        for name, one in fitted.items():
            if isinstance(one, Gru):
                one.model.save(folder / name, dataset)
            else:
                save_baseline(folder / name, name, one, dataset)
        write_tensors(folder / "predictions.safetensors", forecasts)
        BaselineTable(table).write(folder / "baselines.json")
        write_parquet(folder / "learning.parquet", curves(trained))
    for name, entry in table.items():
        print(f"{name:16} validation MAE {entry.validation.mae:.5f}  {entry.bytes:>9,} B")


def _record(one: Baseline, dataset: WindowDataset, validation: Ends, forecast: Singles) -> BaselineRecord:
    found = errors(forecast[: len(validation)], dataset.targets(validation), dataset.cell_of(validation), dataset.cells)
    return BaselineRecord(
        bytes=one.bytes,
        bytes_in_library=one.library_bytes if isinstance(one, Boosting) else None,
        parameters=one.parameters,
        uses_capacity=one.uses_capacity,
        validation=found,
        chosen={key: value for key, value in one.chosen.items() if key != "tried"},
        tried=one.chosen.get("tried", ()),
    )


if __name__ == "__main__":
    run(main)
