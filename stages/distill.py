"""First stage of distillation: a sweep of small Euler students, with and without the teacher."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from dlnet.config.base import StageConfig
from dlnet.config.clean import CleanParams
from dlnet.config.cost import CostParams
from dlnet.config.split import SplitParams
from dlnet.config.students import StudentParams
from dlnet.config.task import TaskParams
from dlnet.cost.energy import measure_energy, write_volatile
from dlnet.cost.table import student_table
from dlnet.data.encode import Encoder, fit_encoder
from dlnet.data.schema import read_label, read_table
from dlnet.data.windows import WindowDataset
from dlnet.distill.fine_tune import fine_tune
from dlnet.distill.gains import Distillation, gains, teacher_verdict
from dlnet.distill.students import as_student, sweep
from dlnet.distill.synthetic import Fleet, simulated
from dlnet.distill.targets import add_teacher_targets
from dlnet.distill.trees import check_labelled, load_teacher, windows_to_label
from dlnet.files import atomic_dir, write_parquet
from dlnet.train.data import make_training_data, training_windows
from dlnet.train.job import curves
from dlnet.train.plan import plan_of
from dlnet.train.pool import run_stacks
from stages import run

OUT = Path("models/students")
SIMULATED = Path("data/embedded.parquet")
TEACHER = Path("models/teacher")
VOLATILE = Path("reports/volatile/distill.json")


class DistillConfig(StageConfig):
    """Sections of params.yaml that the stage reads."""

    clean: CleanParams
    split: SplitParams
    task: TaskParams
    students: StudentParams
    cost: CostParams


def main() -> None:
    """Run the stage."""
    config = DistillConfig.load()
    dataset, params = WindowDataset.load(Path("data/windows")), config.students
    encoder = fit_encoder(dataset, config.task)
    windows = training_windows(dataset, config.task)
    teacher = load_teacher(TEACHER)
    check_labelled(teacher, params)
    plain = make_training_data(dataset, encoder, windows)
    fleet = _simulated(config, dataset, encoder)
    synthetic = windows_to_label(teacher, params, plain, dataset, windows, encoder, fleet)
    training_data = add_teacher_targets(
        plain, [(teacher, 1.0)], dataset, encoder, windows, params.losses, params.hint_width, synthetic
    )
    stacks = sweep(encoder, params)
    with measure_energy(config.cost.country) as meter:
        plan = plan_of(params.training, dataset.task.channels.noise, params.temperature)
        results = run_stacks(stacks, [training_data], plan, "distill")
        tuned = fine_tune(results, training_data, plan, params.fine_tune)
    write_volatile(VOLATILE, {"training": meter.energy, "students": len(results)})
    results = [part.result for part in tuned]
    students = [as_student(part.result, encoder, training_data, **part.lineage) for part in tuned]
    table = student_table(students, config.cost)
    verdict = teacher_verdict(table, teacher.network.metrics["mae_validation"])
    print(verdict.text)
    with atomic_dir(OUT) as folder:
        for student in students:
            student.save(folder / student.name, dataset)
        write_parquet(folder / "table.parquet", table)
        write_parquet(folder / "learning.parquet", curves(results))
        Distillation(teacher=verdict, gains=gains(table)).write(folder / "distillation.json")


def _simulated(config: DistillConfig, dataset: WindowDataset, encoder: Encoder) -> Tensor | None:
    """(N, T, C) windows of the simulated fleet, if the settings ask for them."""
    stride = config.students.simulated_stride
    if not stride:
        return None
    fleet = Fleet(read_table(SIMULATED), read_label(SIMULATED))
    return simulated(fleet, dataset.task.quantities, config.clean, config.split, config.task, encoder, stride)


if __name__ == "__main__":
    run(main)
