"""Windows -> a large liquid teacher, averaged over its members; goes on from its last validation after a kill."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd

from dlnet.config.base import StageConfig
from dlnet.config.cost import CostParams
from dlnet.config.task import TaskParams
from dlnet.config.teacher import TeacherParams
from dlnet.cost.energy import measure_energy, write_volatile
from dlnet.data.encode import Encoder, fit_encoder
from dlnet.data.windows import WindowDataset
from dlnet.distill.students import plan_of, teacher_shape
from dlnet.distill.teacher import averaged
from dlnet.files import atomic_dir, sha256, write_parquet
from dlnet.metrics import errors
from dlnet.models.trained import TrainedModel
from dlnet.train.data import make_training_data, training_windows
from dlnet.train.loop import Job, TrainingData, curves
from dlnet.train.pool import Stack, run_stacks
from stages import run

WINDOWS = Path("data/windows")
OUT = Path("models/teacher")
VOLATILE = Path("reports/volatile/teach.json")
STATE = Path(".cache/teacher")  # outside the stage's outputs, which DVC deletes before a run


class TeachConfig(StageConfig):
    """What the teach stage reads."""

    task: TaskParams
    teacher: TeacherParams
    cost: CostParams


def main() -> None:
    """Run the stage."""
    config = TeachConfig.load()
    dataset = WindowDataset.load(WINDOWS)
    encoder = fit_encoder(dataset, config.task)
    windows = training_windows(dataset, config.task)
    training_data = make_training_data(dataset, encoder, windows)
    with measure_energy(config.cost.country) as meter:
        teacher, table = _train(config, encoder, training_data)
    write_volatile(VOLATILE, {"training": meter.energy})
    found = errors(
        teacher.forecast(dataset, windows.validation),
        dataset.targets(windows.validation),
        dataset.cell_of(windows.validation),
        dataset.cells,
    )
    teacher.metrics.update({"mae_validation": found.mae, "validation": found.content()})
    with atomic_dir(OUT) as folder:
        teacher.save(folder, dataset)
        write_parquet(folder / "learning.parquet", table)
    for state in STATE.glob(f"{_identity(config)}-*.safetensors"):
        state.unlink()


def _train(config: TeachConfig, encoder: Encoder, training_data: TrainingData) -> tuple[TrainedModel, pd.DataFrame]:
    params = config.teacher
    shape, identity = teacher_shape(encoder, params), _identity(config)
    stacks = [
        Stack(shape, (Job(f"member-{i}", 1000 * params.seed + i),), STATE / f"{identity}-{i}.safetensors")
        for i in range(params.members)
    ]
    results = run_stacks(stacks, [training_data], plan_of(params.training, config.task.channels.noise), "teach")
    lineage = {"members": params.members, "training_windows": training_data.labelled, "inputs": encoder.track}
    metrics = {"members_mae_validation": [one.mae_validation for one in results]}
    return TrainedModel("teacher", encoder, shape, averaged(results), metrics, lineage), curves(results)


def _identity(config: TeachConfig) -> str:
    """Of everything the weights depend on: a state of other data or params is never taken up."""
    parts = [config.model_dump_json(), *(sha256(path) for path in sorted(WINDOWS.iterdir()))]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


if __name__ == "__main__":
    run(main)
