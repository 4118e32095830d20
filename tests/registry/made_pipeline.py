"""The folders that the pipeline leaves, made small and in seconds, with untrained networks of the real formats."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from saved_models import save_as_edge

from dlnet.baselines.record import BaselineRecord, BaselineTable
from dlnet.config.base import StageConfig
from dlnet.config.clean import CleanParams
from dlnet.config.cost import CostParams
from dlnet.config.publish import BudgetParams, PublishParams
from dlnet.config.quantities import Quantities
from dlnet.config.select import SelectParams
from dlnet.config.split import SplitParams
from dlnet.config.task import TaskParams
from dlnet.cost.table import student_table
from dlnet.data.csvfiles import same_names
from dlnet.data.documents import SourceRecord
from dlnet.data.encode import fit_encoder
from dlnet.data.prepare import prepare
from dlnet.data.windows import WindowDataset
from dlnet.export.documents import EdgeMetrics
from dlnet.files import write_json, write_parquet
from dlnet.firmware.documents import (
    DeviceCosts,
    FirmwareReport,
    FrontEnd,
    MeasuredModel,
    Milliseconds,
    MonitorCosts,
)
from dlnet.gate.choice import CHOICE, Choice, choose
from dlnet.gate.competitor import MODELLED, Competitor, Costs, Rival
from dlnet.metrics import Errors, WorstAsset
from dlnet.models.network import initial
from dlnet.models.shapes import net_config
from dlnet.models.trained import TrainedModel
from dlnet.report.documents import (
    BaselineSummary,
    DataSummary,
    EdgeErrors,
    EdgeSummary,
    EliteSummary,
    EngineScores,
    EvaluationReport,
    Figures,
    Scores,
    ScoresBySplit,
    SeedSpread,
    Spread,
    SpreadGroup,
    StudentSummary,
    SummaryReport,
    TeacherSummary,
    ValidationSummary,
)
from dlnet.select.front import write_front
from tasks import BATTERY

FEATURES = ("CC Q", "CV Q")
NOMINAL = 1.1
LABEL = "synthetic {many} (simulated)"


def task_params(track: str = "with_target", name: str = "battery", features: tuple[str, ...] = FEATURES) -> TaskParams:
    """Section ``task``: windows of 30 rows in blocks of 5, 12 rows ahead."""
    channels = {"features": list(features), "relative": [], "quantiles": 5, "noise": 0.0}
    return TaskParams.model_validate(
        {
            "name": name, "track": track, "window": 30, "block": 5, "horizon": 12, "knots": [4, 12],
            "stride_train": 1, "stride_eval": 5, "with_target": channels, "sensors_only": channels,
        }
    )  # fmt: skip


TASK = task_params()
CLEAN = CleanParams(window=7, sigmas=3.0, feature_sigmas=6.0, min_rows=45)
SPLIT = SplitParams(seed=0, train=0.6, validation=0.2, test=0.2, train_share=1.0)
BUDGET = BudgetParams(flash_bytes=6144, ram_bytes=1536, instructions=15000, ms_modelled=1.0)
LIMITS = PublishParams(int8_bound=1.03, budget=BUDGET)
COST = CostParams(country="DEU", clock_mhz=64)
EDGE = "liquid-4-labels-s0"
BASELINES = {"persistence": 0.0068, "line": 0.0024, "parabola": 0.0022, "ridge": 0.0014, "boosting": 0.0013}
RIVALS = {name: Rival(mae, {"cell-3": 3 * mae}) for name, mae in {**BASELINES, "teacher": 0.0011}.items()}
PARAMS = """task: {{name: {name}}}
data: {{source: {source}}}
publish: {{int8_bound: 1.03}}
"""


class Everything(StageConfig):
    """All sections of the made params."""


def make(
    root: Path, *, int8: float = 0.0012, quantities: Quantities = BATTERY, source: str = "embedded", label: str = LABEL
) -> Path:
    """Fill ``root``.

    Args:
        int8: validation MAE of the edge model. quantities: the task. source, label: of its data.
    """
    root.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(PARAMS.format(name=quantities.name, source=source))
    record = source_record(quantities, source, label)
    dataset = _data(root / "data/windows", quantities, record)
    encoder = fit_encoder(dataset, task_params(name=quantities.name, features=features_of(quantities)))
    students = [_student(name, encoder, i) for i, name in enumerate((EDGE, "ltc-4-l1-s0"))]
    pruned = [_student(f"{EDGE}-structured-50-taught-s0", encoder, 7, parent=EDGE)]
    _teacher(root / "models/teacher", encoder, dataset)
    tables = [
        _family(root / f"models/{kind}", some, dataset) for kind, some in (("students", students), ("pruned", pruned))
    ]
    _front(root / "models/front1", tables[0])
    both = [table.assign(kind=kind) for table, kind in zip(tables, ("students", "pruned"), strict=True)]
    _front(root / "models/front2", pd.concat(both, ignore_index=True))
    _edge(root / "models/edge" / EDGE, students[0], dataset, int8)
    _edge(root / "models/edge" / pruned[0].name, pruned[0], dataset, int8)
    described = {name: _baseline(mae) for name, mae in BASELINES.items()}
    BaselineTable(described).write(root / "models/baselines/baselines.json")
    _reports(root / "reports", dataset, [*students, *pruned], [EDGE, pruned[0].name])
    choice((EDGE, pruned[0].name), int8, quantities).write(root / CHOICE)
    return root


def features_of(quantities: Quantities) -> tuple[str, ...]:
    """The features of made data: two of the task's, or two that a task without features does not name."""
    if quantities == BATTERY:
        return FEATURES
    return tuple(quantities.features)[:2] or FEATURES


