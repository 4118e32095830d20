"""Pictures of the study: error of every model, error against size, and what distilling gained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dlnet.report.style import MUTED, PALETTE, caption, figure_style, save_figure

TITLES = {"capacity": "Track capacity", "charge": "Track charge (capacity never seen)"}
SOURCE = "MIT–Stanford cells (measured), next 100 rows; mean and spread over cell splits, test cells."
UNIT = "MAE over the horizon, SoH"


def draw(content: dict[str, Any], folder: Path) -> None:
    """Write results-error.png, results-size.png and results-gain.png into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with figure_style():
        _panels(content, _errors, "Error of every model", folder / "results-error.png", 4.2)
        _panels(content, _sizes, "Error against size", folder / "results-size.png", 4.4)
        _panels(content, _gains, "What distilling gains over labels alone", folder / "results-gain.png", 4.2)


def models_of(track: dict[str, Any]) -> list[tuple[str, dict[str, float], int, str]]:
    """(name, MAE with spread, bytes, kind) of everything that is compared, best last."""
    rows = [(name, one["mae"], one["bytes"], "baseline") for name, one in track["baselines"].items()]
    rows.append(("liquid teacher", track["teacher"]["mae"], track["teacher"]["bytes"], "teacher"))
    rows.append(("int8 student", track["edge"]["mae_int8"], track["edge"]["stored_bytes"], "edge"))
    return sorted(rows, key=lambda row: -row[1]["mean"])


COLOURS = {"baseline": MUTED, "teacher": PALETTE[0], "edge": PALETTE[1]}


def _panels(content: dict[str, Any], panel: Any, title: str, path: Path, height: float) -> None:
    tracks = content["tracks"]
    figure = Figure(figsize=(5.4 * len(tracks), height), layout="constrained")
    for axes, (name, track) in zip(np.atleast_1d(figure.subplots(1, len(tracks))), tracks.items(), strict=True):
        panel(axes, track)
        axes.set_title(TITLES[name])
    figure.suptitle(title, x=0.01, ha="left")
    caption(figure, SOURCE)
    save_figure(figure, path)


def _errors(axes: Axes, track: dict[str, Any]) -> None:
    rows = models_of(track)
    for i, (_, error, _, kind) in enumerate(rows):
        axes.errorbar(error["mean"], i, xerr=error["std_splits"], fmt="o", color=COLOURS[kind], capsize=3)
        axes.annotate(f"{error['mean']:.5f}", (error["mean"], i), (0, 6), textcoords="offset points", fontsize=8,
                      ha="center", color=COLOURS[kind])  # fmt: skip
    axes.set_yticks(range(len(rows)), [row[0] for row in rows])
    axes.set_xscale("log")
    axes.set_xlabel(UNIT)
    axes.grid(axis="y", visible=False)


def _sizes(axes: Axes, track: dict[str, Any]) -> None:
    for name, error, size, kind in models_of(track):
        axes.errorbar(max(size, 1), error["mean"], yerr=error["std_splits"], fmt="o", color=COLOURS[kind], capsize=3)
        axes.annotate(name, (max(size, 1), error["mean"]), (7, 4), textcoords="offset points", fontsize=8.5,
                      color=COLOURS[kind])  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("model, bytes")
    axes.set_ylabel(UNIT)
    axes.margins(x=0.25)


def _gains(axes: Axes, track: dict[str, Any]) -> None:
    distillation = track["distillation"]
    groups = {1.0: [row for row in distillation["stage 1"] if row["cell"] == "liquid"]}
    for row in distillation["shares"]:
        groups.setdefault(row["share"], []).append(row)
    losses = [loss for loss in ("l1", "mse", "cosine", "hint") if any(r["loss"] == loss for r in groups[1.0])]
    shared = {row["hidden"] for row in distillation["shares"]} or {row["hidden"] for row in groups[1.0]}
    width = 0.8 / max(1, len(groups))
    for k, share in enumerate(sorted(groups)):
        rows = {row["loss"]: row["gain"] for row in groups[share] if row["hidden"] in shared}
        means = [100 * rows[loss]["mean"] for loss in losses]
        spreads = [100 * rows[loss]["std"] for loss in losses]
        at = np.arange(len(losses)) + (k - (len(groups) - 1) / 2) * width
        axes.bar(at, means, width * 0.92, yerr=spreads, capsize=2, color=PALETTE[k], label=f"{share:.0%} of the cells")
    axes.axhline(0, color=MUTED, linewidth=1)
    axes.set_xticks(range(len(losses)), losses)
    axes.set_ylabel("lower MAE on test cells, %")
    axes.legend(fontsize=8.5)
