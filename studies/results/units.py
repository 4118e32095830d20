"""The parts of the study, each on one cut: what it trains, and the rows it adds to the table.

Every row has ``kind``, ``name`` and the errors of ``CellSplit.score``; the rest is what that kind is told apart by.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from dlnet.baselines.fit import fit_all
from dlnet.compress.stage2 import TeacherContext, compress_all
from dlnet.distill.students import as_student, sweep
from dlnet.distill.targets import add_teacher_targets
from dlnet.distill.teacher import train_teacher
from dlnet.export.convert import weights_of
from dlnet.export.reference import predict_reference, quantise_inputs
from dlnet.export.size import spec_bytes
from dlnet.export.spec import make_spec
from dlnet.models.trained import TrainedModel, load_network
from dlnet.train.data import TrainingData
from dlnet.train.job import Trained
from dlnet.train.plan import plan_of
from dlnet.train.pool import run_stacks
from studies.cell_split import CellSplit
from studies.config import StudyConfig

Rows = list[dict[str, Any]]


def baselines(config: StudyConfig, cut: CellSplit, _folder: Path) -> Rows:
    """Every baseline, tuned on the validation cells of this cut."""
    fitted = fit_all(cut.dataset, cut.encoder, cut.task, config.baselines)
    rows = []
    for name, one in fitted.items():
        scores = cut.score(one.forecast(cut.dataset, cut.windows.validation), one.forecast(cut.dataset, cut.test))
        known = {"bytes": one.bytes, "uses_capacity": one.uses_capacity}
        rows.append({"kind": "baseline", "name": name, **known, **scores})
    return rows


def teacher(config: StudyConfig, cut: CellSplit, folder: Path) -> Rows:
    """The averaged teacher; it is left in ``folder`` for the units that follow."""
    one, results = train_teacher(cut.encoder, config.teacher, cut.training_data, cut.task.channels.noise)
    one.save(folder / one.name, cut.dataset)
    members = float(np.mean([result.mae_validation for result in results]))
    return [_row(cut, one, kind="teacher", seed=config.teacher.seed, members_mae_validation=members)]


def students(config: StudyConfig, cut: CellSplit, folder: Path, kind: str = "student") -> Rows:
    """The whole sweep; the students are left in ``folder``."""
    stacks = sweep(cut.encoder, config.students)
    training_data = _with_targets(config, cut, folder)
    results = run_stacks(
        stacks, [training_data], plan_of(config.students.training, cut.task.channels.noise), "students"
    )
    return _keep(cut, results, folder, kind)


def stage2(config: StudyConfig, cut: CellSplit, folder: Path) -> Rows:
    """The best student of each seed, pruned and trained again, with and without its teachers."""
    elites = [load_network(folder / f"{name}") for name in best_names(config, cut, folder)]
    context = TeacherContext(cut.dataset, cut.windows, load_network(folder / "teacher"), config.prune.teacher_share)
    plan = plan_of(config.prune.training, cut.task.channels.noise)
    students, _ = compress_all(elites, config.prune, plan, context)
    return [_row(cut, one, kind="pruned", **one.lineage) for one in students]


def edges(config: StudyConfig, cut: CellSplit, folder: Path) -> Rows:
    """The best student of each seed and kind of cell, as float and as the integer engine runs it."""
    rows, train = [], quantise_inputs(cut.training_data.z[: cut.training_data.labelled].numpy())
    for cell in (None, "ltc"):
        for name in best_names(config, cut, folder, cell):
            one = load_network(folder / f"{name}")
            spec = make_spec(weights_of(one), train)
            parts = [
                predict_reference(spec, one.encoder.encode(cut.dataset, ends), one.encoder.anchor(cut.dataset, ends))
                for ends in (cut.windows.validation, cut.test)
            ]
            row = {**_row(cut, one, kind="edge", seed=one.lineage["seed"]), "chosen_among": cell or "all"}
            row["stored_bytes"] = spec_bytes(spec)
            int8 = cut.score(parts[0], parts[1])
            rows.append({**row, **{f"int8_{key}": value for key, value in int8.items()}})
    return rows


def shares(config: StudyConfig, cut: CellSplit, folder: Path, share: float) -> Rows:
    """One size of student on a share of the training cells, with a teacher trained on the same share."""
    largest = max(config.students.hidden["liquid"])
    small = config.students.model_copy(update={"hidden": {"liquid": [largest]}})
    short = config.model_copy(update={"students": small})
    rows = teacher(config, cut, folder) + students(short, cut, folder)
    return [{**row, "kind": f"{row['kind']} on a share", "share": share} for row in rows]


def best_names(config: StudyConfig, cut: CellSplit, folder: Path, cell: str | None = None) -> list[str]:
    """For each seed, the student with the least validation error among those within the size limit."""
    most = config.study.most_parameters[cut.task.inputs]
    shapes = [(kind, n) for kind, sizes in config.students.hidden.items() for n in sizes if cell in (None, kind)]
    names = []
    for seed in config.students.seeds:
        found = [
            load_network(folder / f"{kind}-{hidden}-{loss}-s{seed}")
            for (kind, hidden), loss in product(shapes, config.students.losses)
        ]
        fitting = [one for one in found if one.count <= most]
        names.append(min(fitting, key=lambda one: (one.metrics["mae_validation"], one.name)).name)
    return names


def _with_targets(config: StudyConfig, cut: CellSplit, folder: Path) -> TrainingData:
    source = load_network(folder / "teacher")
    losses, width = config.students.losses, config.students.hint_width
    return add_teacher_targets(cut.training_data, [(source, 1.0)], cut.dataset, cut.encoder, cut.windows, losses, width)


def _keep(cut: CellSplit, results: Sequence[Trained], folder: Path, kind: str) -> Rows:
    rows = []
    for result in results:
        one = as_student(result, cut.encoder, cut.training_data)
        one.save(folder / one.name, cut.dataset)
        rows.append(_row(cut, one, kind=kind, loss=result.job.loss, seed=result.job.seed))
    return rows


def _row(cut: CellSplit, one: TrainedModel, **more: Any) -> dict[str, Any]:
    scores = cut.score(one.forecast(cut.dataset, cut.windows.validation), one.forecast(cut.dataset, cut.test))
    shape_of = {"cell": one.config.cell, "hidden": one.config.hidden, "parameters": one.count, "bytes": 4 * one.count}
    return {"name": one.name, **shape_of, **more, **scores}
