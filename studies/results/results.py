"""The study's table of rows as docs/results.json, docs/results.md and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dlnet.config.quantities import Track
from dlnet.files import write_json, write_text
from studies.cell_split import Cells
from studies.config import StudyConfig
from studies.results.page import front_page, page
from studies.results.pictures import draw

DOCS = Path("docs")
README = Path("README.md")
MEASURES = ("mae", "rmse", "asset_mae", "worst_asset_mae")
KIND = ["cell", "hidden", "loss"]


def write_results(table: pd.DataFrame, config: StudyConfig, cells: Cells) -> None:
    """Write docs/results.json, docs/results.md, docs/img/results-*.png and the table in README.md."""
    study = config.study
    content = {
        "data": {"source": "mit", "label": cells.task.label, "assets": len(cells.assets), "rows": len(cells.rows)},
        "protocol": {
            "splits": study.splits,
            "seeds": study.seeds,
            "shares": study.shares,
            "share_splits": study.splits[: study.share_splits],
            "most_parameters": dict(study.most_parameters),
            "horizon": config.task.horizon,
            "window": config.task.window,
        },
        "tracks": {track: summarise(table[table["track"] == track], track) for track in study.tracks},
    }
    write_json(DOCS / "results.json", content)
    draw(content, DOCS / "img")
    write_text(DOCS / "results.md", page(content))
    write_text(README, front_page(README.read_text(), content))


def summarise(table: pd.DataFrame, track: Track) -> dict[str, Any]:
    """All figures of one track; each error with mean and standard deviation over splits and over seeds."""
    groups = dict(iter(table.groupby("kind")))
    headline = groups["edge"][groups["edge"]["chosen_among"] == "all"]
    ltc = groups["edge"][groups["edge"]["chosen_among"] == "ltc"]
    baselines = {
        name: {**model_figures(part), "uses_target": bool(part["uses_target"].any())}
        for name, part in groups["baseline"].groupby("name", sort=True)
    }
    edge = _edge(headline)
    return {
        "baselines": baselines,
        "teacher": {**model_figures(groups["teacher"]), "parameters": int(groups["teacher"]["parameters"].iloc[0])},
        "students": [_student(part) for _, part in groups["student"].groupby(KIND, sort=True)],
        "edge": edge,
        "ltc": _edge(ltc),
        "verdict": _verdict(groups["teacher"], groups["student"]),
        "ratios": {
            "int8 over float": _ratio(headline, "int8_mae_test", headline, "mae_test"),
            "ltc over best": _ratio(ltc, "int8_mae_test", headline, "int8_mae_test"),
            "teacher over its student": _ratio(groups["teacher"], "mae_test", headline, "mae_test"),
            **{
                f"int8 over {name}": _ratio(headline, "int8_mae_test", part, "mae_test")
                for name, part in groups["baseline"].groupby("name", sort=True)
            },
        },
        "distillation": {
            "stage 1": stage1_gains(groups["student"], KIND),
            "stage 2": stage2_gains(groups["pruned"]) if "pruned" in groups else [],
            "shares": share_gains(groups["student on a share"]) if "student on a share" in groups else [],
        },
    }


def stage1_gains(students: pd.DataFrame, keys: list[str]) -> list[dict[str, Any]]:
    """Relative gain of each loss over labels alone, paired by split and seed, on test cells."""
    pair = ["cell", "hidden", "split", "seed"]
    alone = students[students["loss"] == "labels"].set_index(pair)["mae_test"]
    rows = []
    for (cell, hidden, loss), part in students.groupby(keys, sort=True):
        own = part.set_index(pair)["mae_test"]
        rows.append(
            {
                "cell": cell,
                "hidden": int(hidden),
                "loss": loss,
                "mae": _spread(part, "mae_test"),
                "gain": _plain_spread(1 - own / alone.reindex(own.index)),
            }
        )
    return rows


def share_gains(students: pd.DataFrame) -> list[dict[str, Any]]:
    """``stage1_gains`` for each share of the training cells."""
    return [
        {"share": float(share), **row}
        for share, part in students.groupby("share", sort=True)
        for row in stage1_gains(part, KIND)
    ]


def stage2_gains(pruned: pd.DataFrame) -> list[dict[str, Any]]:
    """Relative gain of teachers over labels alone after pruning, paired by network, on test cells."""
    rows = []
    for (method, sparsity), part in pruned.groupby(["method", "sparsity"], sort=True):
        wide = part.pivot_table(index=["split", "parent"], columns="stage2", values="mae_test")
        sizes = part.groupby("parent")["parameters"].first()
        rows.append(
            {
                "method": method,
                "sparsity": float(sparsity),
                "networks": len(wide),
                "parameters": float(sizes.mean()),
                "taught": _plain_spread(wide["taught"]),
                "labels": _plain_spread(wide["labels"]),
                "gain": _plain_spread(1 - wide["taught"] / wide["labels"]),
            }
        )
    return rows


def model_figures(part: pd.DataFrame) -> dict[str, Any]:
    """Errors and bytes of one model, a row a split and seed; errors of SoH on test cells."""
    errors = {name: _spread(part, f"{name}_test") for name in MEASURES}
    return {**errors, "mae_validation": _spread(part, "mae_validation"), "bytes": _median(part["bytes"])}


def _student(part: pd.DataFrame) -> dict[str, Any]:
    first = part.iloc[0]
    named = {"cell": first["cell"], "hidden": int(first["hidden"]), "loss": first["loss"]}
    return {**named, "parameters": int(first["parameters"]), **model_figures(part)}


def _edge(part: pd.DataFrame) -> dict[str, Any]:
    int8 = {f"{name}_int8": _spread(part, f"int8_{name}_test") for name in MEASURES}
    chosen = part["name"].str.replace(r"-s\d+$", "", regex=True).value_counts().to_dict()
    return {
        "name": max(sorted(chosen), key=lambda name: chosen[name]),
        "mae_float": _spread(part, "mae_test"),
        **int8,
        "worst_asset": {"mae": int8["worst_asset_mae_int8"]},
        "spec_bytes": _median(part["stored_bytes"]),
        "parameters": {"mean": float(part["parameters"].mean()), "most": int(part["parameters"].max())},
        "chosen": chosen,
    }


def _verdict(teachers: pd.DataFrame, students: pd.DataFrame) -> str:
    """Whether the teacher beats the best labels-only student on validation, split by split."""
    alone = students[students["loss"] == "labels"].groupby(["split", "cell", "hidden"])["mae_validation"].mean()
    best = alone.groupby("split").min()
    own = teachers.set_index("split")["mae_validation"]
    better = int((own < best.reindex(own.index)).sum())
    return (
        f"On validation the teacher (MAE {own.mean():.5f}) beats the best student trained on labels alone "
        f"({best.mean():.5f}) in {better} of {len(own)} splits"
        + ("." if better > len(own) / 2 else ": as a rule it teaches nothing here.")
    )


def _spread(part: pd.DataFrame, column: str) -> dict[str, float]:
    """Mean; standard deviation over splits (of the mean over seeds) and over seeds (mean over splits)."""
    by_split = part.groupby("split")[column]
    return {
        "mean": float(by_split.mean().mean()),
        "std_splits": float(by_split.mean().std(ddof=0)),
        "std_seeds": float(by_split.std(ddof=0).mean()),
    }


def _ratio(above: pd.DataFrame, column: str, below: pd.DataFrame, column_below: str) -> dict[str, float]:
    """Ratio of the means over splits, and the smallest and largest ratio of a single split."""
    top, bottom = above.groupby("split")[column].mean(), below.groupby("split")[column_below].mean()
    each = top / bottom
    return {"mean": float(top.mean() / bottom.mean()), "least": float(each.min()), "most": float(each.max())}


def _plain_spread(values: pd.Series) -> dict[str, float]:
    return {"mean": float(values.mean()), "std": float(values.std(ddof=0))}


def _median(values: pd.Series) -> int:
    return int(np.median(values.to_numpy()))
