"""The parts of the study, each on one cell split: trains its models and returns rows of the table.

Every row has ``kind``, ``name`` and the errors of ``CellSplit.score``; the other columns depend on the kind.
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


def baselines(config: StudyConfig, cell_split: CellSplit, _folder: Path) -> Rows:
    """Every baseline, tuned on the validation cells of this split."""
    fitted = fit_all(cell_split.dataset, cell_split.encoder, cell_split.task, config.baselines)
    rows = []
    for name, baseline in fitted.items():
        scores = cell_split.score(
            baseline.forecast(cell_split.dataset, cell_split.windows.validation),
            baseline.forecast(cell_split.dataset, cell_split.test),
        )
        known = {"bytes": baseline.bytes, "uses_target": baseline.uses_target}
        rows.append({"kind": "baseline", "name": name, **known, **scores})
    return rows


def teacher(config: StudyConfig, cell_split: CellSplit, folder: Path) -> Rows:
    """The averaged teacher; it is stored in ``folder`` for the units that follow."""
    model, results = train_teacher(
        cell_split.encoder, config.teacher, cell_split.training_data, cell_split.dataset.task.channels.noise
    )
    model.save(folder / model.name, cell_split.dataset)
    members = float(np.mean([result.mae_validation for result in results]))
    return [_row(cell_split, model, kind="teacher", seed=config.teacher.seed, members_mae_validation=members)]


def students(config: StudyConfig, cell_split: CellSplit, folder: Path, kind: str = "student") -> Rows:
    """The sweep; the students are stored in ``folder``."""
    stacks = sweep(cell_split.encoder, config.students)
    training_data = _with_targets(config, cell_split, folder)
    results = run_stacks(
        stacks, [training_data], plan_of(config.students.training, cell_split.dataset.task.channels.noise), "students"
    )
    return _keep(cell_split, results, folder, kind)


def stage2(config: StudyConfig, cell_split: CellSplit, folder: Path) -> Rows:
    """The best student of each seed, pruned and trained again, with and without teachers."""
    elites = [load_network(folder / f"{name}") for name in best_names(config, cell_split, folder)]
    context = TeacherContext(
        cell_split.dataset, cell_split.windows, load_network(folder / "teacher"), config.prune.teacher_share
    )
    plan = plan_of(config.prune.training, cell_split.dataset.task.channels.noise)
    students, _ = compress_all(elites, config.prune, plan, context)
    return [_row(cell_split, model, kind="pruned", **model.lineage) for model in students]


def edges(config: StudyConfig, cell_split: CellSplit, folder: Path) -> Rows:
    """The best student of each seed and kind of cell, in float and on the integer engine."""
    rows, train = [], quantise_inputs(cell_split.training_data.z[: cell_split.training_data.labelled].numpy())
    for cell in (None, *(("ltc",) if "ltc" in config.students.hidden else ())):
        for name in best_names(config, cell_split, folder, cell):
            model = load_network(folder / f"{name}")
            spec = make_spec(weights_of(model), train)
            parts = [
                predict_reference(
                    spec, model.encoder.encode(cell_split.dataset, ends), model.encoder.anchor(cell_split.dataset, ends)
                )
                for ends in (cell_split.windows.validation, cell_split.test)
            ]
            row = {**_row(cell_split, model, kind="edge", seed=model.lineage["seed"]), "chosen_among": cell or "all"}
            row["stored_bytes"] = spec_bytes(spec)
            int8 = cell_split.score(parts[0], parts[1])
            rows.append({**row, **{f"int8_{key}": value for key, value in int8.items()}})
    return rows


def shares(config: StudyConfig, cell_split: CellSplit, folder: Path, share: float) -> Rows:
    """One size of student on a share of the training cells, with a teacher trained on the same share."""
    largest = max(config.students.hidden["liquid"])
    small = config.students.model_copy(update={"hidden": {"liquid": [largest]}})
    short = config.model_copy(update={"students": small})
    rows = teacher(config, cell_split, folder) + students(short, cell_split, folder)
    return [{**row, "kind": f"{row['kind']} on a share", "share": share} for row in rows]


def best_names(config: StudyConfig, cell_split: CellSplit, folder: Path, cell: str | None = None) -> list[str]:
    """For each seed, the student with the least validation error among those within the size limit."""
    most = config.study.most_parameters[cell_split.task.track]
    shapes = [(kind, n) for kind, sizes in config.students.hidden.items() for n in sizes if cell in (None, kind)]
    names = []
    for seed in config.students.seeds:
        candidates = [
            load_network(folder / f"{kind}-{hidden}-{loss}-s{seed}")
            for (kind, hidden), loss in product(shapes, config.students.losses)
        ]
        fitting = [model for model in candidates if model.count <= most]
        names.append(min(fitting, key=lambda model: (model.metrics["mae_validation"], model.name)).name)
    return names


def _with_targets(config: StudyConfig, cell_split: CellSplit, folder: Path) -> TrainingData:
    source = load_network(folder / "teacher")
    losses, width = config.students.losses, config.students.hint_width
    return add_teacher_targets(
        cell_split.training_data,
        [(source, 1.0)],
        cell_split.dataset,
        cell_split.encoder,
        cell_split.windows,
        losses,
        width,
    )


def _keep(cell_split: CellSplit, results: Sequence[Trained], folder: Path, kind: str) -> Rows:
    rows = []
    for result in results:
        model = as_student(result, cell_split.encoder, cell_split.training_data)
        model.save(folder / model.name, cell_split.dataset)
        rows.append(_row(cell_split, model, kind=kind, loss=result.job.loss, seed=result.job.seed))
    return rows


def _row(cell_split: CellSplit, model: TrainedModel, **more: Any) -> dict[str, Any]:
    scores = cell_split.score(
        model.forecast(cell_split.dataset, cell_split.windows.validation),
        model.forecast(cell_split.dataset, cell_split.test),
    )
    shape_of = {
        "cell": model.config.cell,
        "hidden": model.config.hidden,
        "parameters": model.count,
        "bytes": 4 * model.count,
    }
    return {"name": model.name, **shape_of, **more, **scores}
