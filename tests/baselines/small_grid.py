"""Section ``baselines`` with a grid small enough for synthetic cells."""

from __future__ import annotations

from typing import Any

from dlnet.config.baselines import BaselinesParams

TRAINING = {"steps": 40, "batch": 32, "learning_rate": 1e-2, "weight_decay": 1e-4, "check": 10, "patience": 4}


def baselines_params(**boosting: Any) -> BaselinesParams:
    """Two feature sets, two sizes of tree, a dozen iterations."""
    grid = {
        "targets": {"with_target": ["change"], "sensors_only": ["absolute", "ridge"]},
        "learning_rates": [0.3],
        "leaves": [4, 8],
        "iterations": 12,
        "min_leaf": 3,
        "feature_share": 0.5,
        "memory": [False, True],
    }
    trees = {"learning_rates": [0.3], "leaves": [4], "iterations": 5, "min_leaf": 3, "feature_share": 1.0}
    content = {
        "stride": 1,
        "seed": 0,
        "features": {"with_target": ["own", ["charge"]], "sensors_only": ["own", ["charge", "slope"]]},
        "ridge": {"alphas": [0.1, 10]},
        "boosting": grid | boosting,
        "linear_device": {"forms": ["linear", "quadratic"], "features": [1, 2]},
        "forest_device": trees,
        "gru": {"gru_small": {"parameters": 400, "training": TRAINING}},
    }
    return BaselinesParams.model_validate(content)
