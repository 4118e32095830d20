"""The folders that the pipeline leaves, made small and in seconds, with untrained networks of the real formats."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from dlnet.config.base import StageConfig
from dlnet.config.clean import CleanParams
from dlnet.config.cost import CostParams
from dlnet.config.publish import BudgetParams, PublishParams
from dlnet.config.split import SplitParams
from dlnet.config.task import TaskParams
from dlnet.cost.table import student_table
from dlnet.data.encode import fit_encoder
from dlnet.data.prepare import prepare
from dlnet.data.windows import WindowDataset
from dlnet.export.convert import weights_of
from dlnet.export.golden import save_golden
from dlnet.export.reference import quantise_anchor, quantise_inputs
from dlnet.export.spec import make_spec, save_spec
from dlnet.files import write_json, write_parquet
from dlnet.models.network import initial
from dlnet.models.shapes import net_config
from dlnet.models.trained import TrainedModel
from dlnet.select.pareto import select

CHANNELS = {"features": ["CC Q", "CV Q"], "relative": [], "quantiles": 5, "noise": 0.0}
TASK = TaskParams.model_validate(
    {
        "inputs": "capacity", "window": 30, "block": 5, "horizon": 12, "knots": [4, 12], "stride_train": 1,
        "stride_eval": 5, "capacity": CHANNELS, "charge": CHANNELS,
    }
)  # fmt: skip
CLEAN = CleanParams(window=7, sigmas=3.0, floor_soh=0.006, feature_sigmas=6.0, min_rows=45)
SPLIT = SplitParams(seed=0, train=0.6, validation=0.2, test=0.2, train_share=1.0)
BUDGET = BudgetParams(flash_bytes=6144, ram_bytes=1536, instructions=15000, ms_modelled=1.0)
LIMITS = PublishParams(int8_bound=1.03, boosting_slack=1.05, boosting_bytes_ratio=0.01, budget=BUDGET)
COST = CostParams(country="DEU", clock_mhz=64)
EDGE = "liquid-4-labels-s0"
BASELINES = {"persistence": 0.0068, "line": 0.0024, "parabola": 0.0022, "ridge": 0.0014, "boosting": 0.0013}
PARAMS = "data: {source: embedded}\npublish: {int8_bound: 1.03, boosting_slack: 1.05, boosting_bytes_ratio: 0.01}\n"


class Everything(StageConfig):
    """All sections of the made params."""


def make(root: Path, *, int8: float = 0.0012) -> Path:
    """Fill ``root``; ``int8`` is the validation MAE of the edge model."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(PARAMS)
    dataset = _data(root / "data/windows")
    encoder = fit_encoder(dataset, TASK)
    students = [_student(name, encoder, i) for i, name in enumerate((EDGE, "ltc-4-l1-s0"))]
    pruned = [_student(f"{EDGE}-structured-50-taught-s0", encoder, 7, parent=EDGE)]
    _teacher(root / "models/teacher", encoder)
    tables = [_family(root / f"models/{kind}", some) for kind, some in (("students", students), ("pruned", pruned))]
    _front(root / "models/front1", tables[0])
    both = [table.assign(kind=kind) for table, kind in zip(tables, ("students", "pruned"), strict=True)]
    _front(root / "models/front2", pd.concat(both, ignore_index=True))
    _edge(root / "models/edge" / EDGE, students[0], dataset, int8)
    _edge(root / "models/edge" / pruned[0].name, pruned[0], dataset, int8)
    errors = {name: {"mae": mae, "rmse": 2 * mae, "cell_mae": mae} for name, mae in BASELINES.items()}
    described = {name: {"bytes": 900_000, "validation": one, "chosen": {"depth": 3}} for name, one in errors.items()}
    write_json(root / "models/baselines/baselines.json", described)
    _reports(root / "reports", students, pruned)
    return root


