"""Windows -> the teacher: liquid networks, averaged, and boosting if it has a share; resumes after an interruption."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from dlnet.config.base import StageConfig
from dlnet.config.baselines import BaselinesParams
from dlnet.config.cost import CostParams
from dlnet.config.task import TaskParams
from dlnet.config.teacher import TeacherParams
from dlnet.cost.energy import measure_energy, write_volatile
from dlnet.data.encode import fit_encoder
from dlnet.data.windows import WindowDataset
from dlnet.distill.teacher import train_teacher
from dlnet.distill.trees import with_boosting
from dlnet.files import atomic_dir, sha256, write_parquet
from dlnet.train.data import make_training_data, training_windows
from dlnet.train.job import curves
from stages import run

WINDOWS = Path("data/windows")
OUT = Path("models/teacher")
VOLATILE = Path("reports/volatile/teach.json")
STATE = Path(".cache/teacher")  # outside the stage's outputs, which DVC deletes before a run


class TeachConfig(StageConfig):
    """Sections of params.yaml that the stage reads."""

    task: TaskParams
    teacher: TeacherParams
    baselines: BaselinesParams
    cost: CostParams


def main() -> None:
    """Run the stage."""
    config = TeachConfig.load()
    dataset = WindowDataset.load(WINDOWS)
    encoder = fit_encoder(dataset, config.task)
    windows = training_windows(dataset, config.task)
    training_data = make_training_data(dataset, encoder, windows)
    states = STATE / _identity(config)
    with measure_energy(config.cost.country) as meter:
        noise = dataset.task.channels.noise
        network, results = train_teacher(encoder, config.teacher, training_data, noise, states)
        teacher = with_boosting(network, config.teacher.boosting, dataset, config.task, config.baselines)
    write_volatile(VOLATILE, {"training": meter.energy})
    validation = dataset.errors(teacher.forecast(dataset, windows.validation), windows.validation)
    network.metrics.update({"mae_validation": validation.mae, "validation": validation.content()})
    with atomic_dir(OUT) as folder:
        teacher.save(folder, dataset)
        write_parquet(folder / "learning.parquet", curves(results))
    shutil.rmtree(states)


def _identity(config: TeachConfig) -> str:
    """Hash of all that the weights depend on, so that a state of other data or params is never resumed."""
    parts = [config.model_dump_json(), *(sha256(path) for path in sorted(WINDOWS.iterdir()))]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


if __name__ == "__main__":
    run(main)
