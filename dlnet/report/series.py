"""reports/plots/*.csv: the series behind ``dvc plots``, one file a curve where curves have different lengths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dlnet.data.windows import WindowDataset
from dlnet.distill.gains import Gain
from dlnet.report.documents import EvaluationReport, SummaryReport
from dlnet.report.evaluation import Evaluation
from dlnet.report.pipeline import FRONTS, Pipeline

FRONT_COLUMNS = ["name", "kind", "loss", "mae_validation", "flash_bytes", "instructions", "parameters", "elite"]


def series(
    evaluation: Evaluation, pipeline: Pipeline, dataset: WindowDataset, summary: SummaryReport
) -> dict[str, pd.DataFrame]:
    """File name -> table; errors are MAE of the target, in its unit."""
    edge = summary.edge.name
    tables = {
        "horizon.csv": _horizon(evaluation.content, edge),
        "forecast.csv": _forecast(evaluation, dataset, edge),
        "worst_asset.csv": _worst(evaluation, dataset, summary),
        "assets.csv": _assets(evaluation.content, edge),
        "gain.csv": _gain(pipeline.distillation.gains),
        "learning_teacher.csv": _learning(pipeline, "teacher", pipeline.learning["teacher"]["name"].iloc[0]),
        "learning_student.csv": _learning(pipeline, "students", summary.edge.parent or edge),
    }
    for front in FRONTS:
        table = pipeline.tables[front]
        columns = [column for column in FRONT_COLUMNS if column in table]
        tables[f"{front}_all.csv"] = table[columns].sort_values(["mae_validation", "name"])
        tables[f"{front}_front.csv"] = table.loc[table["front"], columns].sort_values(["mae_validation", "name"])
    return tables


def as_csv(table: pd.DataFrame) -> str:
    """A table as CSV, reproducible; floats with 9 digits."""
    return table.to_csv(index=False, float_format="%.9g", lineterminator="\n")


def _horizon(content: EvaluationReport, edge: str) -> pd.DataFrame:
    """MAE on test windows by row ahead, one column a model."""
    curves = {name: scores.test.by_horizon for name, scores in content.baselines.items()}
    curves["teacher"] = content.teacher.test.by_horizon
    curves["float"] = content.elite(edge).test.by_horizon
    curves["int8"] = content.edge[edge].int8.test.by_horizon
    return pd.DataFrame({"row": np.arange(1, len(curves["int8"]) + 1), **curves})


def _forecast(evaluation: Evaluation, dataset: WindowDataset, edge: str) -> pd.DataFrame:
    """True and forecast target at the end of the horizon, each test window that measured it."""
    cases, own = evaluation.cases["test"], dataset.task.quantities.target
    table = pd.DataFrame(
        {
            "asset": [dataset.assets[i] for i in cases.asset],
            "true": own.from_health(cases.target[:, -1]),
            "forecast": own.from_health(evaluation.int8[edge][:, -1]),
        }
    )
    return table[table["true"].notna()]


def _worst(evaluation: Evaluation, dataset: WindowDataset, summary: SummaryReport) -> pd.DataFrame:
    """Life of the worst test asset: true target, and the int8 model's forecast of it, made one horizon earlier."""
    cases, index = evaluation.cases["test"], dataset.assets.index(summary.edge.worst_asset.asset)
    mine, own = np.flatnonzero(cases.asset == index), dataset.task.quantities.target
    start = int(np.searchsorted(dataset.asset_index, index))
    table = pd.DataFrame(
        {
            "row": cases.ends[mine] - start + dataset.horizon - 1,
            "true": own.from_health(cases.target[mine, -1]),
            "forecast": own.from_health(evaluation.int8[summary.edge.name][mine, -1]),
        }
    )
    return table[table["true"].notna()]


def _assets(content: EvaluationReport, edge: str) -> pd.DataFrame:
    """MAE of each test asset, one column a model, best one of the int8 model first."""
    columns = {"int8": content.edge[edge].int8.test.assets, "teacher": content.teacher.test.assets}
    columns |= {name: scores.test.assets for name, scores in content.baselines.items()}
    table = pd.DataFrame(columns).rename_axis("asset").reset_index()
    return table.sort_values(["int8", "asset"])


def _gain(gains: Sequence[Gain]) -> pd.DataFrame:
    """Relative gain in validation MAE of each kind of student over labels alone, per cent."""
    rows = [
        (f"{row.cell}-{row.hidden}-{row.loss}", 100 * row.gain.mean, 100 * row.gain.std)
        for row in gains
        if row.loss != "labels"
    ]
    return pd.DataFrame(rows, columns=["student", "gain_percent", "std_percent"])


def _learning(pipeline: Pipeline, kind: str, name: str) -> pd.DataFrame:
    table = pipeline.learning[kind]
    return table.loc[table["name"] == name, ["step", "loss", "mae_validation"]]
