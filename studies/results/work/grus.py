"""The GRUs of the baselines."""

from __future__ import annotations

from dlnet.baselines.fit import fit_grus
from studies.results.work.setting import Setting
from studies.stored import Rows


def run(setting: Setting) -> Rows:
    """A row a GRU."""
    split = setting.cell_split
    fitted = fit_grus(split.dataset, split.encoder, split.task, setting.config.baselines)
    return [setting.baseline_row(name, model) for name, model in fitted.items()]
