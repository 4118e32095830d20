"""The GRUs of the baselines."""

from __future__ import annotations

from dlnet.baselines.gru import fit_gru
from studies.results.work.setting import Setting
from studies.stored import Rows


def run(setting: Setting) -> Rows:
    """A row a GRU."""
    split, params = setting.cell_split, setting.config.baselines
    noise = split.dataset.task.channels.noise
    return [
        setting.baseline_row(name, fit_gru(name, gru, split.encoder, split.training_data, noise, params.seed))
        for name, gru in params.gru.items()
    ]
