"""The sweep of students: on labels alone, and taught."""

from __future__ import annotations

from pathlib import Path

from dlnet.distill.students import as_student, sweep
from dlnet.distill.synthetic import synthetic_windows
from dlnet.distill.targets import add_teacher_targets
from dlnet.models.trained import TrainedModel, load_network
from dlnet.train.plan import plan_of
from dlnet.train.pool import run_stacks
from studies.results.work import teacher
from studies.results.work.setting import Setting
from studies.stored import Rows


def run(setting: Setting) -> Rows:
    """A row a student, in floats."""
    return [
        setting.network_row(model, kind="student", loss=model.lineage["loss"], seed=model.lineage["seed"])
        for model in trained(setting)
    ]


def trained(setting: Setting) -> list[TrainedModel]:
    """The students of the sweep, trained if they are not stored."""
    folder = setting.models / "students"
    if not folder.is_dir():
        _train(setting, folder)
    return [load_network(path) for path in sorted(folder.iterdir())]


def _train(setting: Setting, folder: Path) -> None:
    split, params = setting.cell_split, setting.config.students
    encoder, source = split.encoder, teacher.trained(setting)
    synthetic = synthetic_windows(params, split.training_data, encoder)
    training_data = add_teacher_targets(
        split.training_data,
        [(source, 1.0)],
        split.dataset,
        encoder,
        split.windows,
        params.losses,
        params.hint_width,
        synthetic,
    )
    plan = plan_of(params.training, split.dataset.task.channels.noise, params.temperature)
    for result in run_stacks(sweep(encoder, params), [training_data], plan, "students"):
        model = as_student(result, encoder, training_data)
        model.save(folder / model.name, split.dataset)


def best(setting: Setting, models: list[TrainedModel], cell: str | None = None) -> dict[int, TrainedModel]:
    """Seed -> the student with the least validation error among those within the size limit."""
    most = setting.config.study.most_parameters[setting.track]
    fitting = [model for model in models if model.count <= most and cell in (None, model.config.cell)]
    order = sorted(fitting, key=lambda model: (model.metrics["mae_validation"], model.name), reverse=True)
    return {model.lineage["seed"]: model for model in order}