def made_cells(cells: int = 8, rows: int = 60) -> pd.DataFrame:
    """Cycles of cells that fade along a bent line, as the fetch stage writes them."""
    rng = np.random.default_rng(0)
    parts = []
    for i in range(cells):
        age = np.arange(rows)
        capacity = 1.1 * (1 - 1e-4 * (i + 2) * age - 1e-6 * age**2) + rng.normal(0, 1e-4, rows)
        parts.append(
            pd.DataFrame(
                {
                    "cell": f"cell-{i}", "group": "all", "row": age, "nominal_ah": 1.1, "capacity_ah": capacity,
                    "CC Q": 0.2 * capacity, "CV Q": 0.02 + 1e-5 * age + rng.normal(0, 1e-5, rows),
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _data(folder: Path) -> WindowDataset:
    source = {"source": "embedded", "simulated": True, "label": "made cells (simulated)", "nominal_ah": [1.1]}
    prepared = prepare(made_cells(), source, CLEAN, SPLIT, TASK)
    write_parquet(folder / "rows.parquet", prepared.rows)
    write_parquet(folder / "cells.parquet", prepared.cells)
    write_json(folder / "task.json", prepared.task)
    return WindowDataset.load(folder)


def _student(name, encoder, seed, **lineage) -> TrainedModel:
    config = net_config(encoder, name.partition("-")[0], 4, "euler", 1)
    parameters = initial(config, [seed])
    loss = name.split("-")[2]
    lineage = {"loss": loss, "seed": 0, "training_windows": 99, "alpha": None, **lineage}
    return TrainedModel(name, encoder, config, parameters, {"mae_validation": 0.0012 + 1e-5 * seed}, lineage)


def _teacher(folder: Path, encoder) -> None:
    config = net_config(encoder, "liquid", 6, "fused", 1)
    metrics = {"mae_validation": 0.0011}
    TrainedModel("teacher", encoder, config, initial(config, [0, 1]), metrics, {"members": 2}).save(folder)
    write_parquet(folder / "learning.parquet", _learning(["member-0", "member-1"]))


def _family(folder: Path, students: list[TrainedModel]) -> pd.DataFrame:
    for student in students:
        student.save(folder)
    table = student_table(students, COST)
    write_parquet(folder / "table.parquet", table)
    write_parquet(folder / "learning.parquet", _learning([student.name for student in students]))
    return table


def _learning(names: list[str]) -> pd.DataFrame:
    rows = [(name, 100 * i, 1 / (i + 1), 0.002 / (i + 1)) for name in names for i in range(5)]
    return pd.DataFrame(rows, columns=["name", "step", "loss", "mae_validation"])


def _front(folder: Path, table: pd.DataFrame) -> None:
    chosen = select(table, ["mae_validation", "flash_bytes"], 2, "mae_validation").table
    write_parquet(folder / "table.parquet", chosen)
    names = chosen.loc[chosen["front"], "name"].tolist()
    write_json(folder / "front.json", {"front": names, "elites": names})


def _edge(folder: Path, student: TrainedModel, dataset: WindowDataset, int8: float) -> None:
    spec = make_spec(weights_of(student))
    save_spec(folder / "spec.json", spec)
    ends = dataset.windows("validation", 5)
    z, anchor = student.encoder.encode(dataset, ends), student.encoder.anchor(dataset, ends)
    save_golden(folder / "golden.safetensors", spec, quantise_inputs(z), quantise_anchor(anchor))
    for name in ("step.tflite", "head.tflite"):
        (folder / name).write_bytes(
            b"\x1c\0\0\0TFL3" + student.name.encode()
        )  # what it holds is tested in test_models.py
    metrics = {"mae_int8_validation": int8, "mae_float_validation": 0.00119, "spec_bytes": 2000, "tflite_bytes": 9000}
    write_json(folder / "metrics.json", metrics)


def scores(mae: float) -> dict:
    """One split's entry of reports/evaluation.json."""
    return {
        "mae": mae, "rmse": 2 * mae, "cell_mae": mae, "worst_cell": {"cell": "cell-3", "mae": 3 * mae},
        "before_knee": mae, "after_knee": None, "by_horizon": [mae * (i + 1) / 6 for i in range(12)],
    }  # fmt: skip


def _scored(mae: float) -> dict:
    return {"validation": scores(mae), "test": scores(1.1 * mae)}


def _reports(folder: Path, students: list[TrainedModel], pruned: list[TrainedModel]) -> None:
    names, quantised = [one.name for one in (*students, *pruned)], [EDGE, pruned[0].name]
    evaluation = {
        "baselines": {name: _scored(mae) for name, mae in BASELINES.items()},
        "teacher": _scored(0.0011),
        "students": {name: _scored(0.00119) for name in names},
        "edge": {name: {"int8": _scored(0.0012)} for name in quantised},
    }
    entries = [{"name": name, "bytes": 4000, **evaluation["students"][name]["test"]} for name in names]
    edges = [_edge_entry(name, evaluation) for name in quantised]
    summary = {
        "data": {"source": "embedded", "label": "made cells (simulated)", "inputs": "capacity", "horizon": 12,
                 "cells": 8, "windows": 100, "notes": ["Simulated."]},
        "baselines": {name: {"bytes": 900_000, **one["test"]} for name, one in evaluation["baselines"].items()},
        "teacher": {"bytes": 600_000, "verdict": "The teacher teaches.", **evaluation["teacher"]["test"]},
        "students": entries, "elites": entries[:1], "edge": edges[0], "edges": edges,
    }  # fmt: skip
    write_json(folder / "summary.json", summary)
    write_json(folder / "evaluation.json", evaluation)
    write_json(folder / "volatile/teach.json", {"seconds": 12.5})
    for name in ("figures/front1.png", "data/report.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"a picture")


def _edge_entry(name: str, evaluation: dict) -> dict:
    int8, single = evaluation["edge"][name]["int8"]["test"], evaluation["students"][name]["test"]
    return {
        "name": name, "parameters": 200, "flash_bytes": 3000, "ram_bytes": 1100, "instructions": 6000,
        "ms_modelled": 0.4, "tflite_bytes": 9000, "spec_bytes": 2000, "worst_cell": int8["worst_cell"],
        **{f"{key}_int8": int8[key] for key in ("mae", "rmse", "cell_mae")},
        **{f"{key}_float": single[key] for key in ("mae", "rmse", "cell_mae")},
    }  # fmt: skip
