"""Six whole small pipelines that hold every documented value of params.yaml, and the values that are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel

from dlnet.config.baselines import BaselinesParams
from dlnet.config.clean import CleanParams
from dlnet.config.cost import CostParams
from dlnet.config.data import DataParams
from dlnet.config.prune import PruneParams
from dlnet.config.publish import PublishParams
from dlnet.config.quantise import QuantiseParams
from dlnet.config.select import SelectParams
from dlnet.config.split import SplitParams
from dlnet.config.students import StudentParams
from dlnet.config.task import TaskParams
from dlnet.config.teacher import TeacherParams
from tests.documented_values import Documented, documented_values

SECTIONS: dict[str, type[BaseModel]] = {
    "data": DataParams,
    "clean": CleanParams,
    "split": SplitParams,
    "task": TaskParams,
    "baselines": BaselinesParams,
    "teacher": TeacherParams,
    "students": StudentParams,
    "prune": PruneParams,
    "quantise": QuantiseParams,
    "publish": PublishParams,
    "select": SelectParams,
    "cost": CostParams,
}
TRACKS = ("with_target", "sensors_only")
OBJECTIVES = (
    "mae_validation", "parameters", "nonzero_parameters", "bytes_float32", "flash_bytes", "ram_bytes", "instructions",
    "cycles", "ms_modelled", "energy_uj", "co2_ug", "training_energy_kwh", "training_co2_kg",
)  # fmt: skip
"""Words that only a comment of params.yaml documents."""

CELLS, ROWS = 8, 60
STEPS = {"steps": 40, "batch": 64, "learning_rate": 1e-2, "weight_decay": 1e-4, "check": 20, "patience": 2}
LEAST = {"steps": 1, "batch": 1, "learning_rate": 1, "weight_decay": 0, "check": 1, "patience": 1}
BATTERY = (
    "voltage slope", "voltage mean", "voltage kurtosis", "CV Q", "CC Q", "CC charge time", "CV charge time",
    "voltage std",
)  # fmt: skip
"""Inputs of track with_target in tasks/battery.yaml."""
Settings = dict[str, Any]

SMALL: Settings = {
    "data.source": "csv",
    "data.path": "cells",
    "clean.min_rows": 30,
    "task.window": 10,
    "task.horizon": 20,
    "task.knots": [10, 20],
    "task.stride_train": 2,
    "task.with_target.features": [],
    "task.with_target.relative": [],
    "task.sensors_only.youth": None,
    "baselines.stride": 5,
    "baselines.boosting.iterations": 5,
    "baselines.boosting.leaves": [4],
    "baselines.ridge.alphas": [1],
    "baselines.gru": {},
    "teacher.ensemble": {"cell": "liquid", "hidden": 6, "members": 1, "noise": [1], "training": STEPS},
    "teacher.continuous.hidden": 6,
    "teacher.continuous.members": 1,
    "teacher.continuous.training": STEPS,
    "students.mixed.copies": 1,
    "students.hidden": {"liquid": [4]},
    "students.losses": ["labels", "l1"],
    "students.seeds": [0],
    "students.training": STEPS,
    "prune.methods": ["magnitude"],
    "prune.sparsities": [0.5],
    "prune.training": STEPS,
    "select.elites": 1,
}

PIPELINES: dict[str, Settings] = {
    "target alone, least of everything": {
        "data.csv.nominal": 1,
        "data.public": {"embedded": 1},
        "clean.window": 3,
        "clean.sigmas": 1,
        "clean.min_rows": 4,
        "split.seed": 1,
        "task.window": 3,
        "task.block": 1,
        "task.horizon": 1,
        "task.knots": [1],
        "task.stride_train": 1,
        "task.stride_eval": 1,
        "task.with_target.features": [],
        "task.with_target.relative": [],
        "task.with_target.quantiles": 0,
        "task.with_target.noise": 0,
        "task.with_target.history": [],
        "baselines.stride": 1,
        "baselines.seed": 1,
        "baselines.features.with_target": ["own", "all", []],
        "baselines.boosting": {
            "targets": {"with_target": ["change"], "sensors_only": ["absolute"]},
            "learning_rates": [1],
            "leaves": [2],
            "iterations": 1,
            "min_leaf": 1,
            "feature_share": 1,
            "memory": [False],
        },
        "baselines.linear_device": {"forms": ["linear"], "features": [1]},
        "baselines.forest_device": {
            "learning_rates": [1],
            "leaves": [2],
            "iterations": 1,
            "min_leaf": 1,
            "feature_share": 1,
        },
        "baselines.gru": {"gru_small": {"parameters": 200, "training": LEAST}},
        "teacher.seed": 1,
        "teacher.ensemble": {"cell": "liquid", "hidden": 1, "members": 1, "noise": [0], "training": LEAST},
        "students.mixed": {"copies": 1, "reach": 0, "spread": 0},
        "students.hidden": {"liquid": [1], "ltc": [1]},
        "students.losses": ["labels", "hint"],
        "students.seeds": [0, 1],
        "students.alpha": 0,
        "students.hint_width": 1,
        "students.fine_tune": {"steps": 1, "learning_rate": 1},
        "students.training": LEAST,
        "prune.methods": ["magnitude", "features_l1", "features_taylor", "features_activation", "steps", "knots"],
        "prune.teacher_share": 0,
        "prune.alpha": 0,
        "prune.seeds": [0, 1],
        "prune.training": LEAST,
        "quantise.blend": {"form": "linear", "weight": 0},
        "publish.int8_bound": 1,
        "publish.budget": {"flash_bytes": 1, "ram_bytes": 1, "instructions": 1, "ms_modelled": 1},
        "cost.clock_mhz": 1,
    },
    "check-ups, rows that are named, words of the task": {
        "data.csv.labels": "check_up",
        "data.csv.include": "temp < 100",
        "data.csv.features": dict.fromkeys(BATTERY, "temp") | {"CV Q": "ir"},
        "task.with_target.drop": 0,
        "task.with_target.features": "task",
        "task.with_target.relative": "task",
    },
    "sensors alone": {
        "task.name": "generic",
        "task.track": "sensors_only",
        "data.csv.features": {"temperature": "temp", "resistance": "ir"},
        "task.sensors_only.features": "task",
        "task.sensors_only.relative": [],
        "task.sensors_only.quantiles": 65,
        "task.sensors_only.noise": 0,
        "baselines.features.sensors_only": ["own", "all"],
        "baselines.boosting.targets": {"with_target": ["change"], "sensors_only": ["absolute", "ridge"]},
        "teacher.boosting": 1,
        "teacher.ensemble": {
            "cell": "ltc",
            "hidden": 6,
            "members": 3,
            "noise": [1, 0],
            "training": {**STEPS, "weight_decay": 1},
        },
        "students.mixed": {"copies": 2, "reach": 1, "spread": 1},
        "students.hidden": {"ltc": [4]},
        "students.losses": ["labels", "gaussian", "binned", "hint", "attention", "distance", "angle", "contrast"],
        "students.alpha": 1,
        "students.temperature": 1,
        "prune.methods": ["structured", "neurons_taylor", "neurons_activation", "twin"],
        "prune.alpha": 1,
        "prune.teacher_share": 1,
        "quantise.bits": 4,
        "quantise.blend": {"form": "quadratic", "weight": 1},
    },
    "four branches": {
        "task.name": "generic",
        "data.csv.features": {"temperature": "temp"},
        "clean.feature_sigmas": 1,
        "task.with_target.quantiles": 65,
        "task.with_target.noise": 1,
        "teacher.kind": "continuous",
        "teacher.continuous.cell": "ltc2",
        "teacher.continuous.solver": "rk4",
        "task.with_target.history": [20, 400],
        "task.with_target.youth": [0, 1],
        "baselines.linear_device": {"forms": ["linear", "quadratic"], "features": [16]},
        "students.hidden": {"liquid": [6]},
        "students.losses": ["labels", "mse", "cosine"],
        "students.branches": [1, 4],
        "students.shifted": {"copies": 1, "spread": 0},
        "students.fine_tune": {"steps": 0, "learning_rate": 1},
        "students.training": {**STEPS, "weight_decay": 1},
        "prune.methods": ["branches", "rare_branches", "same", "features_l1"],
        "prune.bits": [8, 4],
        "prune.losses": [
            "l1",
            "mse",
            "cosine",
            "gaussian",
            "binned",
            "hint",
            "attention",
            "distance",
            "angle",
            "contrast",
        ],
        "quantise.bits": "auto",
        "quantise.blend": {"form": "none", "weight": "auto"},
        "quantise.bits_slack": 1,
    },
    "simulated fleet": {
        "data.source": "embedded",
        "data.path": "data/embedded.parquet",
        "task.with_target.features": ["temperature", "resistance"],
        "task.with_target.relative": ["resistance"],
        "baselines.gru": {"gru_small": {"parameters": 200, "training": {**STEPS, "weight_decay": 1}}},
        "baselines.features.with_target": ["all"],
        "baselines.boosting.targets": {"with_target": ["change", "absolute", "ridge"], "sensors_only": ["absolute"]},
        "teacher.kind": "continuous",
        "teacher.continuous.cell": "ltc",
        "teacher.continuous.solver": "euler",
        "teacher.continuous.members": 2,
        "teacher.continuous.training": {**STEPS, "weight_decay": 1},
        "students.mixed.copies": 0,
        "students.losses": ["labels", "l1"],
        "students.shifted": {"copies": 0, "spread": 1},
        "students.simulated_stride": 1,
        "prune.methods": ["lowrank", "steps", "knots"],
        "prune.bits": 4,
        "prune.training": {**STEPS, "weight_decay": 1},
        "select.objectives": OBJECTIVES,
        "select.elites": 2,
    },
    "sensors that stand still": {
        "task.name": "generic",
        "task.track": "sensors_only",
        "data.csv.features": {"temperature": "temp", "constant": "still"},
        "task.sensors_only.features": ["temperature", "constant"],
        "task.sensors_only.relative": "task",
        "task.sensors_only.quantiles": 0,
        "task.sensors_only.noise": 1,
        "task.sensors_only.drop": 0,
        "task.sensors_only.youth": [0, 1],
        "baselines.features.sensors_only": [["temperature"], "all"],
        "baselines.boosting.targets": {"with_target": ["change"], "sensors_only": ["absolute"]},
        "teacher.kind": "continuous",
        "teacher.continuous.substeps": 2,
        "teacher.continuous.hidden": 1,
        "teacher.continuous.training": LEAST,
        "students.hidden": {"liquid": [1], "ltc": [4]},
        "students.substeps": 2,
        "prune.methods": ["features_taylor", "features_activation", "magnitude"],
        "prune.rounds": 2,
    },
}

ELSEWHERE = {("data.source", source): "tests/data/test_sources.py" for source in ("mit", "hust", "xjtu", "tju")}
"""Values that need a download; the test that holds them."""

OWN_FEATURE = {"data.csv.features": {"temperature": "temp"}, "task.name": "generic"}
REFUSED: dict[Documented | tuple[str, str], tuple[Settings, str]] = {
    ("clean.window", 1001): ({"clean.window": 1001}, "clean.window (1001) must be at most task.window (10)"),
    ("clean.min_rows", 1): ({"clean.min_rows": 1}, "clean.min_rows (1) must be at least task.window + task.horizon"),
    ("task.window", 1): (
        {"task.window": 1, "task.block": 1},
        "clean.window (7) must be at most task.window (1)",
    ),
    ("data.csv.nominal", None): ({"data.csv.nominal": None}, "data.csv.nominal: SoH is capacity over that of a new"),
    ("task.knots", "[]"): ({"task.knots": []}, "knots must rise and end at horizon (20), not []"),
    ("task.with_target.quantiles", 1): ({"task.with_target.quantiles": 1}, "quantiles must be 0, or 2 to 65, not 1"),
    ("task.sensors_only.quantiles", 1): ({"task.sensors_only.quantiles": 1}, "quantiles must be 0, or 2 to 65, not 1"),
    ("task.sensors_only.features", "[]"): (
        {**OWN_FEATURE, "task.track": "sensors_only", "task.sensors_only.features": []},
        "sensors_only needs at least one feature",
    ),
    **{
        ("task.sensors_only.history[]", lag): (
            {**OWN_FEATURE, "task.track": "sensors_only", "task.sensors_only.history": [lag]},
            "sensors_only.history must be []: without the target there are no slopes of it",
        )
        for lag in (20, 400)
    },
    **{
        (f"split.{part}", 1): ({f"split.{part}": 1}, "train + validation + test must be 1, not")
        for part in ("train", "validation", "test")
    },
    ("baselines.features", "{}"): ({"baselines.features": {}}, "features must name the track"),
    ("baselines.features.sensors_only[]", "[]"): (
        {"baselines.features.sensors_only": ["own", []]},
        "features.sensors_only must not contain []: without the target a baseline would see nothing",
    ),
    ("baselines.boosting.targets", "{}"): ({"baselines.boosting.targets": {}}, "targets must name the track"),
    ("students.hidden", "{}"): ({"students.hidden": {}}, "hidden must name at least one cell"),
    ("students.hidden.*", "[]"): ({"students.hidden": {"ltc": []}}, "hidden.ltc must list at least one value"),
    ("students.losses", "[]"): ({"students.losses": []}, "losses must list at least one value"),
    ("students.seeds", "[]"): ({"students.seeds": []}, "seeds must list at least one value"),
    ("prune.methods", "[]"): ({"prune.methods": []}, "methods must list at least one value"),
    ("prune.sparsities", "[]"): ({"prune.sparsities": []}, "sparsities must list at least one value"),
    ("prune.seeds", "[]"): ({"prune.seeds": []}, "seeds must list at least one value"),
}
"""Documented values that no pipeline can have: the settings, and what the one line says."""


def documented() -> Iterator[tuple[str, Any]]:
    """All documented values of the sections that the pipeline reads; empty lists and mappings as their text."""
    for section, model in SECTIONS.items():
        yield from ((key, hashable(value)) for key, value in documented_values(model, f"{section}."))
    yield from (("select.objectives[]", name) for name in OBJECTIVES)


def hashable(value: Any) -> Any:
    """A value, or the text of a list or mapping."""
    return str(value) if isinstance(value, (list, dict)) else value


def occurring(params: Mapping[str, Any], model: Mapping[str, type[BaseModel]] = SECTIONS) -> set[tuple[str, Any]]:
    """Values that a pipeline has, under the keys of ``documented``; those of the other track do not count."""
    other = next(track for track in TRACKS if track != params["task"]["track"])
    return {item for section in model for item in _under(params[section], section, other)}


def _under(value: Any, key: str, other: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        if not value:
            yield key, "{}"
        for name, inner in value.items():
            if name != other:
                yield from (item for under in (f"{key}.{name}", f"{key}.*") for item in _under(inner, under, other))
    elif isinstance(value, (list, tuple)):
        if not value:
            yield key, "[]"
        for inner in value:
            yield from _under(inner, f"{key}[]", other)
            if hashable(inner) != "[]" and isinstance(inner, list):
                yield key, "list"
    else:
        yield key, value


def write_cells(folder: Path) -> None:
    """Files of own cells with columns capacity (of nominal 1.1), temp, ir and still."""
    folder.mkdir(parents=True)
    for name, table in _lives():
        table.to_csv(folder / f"{name}.csv", index=False)


def fleet() -> pd.DataFrame:
    """The same lives as one table, as ``data/embedded.parquet`` holds them."""
    parts = []
    for name, table in _lives():
        features = table.rename(columns={"capacity": "quantity", "temp": "temperature", "ir": "resistance"})
        keys = {"asset": name, "group": "all", "row": np.arange(len(table)), "nominal": 1.1}
        parts.append(pd.DataFrame(keys | {name: features[name] for name in ("quantity", "temperature", "resistance")}))
    return pd.concat(parts, ignore_index=True)


def _lives() -> Iterator[tuple[str, pd.DataFrame]]:
    rng = np.random.default_rng(0)
    row = np.arange(ROWS)
    for i in range(CELLS):
        worn = 0.2 * (row / rng.uniform(60, 120)) ** 1.5
        columns = {
            "capacity": 1.1 * (1 - worn) + rng.normal(0, 0.0005, ROWS),
            "temp": 25 + 5 * worn + rng.normal(0, 0.1, ROWS),
            "ir": 0.02 + 0.01 * worn + rng.normal(0, 1e-5, ROWS),
            "still": 1.0,
        }
        yield f"cell-{i}", pd.DataFrame(columns)
