"""The study's table of rows as docs/results.json, docs/results.md and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dlnet.config.quantities import Track
from dlnet.files import read_json, write_json, write_text
from studies.cell_split import Cells
from studies.config import StudyConfig
from studies.few.page import FIGURES as FEW
from studies.few.page import goal_row
from studies.results.page import front_page, page
from studies.results.pictures import draw
from studies.results.ratios import GAINS, gains, headline_gain, ratios

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
        "tracks": {
            track: summarise(table[table["track"] == track], track, study.share_hidden) for track in study.tracks
        },
        "few": goal_row(read_json(FEW)["sources"].get("mit", [])) if FEW.is_file() else None,
    }
    write_json(DOCS / "results.json", content)
    draw(content, DOCS / "img")
    write_text(DOCS / "results.md", page(content))
    write_text(README, front_page(README.read_text(), content))


def summarise(table: pd.DataFrame, track: Track, share_hidden: int) -> dict[str, Any]:
    """All figures of one track; each error with mean and standard deviation over splits and over seeds.

    Args:
        share_hidden: neurons of the student whose gain is the headline.
    """
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
        "ltc": None if ltc.empty else _edge(ltc),
        "verdict": _verdict(groups["teacher"], groups["student"]),
        "forms": _forms(groups.get("candidate")),
        "ratios": ratios(track, table, headline),
        "int8_over_float": float(headline["mae_test"].mean() / headline["mae_test_float"].mean()),
        "distillation": {
            "stage 1": gain_rows(groups["student"], 1.0, share_hidden),
            "stage 2": stage2_gains(groups["pruned"]) if "pruned" in groups else [],
            "shares": share_rows(groups["student on a share"], share_hidden) if "student on a share" in groups else [],
        },
    }


def gain_rows(students: pd.DataFrame, share: float, hidden: int) -> list[dict[str, Any]]:
    """Gains of distilling with a share of the training cells; ``goal`` stands at the headline one."""
    found = gains(students)
    chosen = headline_gain(found, hidden)
    return [{"share": share, **row, "goal": GAINS.get(share) if row is chosen else None} for row in found]


def share_rows(students: pd.DataFrame, hidden: int) -> list[dict[str, Any]]:
    """``gain_rows`` for each smaller share of the training cells."""
    parts = students.groupby("share", sort=True)
    return [row for share, part in parts for row in gain_rows(part, float(share), hidden)]


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
    """Figures of integer networks; ``name`` is the one that was chosen most."""
    chosen = part["name"].str.replace(r"-s\d+$", "", regex=True).value_counts().to_dict()
    return {
        "name": max(sorted(chosen), key=lambda name: chosen[name]),
        **model_figures(part),
        "parameters": {"mean": float(part["parameters"].mean()), "most": int(part["parameters"].max())},
        "chosen": chosen,
    }


def _forms(candidates: pd.DataFrame | None) -> dict[str, Any] | None:
    """Figures of the best form of each split and seed; ``chosen``: how often each kind was."""
    if candidates is None:
        return None
    costs = {key: _median(candidates[key]) for key in ("flash_bytes", "instructions", "ram_bytes")}
    chosen = candidates["form"].value_counts().to_dict()
    return {
        **model_figures(candidates),
        **costs,
        "ms_modelled": float(candidates["ms_modelled"].median()),
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


def _plain_spread(values: pd.Series) -> dict[str, float]:
    return {"mean": float(values.mean()), "std": float(values.std(ddof=0))}


def _median(values: pd.Series) -> int:
    return int(np.median(values.to_numpy()))
