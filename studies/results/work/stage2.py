"""The best student of each seed, pruned and trained again, with and without teachers."""

from __future__ import annotations

from dlnet.compress.stage2 import TeacherContext, compress_all
from dlnet.distill.synthetic import synthetic_windows
from dlnet.train.plan import plan_of
from studies.results.work import students, teacher
from studies.results.work.setting import Setting
from studies.stored import Rows


def run(setting: Setting) -> Rows:
    """A row a pruned network."""
    split, params, students_params = setting.cell_split, setting.config.prune, setting.config.students
    context = TeacherContext(
        split.dataset,
        split.windows,
        teacher.trained(setting),
        params.teacher_share,
        tuple(params.losses),
        students_params.hint_width,
        synthetic_windows(students_params, split.training_data, split.encoder),
    )
    plan = plan_of(params.training, split.dataset.task.channels.noise)
    elites = list(students.best(setting, students.trained(setting)).values())
    pruned, _ = compress_all(elites, params, plan, context)
    return [setting.network_row(model, kind="pruned", **model.lineage) for model in pruned]
