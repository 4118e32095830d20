"""Second stage of distillation: the elites of the first front, pruned and trained again."""

from __future__ import annotations

from pathlib import Path

from dlnet.compress.stage2 import lineage_of, prune_all, stage2_stacks
from dlnet.config import CompressConfig
from dlnet.data.windows import Bank
from dlnet.distill.data import make_fold, training_windows
from dlnet.distill.loop import Fold, curves
from dlnet.distill.students import as_student, plan_of, shapes_by_name, stage2_gains
from dlnet.distill.sweep import run_stacks
from dlnet.distill.teacher import taught_by
from dlnet.files import atomic_dir, read_json, write_json, write_parquet
from dlnet.models.student import Student, load_student
from dlnet.select.energy import measure_energy, write_volatile
from dlnet.select.table import student_table
from stages import run

STUDENTS = Path("models/students")
OUT = Path("models/pruned")
VOLATILE = Path("reports/volatile/compress.json")


def main() -> None:
    """Run the stage."""
    config = CompressConfig.load()
    params, bank = config.prune, Bank.load(Path("data/windows"))
    elites = [load_student(STUDENTS / f"{name}.json") for name in read_json(Path("models/front1/front.json"))["elites"]]
    folds = _folds(elites, bank, config)
    pruned = prune_all(elites, params)
    stacks = stage2_stacks(pruned, params)
    with measure_energy(config.cost.country) as meter:
        results = run_stacks(stacks, folds, plan_of(params.training, config.task.channels.noise), "compress")
    write_volatile(VOLATILE, {"training": meter.energy, "students": len(results)})
    shapes, encoder = shapes_by_name(stacks), elites[0].encoder
    students = [
        as_student(one, shapes[one.job.name], encoder, folds[0], **lineage_of(pruned, one.job.name)) for one in results
    ]
    table = student_table(students, config.cost)
    with atomic_dir(OUT) as folder:
        for student in students:
            student.save(folder)
        write_parquet(folder / "table.parquet", table)
        write_parquet(folder / "learning.parquet", curves(results))
        write_json(folder / "distillation.json", {"gains": stage2_gains(table)})


def _folds(elites: list[Student], bank: Bank, config: CompressConfig) -> list[Fold]:
    """One fold an elite: its own forecasts, mixed with the teacher's where the teacher teaches."""
    teaches = read_json(STUDENTS / "distillation.json")["teacher"]["teaches"]
    teacher = load_student(Path("models/teacher/teacher.json"))
    encoder, windows = elites[0].encoder, training_windows(bank, config.task)
    plain, share = make_fold(bank, encoder, windows), config.prune.teacher_share if teaches else 0.0
    folds = []
    for elite in elites:
        sources = [(elite, 1 - share)] + ([(teacher, share)] if share else [])
        folds.append(taught_by(plain, sources, bank, encoder, windows))
    return folds


if __name__ == "__main__":
    run(main)
