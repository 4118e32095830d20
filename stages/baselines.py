"""Windows -> baselines: trends, ridge, boosting and GRUs; their forecasts of validation and test windows."""

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
from dlnet.train.job import curves
from stages import run

WINDOWS = Path("data/windows")
OUT = Path("models/baselines")


class BaselinesConfig(StageConfig):
    """Sections of params.yaml that the stage reads."""

    task: TaskParams
    baselines: BaselinesParams

    @model_validator(mode="after")
    def _of_the_track(self) -> Self:
        track = self.task.track
        for name, by_track in (
            ("features", self.baselines.features),
            ("boosting.targets", self.baselines.boosting.targets),
        ):
            if track not in by_track:
                raise ValueError(f"baselines.{name} must name the track that task.track chooses, {track!r}")
        return self


def main() -> None:
    """Run the stage."""
    config = BaselinesConfig.load()
    dataset, task = WindowDataset.load(WINDOWS), config.task
    fitted = fit_all(dataset, fit_encoder(dataset, task), task, config.baselines)
    validation, test = dataset.windows("validation", task.stride_eval), dataset.windows("test", task.stride_eval)
    ends = np.concatenate([validation, test])
    forecasts = {name: baseline.forecast(dataset, ends) for name, baseline in fitted.items()}
    table = {name: _record(baseline, dataset, validation, forecasts[name]) for name, baseline in fitted.items()}
    trained = [baseline.trained for baseline in fitted.values() if isinstance(baseline, Gru)]
    with atomic_dir(OUT) as folder:
        for name, baseline in fitted.items():
            if isinstance(baseline, Gru):
                baseline.model.save(folder / name, dataset)
            else:
                save_baseline(folder / name, name, baseline, dataset)
        write_tensors(folder / "predictions.safetensors", forecasts)
        BaselineTable(table).write(folder / "baselines.json")
        write_parquet(folder / "learning.parquet", curves(trained))
    for name, entry in table.items():
        print(f"{name:16} validation MAE {entry.validation.mae:.5f}  {entry.bytes:>9,} B")


def _record(baseline: Baseline, dataset: WindowDataset, validation: Ends, forecast: Singles) -> BaselineRecord:
    return BaselineRecord(
        bytes=baseline.bytes,
        bytes_in_library=baseline.library_bytes if isinstance(baseline, Boosting) else None,
        parameters=baseline.parameters,
        uses_target=baseline.uses_target,
        validation=dataset.errors(forecast[: len(validation)], validation),
        chosen={key: value for key, value in baseline.chosen.items() if key != "tried"},
        tried=baseline.chosen.get("tried", ()),
    )


if __name__ == "__main__":
    run(main)