def source_record(quantities: Quantities, source: str, label: str) -> SourceRecord:
    """``source.json`` of the made data."""
    target = quantities.target
    return SourceRecord(
        task=quantities.name, source=source, simulated=True, label=label.format(many=quantities.asset.many),
        nominal=(NOMINAL,) if target.over_nominal else (), assets=8, rows=480, notes=(),
        columns=same_names(target.quantity, target.unit, features_of(quantities)),
    )  # fmt: skip


def synthetic_assets(quantities: Quantities = BATTERY, assets: int = 8, rows: int = 60) -> pd.DataFrame:
    """Rows of assets whose health falls along a bent line, as the fetch stage writes them."""
    rng = np.random.default_rng(0)
    first, second = features_of(quantities)
    nominal = NOMINAL if quantities.target.over_nominal else 1.0
    parts = []
    for i in range(assets):
        age = np.arange(rows)
        capacity = 1.1 * (1 - 1e-4 * (i + 2) * age - 1e-6 * age**2) + rng.normal(0, 1e-4, rows)
        quantity = capacity if quantities == BATTERY else quantities.target.from_health(capacity / 1.1) * nominal
        parts.append(
            pd.DataFrame(
                {
                    "asset": f"{quantities.asset.one}-{i}", "group": "all", "row": age, "nominal": nominal,
                    "quantity": quantity,
                    first: 0.2 * capacity, second: 0.02 + 1e-5 * age + rng.normal(0, 1e-5, rows),
                }
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def _data(folder: Path, quantities: Quantities, source: SourceRecord) -> WindowDataset:
    params = task_params(name=quantities.name, features=features_of(quantities))
    prepared = prepare(synthetic_assets(quantities), source, quantities, CLEAN, SPLIT, params)
    write_parquet(folder / "rows.parquet", prepared.rows)
    write_parquet(folder / "assets.parquet", prepared.assets)
    prepared.task.write(folder / "task.json")
    return WindowDataset.load(folder)


def _student(name, encoder, seed, **lineage) -> TrainedModel:
    config = net_config(encoder, name.partition("-")[0], 4, "euler", 1)
    parameters = initial(config, [seed])
    loss = name.split("-")[2]
    lineage = {"loss": loss, "seed": 0, "training_windows": 99, "alpha": None, **lineage}
    return TrainedModel(name, encoder, config, parameters, {"mae_validation": 0.0012 + 1e-5 * seed}, lineage)


def _teacher(folder: Path, encoder, dataset: WindowDataset) -> None:
    config = net_config(encoder, "liquid", 6, "fused", 1)
    metrics = {"mae_validation": 0.0011}
    TrainedModel("teacher", encoder, config, initial(config, [0, 1]), metrics, {"members": 2}).save(folder, dataset)
    write_parquet(folder / "learning.parquet", _learning(["member-0", "member-1"]))


def _family(folder: Path, students: list[TrainedModel], dataset: WindowDataset) -> pd.DataFrame:
    for student in students:
        student.save(folder / student.name, dataset)
    table = student_table(students, COST)
    write_parquet(folder / "table.parquet", table)
    write_parquet(folder / "learning.parquet", _learning([student.name for student in students]))
    return table


def _learning(names: list[str]) -> pd.DataFrame:
    rows = [(name, 100 * i, 1 / (i + 1), 0.002 / (i + 1)) for name in names for i in range(5)]
    return pd.DataFrame(rows, columns=["name", "step", "loss", "mae_validation"])


def _front(folder: Path, table: pd.DataFrame) -> None:
    write_front(table, SelectParams(objectives=["mae_validation", "flash_bytes"], elites=2), folder)


def _edge(folder: Path, student: TrainedModel, dataset: WindowDataset, int8: float) -> None:
    save_as_edge(folder, student, dataset, 5)
    EdgeMetrics(
        name=student.name, parameters=200, mae_int8_validation=int8, mae_float_validation=0.00119,
        mae_engines_validation={"litert": int8}, largest_difference={}, bits={}, stored_bytes={"total": 2000},
        spec_bytes=2000, tflite_bytes=9000,
    ).write(folder / "metrics.json")  # fmt: skip


def figures(mae: float) -> Figures:
    """Errors of one split in one figure each."""
    worst = WorstAsset(asset="cell-3", mae=3 * mae)
    return Figures(mae=mae, rmse=2 * mae, asset_mae=mae, worst_asset=worst, before_knee=mae, after_knee=None)


def scores(mae: float) -> Scores:
    """One split's entry of reports/evaluation.json."""
    return figures(mae).to(Scores, by_horizon=[mae * (i + 1) / 6 for i in range(12)], assets={"cell-3": 3 * mae})


def device_costs(**changes: int) -> DeviceCosts:
    """Synthetic figures of the firmware stage."""
    ms = Milliseconds(no_wait=0.2, cache_on=0.3, cache_off=0.9)
    monitor = MonitorCosts(
        flash_bytes=4000, flash_bytes_with_state=5000, push_instructions=300, push_ms_modelled=ms,
        forecast_instructions=9000, forecast_ms_modelled=ms,
    )  # fmt: skip
    sizes = {"flash_bytes": 5000, "ram_bytes": 900, "stack_bytes": 200, "instructions": 14000}
    return DeviceCosts(ms_modelled=ms, monitor=monitor, **{**sizes, **changes})


def firmware_report(model: str, sha256: str = "0", **changes: int) -> FirmwareReport:
    """reports/firmware.json with ``model`` alone."""
    front_end = FrontEnd(**dict.fromkeys(FrontEnd.model_fields, 1))
    row = MeasuredModel(
        model=model, sha256=sha256, front_end=front_end, golden_windows=8, equal=("numpy",),
        cost_model_error={}, **dict(device_costs(**changes)),
    )  # fmt: skip
    return FirmwareReport(compiler="arm-none-eabi-gcc 12.2.1", models=(row,))


def choice(names: Iterable[str], int8: float, quantities: Quantities = BATTERY, **changes: Any) -> Choice:
    """reports/choice.json of int8 students with the validation MAE ``int8``; ``changes``: fields of a competitor."""
    return choose([competing(name, int8, **changes) for name in names], RIVALS, LIMITS, quantities, 20)


def competing(name: str, int8: float, **changes: Any) -> Competitor:
    """An int8 student with the validation MAE ``int8`` that was not compiled."""
    costs = Costs(flash_bytes=3000, ram_bytes=1100, instructions=6000, ms_modelled=0.4)
    known = {"kind": "network", "mae_validation": int8, "mae_float": 0.00119, "assets": {"cell-3": 3 * int8}}
    known |= {"costs": costs, "origin": MODELLED, **changes}
    return Competitor(name=name, **known)


def _scored(mae: float) -> ScoresBySplit:
    return ScoresBySplit(validation=scores(mae), test=scores(1.1 * mae))


def _baseline(mae: float) -> BaselineRecord:
    errors = figures(mae).to(Errors)
    return BaselineRecord(
        bytes=900_000, parameters=0, uses_target=True, validation=errors, chosen={"depth": 3}, tried=()
    )


def _float(mae: float) -> dict:
    """Errors of a float model in reports/summary.json, whose validation MAE is ``mae``."""
    return {**dict(figures(1.1 * mae)), "validation": figures(mae)}


def _reports(folder: Path, dataset: WindowDataset, students: list[TrainedModel], quantised: list[str]) -> None:
    engine, spread = _scored(0.0012), SeedSpread(mean=0.001, std=None)
    edge = EngineScores(int8=engine, litert=engine, litert_optimised=engine, tflm=engine)
    EvaluationReport(
        windows={"validation": 20, "test": 20}, knee_rows={"validation": {}, "test": {}},
        baselines={name: _scored(mae) for name, mae in BASELINES.items()},
        teacher=_scored(0.0011), students={one.name: _scored(0.00119) for one in students},
        edge=dict.fromkeys(quantised, edge),
    ).write(folder / "evaluation.json")  # fmt: skip
    entries = [_student_entry(one) for one in students]
    edges = [_edge_entry(one) for one in entries if one.name in quantised]
    group = SpreadGroup(
        cell="liquid", hidden=4, loss="labels", seeds=1, mae=spread, rmse=spread, asset_mae=spread,
        mae_validation=spread,
    )  # fmt: skip
    baseline = {"bytes": 900_000, "parameters": 0, "uses_target": True}
    SummaryReport(
        data=dataset.task.to(DataSummary, windows=100, splits={}, notes=("Simulated.",)),
        baselines={name: BaselineSummary(**baseline, **_float(mae)) for name, mae in BASELINES.items()},
        teacher=TeacherSummary(
            **_float(0.0011), bytes=600_000, parameters=150_000, members=2, cell="liquid", solver="fused", hidden=6,
            uses_target=True, sees_more_than_students=False, teaches=True, verdict="The teacher teaches.",
        ),
        students=entries, elites=[entries[0].to(EliteSummary, fronts=("front2",))], edge=edges[0], edges=edges,
        fronts=(), ratios={}, validation=ValidationSummary(ratios={}),
        spread=Spread(over="seeds", splits="one", students=(group,), edge=group),
    ).write(folder / "summary.json")  # fmt: skip
    write_json(folder / "volatile/teach.json", {"seconds": 12.5})
    for name in ("figures/front1.png", "data/report.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"a picture")


def _student_entry(student: TrainedModel) -> StudentSummary:
    known = {"cell": student.config.cell, "hidden": 4, "loss": student.lineage["loss"], "seed": 0}
    costs = {"flash_bytes": 3000, "ram_bytes": 1100, "instructions": 6000, "ms_modelled": 0.4}
    return StudentSummary(
        name=student.name, kind="students", **known, **costs, parameters=200, nonzero_parameters=200, energy_uj=1.0,
        co2_ug=0.1, bytes=4000, **_float(0.00119),
    )  # fmt: skip


def _edge_entry(student: StudentSummary) -> EdgeSummary:
    int8, single = figures(1.1 * 0.0012), student.to(Figures)
    errors = EdgeErrors(
        mae_float=single.mae, rmse_float=single.rmse, asset_mae_float=single.asset_mae, mae_int8=int8.mae,
        rmse_int8=int8.rmse, asset_mae_int8=int8.asset_mae, worst_asset=int8.worst_asset, before_knee=int8.before_knee,
        after_knee=int8.after_knee, mae_litert=int8.mae, mae_litert_optimised=int8.mae, mae_tflm=int8.mae,
        most_from_int8_litert=0.0, most_from_int8_litert_optimised=0.0, most_from_int8_tflm=0.0,
    )  # fmt: skip
    return student.to(EdgeSummary, **dict(errors), tflite_bytes=9000, spec_bytes=2000, validation=errors)
