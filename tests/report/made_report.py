"""models/ and data/windows/ as input of the stage evaluate: real formats, untrained networks, synthetic assets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from saved_models import save_as_edge
from synthetic_dataset import described, tables, task

from dlnet.baselines.record import BaselineRecord, BaselineTable
from dlnet.config.cost import CostParams
from dlnet.config.publish import BudgetParams, PublishParams
from dlnet.config.quantities import Quantities
from dlnet.config.select import SelectParams
from dlnet.cost.table import student_table
from dlnet.data.documents import SplitCounts, TaskRecord
from dlnet.data.encode import fit_encoder
from dlnet.data.windows import WindowDataset
from dlnet.distill.gains import Distillation, PrunedDistillation, gains, pruning_gains, teacher_verdict
from dlnet.export.convert import weights_of
from dlnet.export.documents import EdgeMetrics
from dlnet.export.litert import EdgeFiles
from dlnet.export.reference import quantise_anchor, quantise_inputs, run
from dlnet.export.spec import make_spec
from dlnet.files import write_parquet, write_tensors
from dlnet.firmware.documents import FirmwareReport
from dlnet.gate.choice import Choice, choose
from dlnet.metrics import Errors, WorstAsset
from dlnet.models.network import initial
from dlnet.models.shapes import net_config
from dlnet.models.trained import TrainedModel
from dlnet.report.competitors import competitors, rivals
from dlnet.report.documents import EvaluationReport
from dlnet.report.pipeline import Pipeline
from dlnet.select.front import write_front
from dlnet.select.record import FrontRecord

SPLITS = ("train", "train", "validation", "validation", "test", "test", "test", "unused")
KNEE = 40
SWEEP = (
    "liquid-4-labels-s0",
    "liquid-4-labels-s1",
    "liquid-4-l1-s0",
    "liquid-4-l1-s1",
    "ltc-3-labels-s0",
    "ltc-3-l1-s0",
)
PARENT = SWEEP[0]
PRUNED = tuple(f"{PARENT}-structured-50-{tag}-s0" for tag in ("taught", "labels"))
BASELINES = {"persistence": 0, "line": 0, "parabola": 0, "ridge": 5_000, "boosting": 900_000, "gru_small": 3_600}
COST = CostParams(country="DEU", clock_mhz=64)
FORM = "linear"
FORM_COSTS = {"flash_bytes": 1900.0, "ram_bytes": 900.0, "instructions": 14_000.0, "ms_modelled": 0.5}
BUDGET = {"flash_bytes": 16_384, "ram_bytes": 2048, "instructions": 40_000, "ms_modelled": 2.5}
PUBLISH = PublishParams(int8_bound=1.03, budget=BudgetParams(**BUDGET))
NOT_COMPILED = FirmwareReport(compiler=None, not_measured="no compiler", models=())
SHIFT = 512  # of made LiteRT forecasts against the reference, 2^-24 of health


def make(root: Path, convert=None, track: str = "with_target") -> Path:
    """Fill ``root``; ``convert`` (spec, quantised windows) -> EdgeFiles, else the .tflite files hold no model."""
    rows, assets = synthetic_tables()
    content = synthetic_task(track)
    write_parquet(root / "data/windows/rows.parquet", rows)
    write_parquet(root / "data/windows/assets.parquet", assets)
    content.write(root / "data/windows/task.json")
    dataset = WindowDataset.load(root / "data/windows")
    made = _Maker(dataset, fit_encoder(dataset, task(track)), root / "models")
    NOT_COMPILED.write(root / "reports/firmware.json")
    made.everything(convert or (lambda spec, windows: EdgeFiles(b"step", b"head!")))
    return root


def synthetic_tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Assets of 72 rows and more that fade in a straight line to row ``KNEE``, then faster."""
    rows, assets = tables(splits=SPLITS, rows=72)
    bend = 2e-3 * np.maximum(rows["row"] - KNEE, 0)
    straight = 1 - 2e-4 * rows["row"] * (1 + rows.groupby("asset").ngroup() / 10)
    return rows.assign(health=straight - bend, target=straight - bend), assets


def synthetic_task(track: str = "with_target") -> TaskRecord:
    """Content of task.json."""
    counts = {
        split: SplitCounts(assets=SPLITS.count(split), rows=150, windows=50)
        for split in ("train", "validation", "test")
    }
    changes = {"label": "synthetic cells (simulated)", "counts": counts, "notes": ("Made for a test.",)}
    return described(task(track)).model_copy(update=changes)


def shifted_engines(files, spec, z, anchor, progress=True) -> dict:
    """In place of ``run_engines``: the reference, and the same with a known shift in place of LiteRT."""
    reference = run(spec, quantise_inputs(z), quantise_anchor(anchor))
    shifted = replace(reference, forecast=reference.forecast + SHIFT)
    return {"reference": reference, "litert": shifted, "litert_optimised": shifted, "tflm": reference}


