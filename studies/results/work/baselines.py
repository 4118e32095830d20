"""Every baseline but the GRUs, tuned on the validation cells of the split."""

from __future__ import annotations

from dlnet.baselines.boosting import Boosting
from dlnet.baselines.fit import fit_all
from dlnet.baselines.forms import Form
from dlnet.baselines.gru import Gru
from dlnet.baselines.saved import SavedBaseline, save_baseline
from dlnet.baselines.trends import Trend
from dlnet.saved import load_all
from studies.results.work.setting import Setting
from studies.stored import Rows

FOLDER = "baselines"


def run(setting: Setting) -> Rows:
    """A row a baseline; the models are stored for the unit of the forms."""
    split = setting.cell_split
    params = setting.config.baselines.model_copy(update={"gru": {}})
    rows = []
    for name, model in fit_all(split.dataset, split.encoder, split.task, params).items():
        if not isinstance(model, Gru):
            save_baseline(setting.models / FOLDER / name, name, model, split.dataset)
        rows.append(setting.baseline_row(name, model))
    return rows


def fitted(setting: Setting) -> dict[str, Trend | Form | Boosting]:
    """The baselines of a split, fitted if they are not stored."""
    path = setting.models / FOLDER
    if not (path / "ridge" / "model.json").is_file():
        run(setting)
    return {name: saved.model for name, saved in load_all(path, SavedBaseline).items()}
