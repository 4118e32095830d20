"""The teacher of a split."""

from __future__ import annotations

import numpy as np

from dlnet.distill.teacher import train_teacher
from dlnet.models.trained import TrainedModel, load_network
from studies.results.work.setting import Setting
from studies.stored import Rows


def run(setting: Setting) -> Rows:
    """One row: the mean of the members, and the mean error of single ones."""
    model = trained(setting)
    members = float(np.mean(model.metrics["members_mae_validation"]))
    return [
        setting.network_row(model, kind="teacher", seed=setting.config.teacher.seed, members_mae_validation=members)
    ]


def trained(setting: Setting) -> TrainedModel:
    """The teacher, trained if it is not stored."""
    folder = setting.models / "teacher"
    if not folder.is_dir():
        split = setting.cell_split
        noise = split.dataset.task.channels.noise
        model, _ = train_teacher(split.encoder, setting.config.teacher, split.training_data, noise)
        model.save(folder, split.dataset)
    return load_network(folder)
