"""The data report: counts, ranges, cleaned values and unused cells, as numbers and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dlnet.config.clean import CleanParams
from dlnet.config.split import SplitParams
from dlnet.data.prepare import Prepared
from dlnet.data.split import SPLITS, UNUSED

WORST = 5
"""Rows in the table of the most cleaned cells."""

_QUANTILES = {"min": 0.0, "p1": 0.01, "median": 0.5, "p99": 0.99, "max": 1.0}


def describe(prepared: Prepared, clean: CleanParams, split: SplitParams) -> dict[str, Any]:
    """Numbers of the data report (``report.json``).

    Returns:
        ``source`` (label, simulated, notes), ``clean`` and ``split`` (the params), ``splits`` (cells, rows,
        windows, life, SoH), ``ranges`` (per column and split: quantiles, and the share beyond the 1st
        and 99th percentile of training rows), ``cleaned`` (counts: total, per feature, of the worst cells) and
        ``unused`` (cell, rows, why).
    """
    task, cells = prepared.task, prepared.cells
    keys = ("source", "label", "simulated", "cells", "rows", "nominal_ah", "notes")
    return {
        "source": {key: getattr(task, key) for key in keys},
        "clean": clean.model_dump(),
        "split": split.model_dump(),
        "splits": {name: _describe_split(prepared, name) for name in SPLITS},
        "ranges": _ranges(prepared),
        "cleaned": _cleaned(prepared),
        "unused": [
            {"cell": cell["cell"], "rows": int(cell["rows"]), "why": f"fewer than {clean.min_rows} cycles"}
            for cell in cells[cells["split"] == UNUSED].to_dict("records")
        ],
    }


def split_of_rows(prepared: Prepared) -> np.ndarray:
    """(R,) split of each row's cell."""
    split = dict(zip(prepared.cells["cell"], prepared.cells["split"], strict=True))
    return np.array([split[cell] for cell in prepared.rows["cell"]])


def _describe_split(prepared: Prepared, name: str) -> dict[str, Any]:
    cells = prepared.cells[prepared.cells["split"] == name]
    soh = prepared.rows.loc[split_of_rows(prepared) == name, "soh"]
    life = cells["rows"]
    return {
        **prepared.task.counts[name].content(),
        "life": {"min": int(life.min()), "median": float(life.median()), "max": int(life.max())},
        "soh": {"min": float(soh.min()), "max": float(soh.max())},
        "groups": {str(group): int(count) for group, count in cells["group"].value_counts().sort_index().items()},
    }


def _ranges(prepared: Prepared) -> dict[str, dict[str, dict[str, float]]]:
    """Quantiles per column and split; ``outside``: share of rows beyond the 1st and 99th percentile of training."""
    splits = split_of_rows(prepared)
    out: dict[str, dict[str, dict[str, float]]] = {}
    for name in ("soh", *prepared.task.features):
        values = prepared.rows[name].to_numpy(np.float64)
        low, high = np.quantile(values[splits == "train"], [0.01, 0.99])
        out[name] = {}
        for split in SPLITS:
            of_split = values[splits == split]
            quantiles = np.quantile(of_split, list(_QUANTILES.values()))
            outside = float(np.mean((of_split < low) | (of_split > high)))
            out[name][split] = {
                **dict(zip(_QUANTILES, map(float, quantiles), strict=True)),
                "outside": outside,
            }
    return out


def _cleaned(prepared: Prepared) -> dict[str, Any]:
    cells, names = prepared.cells, ["cell", "rows", "touched_inputs", "touched_targets", "touched_features"]
    worst = cells.sort_values(["touched_inputs", "touched_targets"], ascending=False, kind="stable").head(WORST)
    per_feature = prepared.touched.sum(axis=0)
    return {
        "soh_inputs": int(cells["touched_inputs"].sum()),
        "soh_targets": int(cells["touched_targets"].sum()),
        "features": int(per_feature.sum()),
        "rows": len(prepared.rows),
        "per_feature": dict(zip(prepared.task.features, map(int, per_feature), strict=True)),
        "worst_cells": worst.loc[worst["touched_inputs"] > 0, names].to_dict("records"),
    }


def markdown(report: dict[str, Any], pictures: Sequence[tuple[str, str]]) -> str:
    """The data report as Markdown.

    Args:
        report: from ``describe``.
        pictures: (title, file name) in order.
    """
    source = report["source"]
    nominal = ", ".join(f"{value:g}" for value in source["nominal_ah"])
    parts = [
        f"# Data: {source['label']}",
        f"{source['cells']} cells, {source['rows']:,} cycles, nominal {nominal} Ah. "
        "SoH is capacity over nominal capacity.",
        "\n".join(f"- {note}" for note in source["notes"]),
        "## Splits",
        "Cells are split, never windows; stratified by group and by life.",
        _splits_table(report),
        _unused(report["unused"]),
        "## Cleaned",
        _cleaned_text(report),
        "## Ranges",
        "1st to 99th percentile after cleaning. The last column is the share of test rows beyond the 1st and 99th "
        "percentile of the training cells: 2 % where both are alike.",
        _ranges_table(report["ranges"]),
        "## Pictures",
        *(f"![{title}]({name})" for title, name in pictures),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _splits_table(report: dict[str, Any]) -> str:
    header = ["split", "cells", "cycles", "windows", "life: shortest", "median", "longest", "SoH from", "to"]
    rows = []
    for name, part in report["splits"].items():
        life, soh = part["life"], part["soh"]
        shares = [part["cells"], f"{part['rows']:,}", f"{part['windows']:,}"]
        lives = [life["min"], f"{life['median']:g}", life["max"]]
        rows.append([name, *shares, *lives, f"{soh['min']:.3f}", f"{soh['max']:.3f}"])
    used = report["splits"]["train"]["cells_used"]
    share = report["split"]["train_share"]
    note = f"\n\nOf the training cells, {used} are used (split.train_share {share:g})." if share < 1 else ""
    return _table(header, rows) + note


def _unused(unused: list[dict[str, Any]]) -> str:
    if not unused:
        return "Every cell is used."
    named = ", ".join(f"{cell['cell']} ({cell['rows']})" for cell in unused)
    return f"Left out ({unused[0]['why']}): {len(unused)} cells: {named}."


def _cleaned_text(report: dict[str, Any]) -> str:
    cleaned, clean = report["cleaned"], report["clean"]
    text = (
        f"Hampel filters, window {clean['window']}. SoH as input, looking back only: {cleaned['soh_inputs']} "
        f"of {cleaned['rows']:,} points replaced. SoH as target, both sides known: {cleaned['soh_targets']}."
    )
    values = cleaned["rows"] * len(cleaned["per_feature"])
    if values:
        share = cleaned["features"] / values
        text += f" Charge features, looking back only: {cleaned['features']:,} of {values:,} values ({share:.1%})."
    rows = [list(cell.values()) for cell in cleaned["worst_cells"]]
    header = ["most cleaned cell", "cycles", "inputs", "targets", "feature values"]
    return text + ("\n\n" + _table(header, rows) if rows else "")


def _ranges_table(ranges: dict[str, dict[str, dict[str, float]]]) -> str:
    rows = [
        [
            "SoH" if name == "soh" else name,
            *(f"{part['p1']:.4g} to {part['p99']:.4g}" for part in splits.values()),
            f"{splits['test']['outside']:.1%}",
        ]
        for name, splits in ranges.items()
    ]
    return _table(["column", *SPLITS, "test outside"], rows)
