"""Second stage of distillation: the elites of the first front, pruned and trained again."""

from __future__ import annotations

from pathlib import Path

from dlnet.compress.stage2 import TeacherContext, compress_all
from dlnet.config.base import StageConfig
from dlnet.config.cost import CostParams
from dlnet.config.prune import PruneParams
from dlnet.config.students import StudentParams
from dlnet.config.task import TaskParams
from dlnet.cost.energy import measure_energy, write_volatile
from dlnet.cost.table import student_table
from dlnet.data.encode import fit_encoder
from dlnet.data.windows import WindowDataset
from dlnet.distill.gains import Distillation, PrunedDistillation, pruning_gains
from dlnet.distill.trees import Teacher, load_teacher, windows_to_label
from dlnet.files import atomic_dir, write_parquet
from dlnet.models.trained import load_network
from dlnet.select.record import FrontRecord
from dlnet.train.data import make_training_data, training_windows
from dlnet.train.job import curves
from dlnet.train.plan import plan_of
from stages import run

STUDENTS = Path("models/students")
OUT = Path("models/pruned")
VOLATILE = Path("reports/volatile/compress.json")


class CompressConfig(StageConfig):
    """Sections of params.yaml that the stage reads."""

    task: TaskParams
    students: StudentParams
    prune: PruneParams
    cost: CostParams


def main() -> None:
    """Run the stage."""
    config = CompressConfig.load()
    params, dataset = config.prune, WindowDataset.load(Path("data/windows"))
    elites = [load_network(STUDENTS / name) for name in FrontRecord.read(Path("models/front1/front.json")).elites]
    teaches = Distillation.read(STUDENTS / "distillation.json").teacher.teaches
    teacher = load_teacher(Path("models/teacher")) if teaches else None
    context = _context(config, dataset, teacher)
    plan = plan_of(params.training, dataset.task.channels.noise, config.students.temperature)
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


def _context(config: CompressConfig, dataset: WindowDataset, teacher: Teacher | None) -> TeacherContext:
    """What compressed networks are trained from: the windows of the first stage, but no simulated ones."""
    params, windows = config.students, training_windows(dataset, config.task)
    encoder = fit_encoder(dataset, config.task)
    plain = make_training_data(dataset, encoder, windows)
    synthetic = windows_to_label(teacher, params, plain, dataset, windows, encoder)
    return TeacherContext(
        dataset,
        windows,
        teacher,
        config.prune.teacher_share,
        tuple(config.prune.losses),
        params.hint_width,
        synthetic,
    )


if __name__ == "__main__":
    run(main)
