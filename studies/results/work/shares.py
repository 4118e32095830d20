"""One size of student on a share of the training cells, with a teacher trained on the same share."""

from __future__ import annotations

from dataclasses import replace

from studies.results.work import students, teacher
from studies.results.work.setting import Setting
from studies.stored import Rows


def run(setting: Setting) -> Rows:
    """The rows of the teacher and of the students of the size that the study names."""
    small = setting.config.students.model_copy(update={"hidden": {"liquid": [setting.config.study.share_hidden]}})
    one = replace(setting, config=setting.config.model_copy(update={"students": small}))
    rows = teacher.run(one) + students.run(one)
    return [{**row, "kind": f"{row['kind']} on a share", "share": setting.share} for row in rows]
