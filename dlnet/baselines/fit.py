"""The models to compare with: simple forecasts on the same windows as the networks."""

from __future__ import annotations

from dlnet.baselines.boosting import Boosting, best_of, fit_boosting_age, fit_boosting_targets
from dlnet.baselines.devices import fit_forest_device, fit_linear_device
from dlnet.baselines.forms import Form
from dlnet.baselines.gru import Gru, fit_gru
from dlnet.baselines.ridge import fit_ridge
from dlnet.baselines.trends import Trend
from dlnet.config.baselines import BaselinesParams
from dlnet.config.task import TaskParams
from dlnet.data.encode import Encoder
from dlnet.data.windows import WindowDataset
from dlnet.train.data import make_training_data, training_windows

LINE = 20  # cycles that the line is fitted to


Baseline = Trend | Form | Boosting | Gru


def fit_all(dataset: WindowDataset, encoder: Encoder, task: TaskParams, params: BaselinesParams) -> dict[str, Baseline]:
    """Fit every baseline on training windows; settings are chosen on validation windows.

    Returns:
        ``persistence``, ``line``, ``parabola``, ``ridge``; ``boosting``, which knows of an asset what a window shows,
        and ``boosting_age``, which knows its age and past too; ``linear_device`` and ``forest_device``, small enough
        for a device; the GRUs by their names in params; and, where boosting does best on the residual of a ridge,
        ``boosting_plain``: the best without one.
    """
    linear = fit_linear_device(dataset, task, params)
    ridge = fit_ridge(dataset, task, params, [(linear.kind, linear.summary)])
    boosted = fit_boosting_targets(dataset, task, params)
    plain = best_of(boosted.values())
    fitted: dict[str, Baseline] = {
        "persistence": Trend(0, 1, task.horizon),
        "line": Trend(1, min(LINE, task.window), task.horizon),
        "parabola": Trend(2, task.window, task.horizon),
        "ridge": ridge,
        "boosting": plain,
        "boosting_age": fit_boosting_age(dataset, task, params, plain, ridge),
        "linear_device": linear,
        "forest_device": fit_forest_device(dataset, task, params, linear.features),
    }
    alone = [model for target, model in boosted.items() if target != "ridge"]
    if alone and plain.chosen["target"] == "ridge":
        fitted["boosting_plain"] = best_of(alone)
    data = make_training_data(dataset, encoder, training_windows(dataset, task))
    for name, gru in params.gru.items():
        fitted[name] = fit_gru(name, gru, encoder, data, dataset.task.channels.noise, params.seed)
    return fitted
