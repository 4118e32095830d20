"""Every baseline but the GRUs, tuned on the validation cells of the split."""

from __future__ import annotations

from dlnet.baselines.fit import fit_closed
from studies.results.work.setting import Setting
from studies.stored import Rows


def run(setting: Setting) -> Rows:
    """A row a baseline."""
    split = setting.cell_split
    fitted = fit_closed(split.dataset, split.task, setting.config.baselines)
    return [setting.baseline_row(name, model) for name, model in fitted.items()]