class _Maker:
    def __init__(self, dataset: WindowDataset, encoder, models: Path) -> None:
        self.dataset, self.encoder, self.models = dataset, encoder, models

    def everything(self, convert) -> None:
        self.baselines()
        self.teacher()
        sweep = [self.student(name, i) for i, name in enumerate(SWEEP)]
        origin = {"method": "structured", "sparsity": 0.5, "parent": PARENT, "parent_loss": "labels"}
        tags = ("taught", "labels")
        pruned = [self.student(name, 50 + i, stage2=tags[i], **origin) for i, name in enumerate(PRUNED)]
        tables_ = {"students": self.family("students", sweep), "pruned": self.family("pruned", pruned)}
        verdict = teacher_verdict(tables_["students"], 0.001)
        found = Distillation(teacher=verdict, gains=gains(tables_["students"]))
        found.write(self.models / "students/distillation.json")
        PrunedDistillation(gains=pruning_gains(tables_["pruned"])).write(self.models / "pruned/distillation.json")
        self.front("front1", tables_["students"])
        both = pd.concat([table.assign(kind=kind) for kind, table in tables_.items()], ignore_index=True)
        self.front("front2", both)
        elites = FrontRecord.read(self.models / "front2/front.json").elites
        for student in (*sweep, *pruned):
            if student.name in elites:
                self.edge(student, convert)
        self.form(sweep[-1])

    def baselines(self) -> None:
        ends = np.concatenate([self.dataset.windows("validation", 3), self.dataset.windows("test", 3)])
        last = self.dataset.health[ends - 1][:, None]
        ahead = np.arange(1, self.dataset.horizon + 1)
        forecasts = {name: last - 1e-4 * i * ahead for i, name in enumerate(BASELINES)}
        write_tensors(
            self.models / "baselines/predictions.safetensors",
            {name: forecast.astype(np.float32) for name, forecast in forecasts.items()},
        )
        found = Errors(mae=0.002, rmse=0.004, asset_mae=0.002, worst_asset=WorstAsset(asset="c3", mae=0.004))
        entry = {"parameters": 0, "uses_target": True, "validation": found, "chosen": {}, "tried": ()}
        table = {name: BaselineRecord(bytes=size, **entry) for name, size in BASELINES.items()}
        BaselineTable(table).write(self.models / "baselines/baselines.json")

    def teacher(self) -> None:
        config = net_config(self.encoder, "liquid", 6, "fused", 1)
        TrainedModel("teacher", self.encoder, config, initial(config, [7, 8]), {"mae_validation": 0.001}, {}).save(
            self.models / "teacher", self.dataset
        )
        write_parquet(self.models / "teacher/learning.parquet", learning(["member-0", "member-1"]))

    def student(self, name: str, seed: int, **lineage) -> TrainedModel:
        cell, hidden, loss = name.split("-")[:3]
        if lineage:
            loss, hidden = ("l1" if lineage["stage2"] == "taught" else "labels"), 2
        config = net_config(self.encoder, cell, int(hidden), "euler", 1)
        known = {"loss": loss, "seed": int(name[-1]), "training_windows": 9} | lineage
        if loss != "labels":
            known["alpha"] = 0.5
        metrics = {"mae_validation": 0.002 + 1e-5 * seed}
        return TrainedModel(name, self.encoder, config, initial(config, [seed]), metrics, known)

    def family(self, kind: str, students: list[TrainedModel]) -> pd.DataFrame:
        for student in students:
            student.save(self.models / kind / student.name, self.dataset)
        table = student_table(students, COST)
        write_parquet(self.models / kind / "table.parquet", table)
        write_parquet(self.models / kind / "learning.parquet", learning([student.name for student in students]))
        return table

    def front(self, name: str, table: pd.DataFrame) -> None:
        objectives = ["mae_validation", "flash_bytes"]
        write_front(table, SelectParams(objectives=objectives, elites=3), self.models / name)

    def edge(self, student: TrainedModel, convert) -> None:
        folder = self.models / "edge" / student.name
        train = student.encoder.encode(self.dataset, self.dataset.windows("train", 1))
        files = convert(make_spec(weights_of(student)), quantise_inputs(train))
        save_as_edge(folder, student, self.dataset, 3, files)

    def form(self, student: TrainedModel) -> None:
        """A student that is stored as if it were a linear form."""
        folder, modelled = self.models / "edge" / FORM, dict(FORM_COSTS)
        save_as_edge(folder, replace(student, name=FORM), self.dataset, 3)
        EdgeMetrics(
            name=FORM, kind="linear", modelled=modelled, parameters=30, mae_float_validation=0.02,
            mae_int8_validation=0.02, mae_engines_validation={}, largest_difference={}, bits={}, stored_bytes={},
            spec_bytes=1900, tflite_bytes=0,
        ).write(folder / "metrics.json")  # fmt: skip


def choice(content: EvaluationReport, pipeline: Pipeline, words: Quantities) -> Choice:
    """The choice without a compiler."""
    found = competitors(content, pipeline, NOT_COMPILED)
    return choose(found, rivals(content), PUBLISH, words, content.windows["validation"])


def learning(names: list[str]) -> pd.DataFrame:
    """Curves as the training stages write them."""
    rows = [(name, 10 * (i + 1), 1 / (i + 1), 0.01 / (i + k + 1)) for k, name in enumerate(names) for i in range(4)]
    return pd.DataFrame(rows, columns=["name", "step", "loss", "mae_validation"])
