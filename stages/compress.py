"""Second stage of distillation: the elites of the first front, pruned and trained again."""

from __future__ import annotations

from pathlib import Path

from dlnet.compress.stage2 import TeacherContext, compress_all
from dlnet.config.base import StageConfig
from dlnet.config.cost import CostParams
from dlnet.config.prune import PruneParams
from dlnet.config.task import TaskParams
from dlnet.cost.energy import measure_energy, write_volatile
from dlnet.cost.table import student_table
from dlnet.data.windows import WindowDataset
from dlnet.distill.gains import Distillation, PrunedDistillation, pruning_gains
from dlnet.files import atomic_dir, write_parquet
from dlnet.models.trained import load_network
from dlnet.select.record import FrontRecord
from dlnet.train.data import training_windows
from dlnet.train.job import curves
from dlnet.train.plan import plan_of
from stages import run

STUDENTS = Path("models/students")
OUT = Path("models/pruned")
VOLATILE = Path("reports/volatile/compress.json")


class CompressConfig(StageConfig):
    """Sections of params.yaml that the stage reads."""

    task: TaskParams
    prune: PruneParams
    cost: CostParams


def main() -> None:
    """Run the stage."""
    config = CompressConfig.load()
    params, dataset = config.prune, WindowDataset.load(Path("data/windows"))
    elites = [load_network(STUDENTS / name) for name in FrontRecord.read(Path("models/front1/front.json")).elites]
    teaches = Distillation.read(STUDENTS / "distillation.json").teacher.teaches
    teacher = load_network(Path("models/teacher")) if teaches else None
    context = TeacherContext(dataset, training_windows(dataset, config.task), teacher, params.teacher_share)
    plan = plan_of(params.training, dataset.task.channels.noise)
    with measure_energy(config.cost.country) as meter:
        students, results = compress_all(elites, params, plan, context)
    write_volatile(VOLATILE, {"training": meter.energy, "students": len(results)})
    table = student_table(students, config.cost)
    with atomic_dir(OUT) as folder:
        for student in students:
            student.save(folder / student.name, dataset)
        write_parquet(folder / "table.parquet", table)
        write_parquet(folder / "learning.parquet", curves(results))
        PrunedDistillation(gains=pruning_gains(table)).write(folder / "distillation.json")


if __name__ == "__main__":
    run(main)
