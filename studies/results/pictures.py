"""Figures of the study: error of every model, error against size, and what distilling gained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dlnet.plots.axes import EDGE, TEACHER, colour_of, error_axis, name_points, names_at_right, size_axis
from dlnet.plots.style import MUTED, PALETTE, caption, figure_style, save_figure

TITLES = {"with_target": "Track with_target", "sensors_only": "Track sensors_only (capacity never seen)"}
SOURCE = (
    "MIT–Stanford cells (measured), next 100 rows, test cells; mean and deviation over cell splits. "
    "*: sees capacity, which the nets of this track do not."
)
FORM = "best form"
UNIT = "MAE over the horizon, SoH"


def draw(content: dict[str, Any], folder: Path) -> None:
    """Write results-error.png, results-size.png and results-gain.png into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    with figure_style():
        _panels(content, _errors, "Error of every model", folder / "results-error.png", 4.2)
        _panels(content, _sizes, "Error against size", folder / "results-size.png", 5.8)
        _panels(content, _gains, "What distilling gains over labels alone", folder / "results-gain.png", 4.2)


def models_of(track: dict[str, Any]) -> dict[str, tuple[dict[str, float], int]]:
    """Name -> (MAE with spread, bytes) of all compared models, best last."""
    rows = {name: (row["mae"], row["bytes"]) for name, row in track["baselines"].items()}
    rows[TEACHER] = track["teacher"]["mae"], track["teacher"]["bytes"]
    rows[EDGE] = track["edge"]["mae"], track["edge"]["bytes"]
    rows[FORM] = track["forms"]["mae"], track["forms"]["bytes"]
    return dict(sorted(rows.items(), key=lambda row: -row[1][0]["mean"]))


def _labels(track: dict[str, Any]) -> dict[str, str]:
    """Names as shown; a star where a baseline sees capacity and the nets do not."""
    sees = {name: row["uses_target"] for name, row in track["baselines"].items()}
    star = "*" if len(set(sees.values())) > 1 else ""
    names = [*sees, TEACHER, EDGE, FORM]
    return {name: name.replace("_", " ").replace("gru", "GRU") + (star if sees.get(name) else "") for name in names}


def _panels(content: dict[str, Any], panel: Any, title: str, path: Path, height: float) -> None:
    tracks = content["tracks"]
    figure = Figure(figsize=(6.6 * len(tracks), height), layout="constrained")
    for axes, (name, track) in zip(np.atleast_1d(figure.subplots(1, len(tracks))), tracks.items(), strict=True):
        panel(axes, track)
        axes.set_title(TITLES[name])
    figure.suptitle(title, x=0.01, ha="left")
    caption(figure, SOURCE)
    save_figure(figure, path)


def _errors(axes: Axes, track: dict[str, Any]) -> None:
    rows, labels = models_of(track), _labels(track)
    for i, (name, (error, _)) in enumerate(rows.items()):
        axes.errorbar(error["mean"], i, xerr=error["std_splits"], fmt="o", color=colour_of(name), capsize=3)
        axes.annotate(
            f"{error['mean']:.5f}",
            (error["mean"], i),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=colour_of(name),
        )
    axes.set_yticks(range(len(rows)), [labels[name] for name in rows])
    axes.set_xscale("log")
    ticks = [value for value in (0.001, 0.002, 0.003, 0.005, 0.01) if value > 0.8 * axes.get_xlim()[0]]
    axes.set_xticks(ticks, [f"{value:g}" for value in ticks])
    axes.minorticks_off()
    axes.set_xlabel(UNIT)
    axes.grid(axis="y", visible=False)


def _sizes(axes: Axes, track: dict[str, Any]) -> None:
    rows, labels = models_of(track), _labels(track)
    points = {name: (size, error["mean"]) for name, (error, size) in rows.items() if size}
    flat = {name: error["mean"] for name, (error, size) in rows.items() if not size}
    for name, (size, mean) in points.items():
        wide = 9 if name == EDGE else 6
        spread = rows[name][0]["std_splits"]
        axes.errorbar(size, mean, yerr=spread, fmt="o", markersize=wide, capsize=3, color=colour_of(name))
    for mean in flat.values():
        axes.axhline(mean, color=MUTED, linewidth=1, linestyle=(0, (5, 3)), zorder=1)
    size_axis(axes, [size for size, _ in points.values()])
    error_axis(axes, [mean for _, mean in points.values()] + list(flat.values()))
    name_points(axes, points, labels)
    names_at_right(axes, flat, labels)
    axes.set_xlabel("model as stored")
    axes.set_ylabel(UNIT)


def _gains(axes: Axes, track: dict[str, Any]) -> None:
    """Gains of the liquid student whose size stands in all shares, one group of bars a loss."""
    distillation = track["distillation"]
    rows = [row for row in (*distillation["stage 1"], *distillation["shares"]) if row["cell"] == "liquid"]
    small = {row["hidden"] for row in distillation["shares"]} or {row["hidden"] for row in rows}
    rows = [row for row in rows if row["hidden"] in small]
    losses, shares = sorted({row["loss"] for row in rows}), sorted({row["share"] for row in rows})
    width = 0.8 / max(1, len(shares))
    for k, share in enumerate(shares):
        own = {row["loss"]: row for row in rows if row["share"] == share}
        means = np.array([own[loss]["gain"] for loss in losses])
        low, high = (np.array([own[loss][key] for loss in losses]) for key in ("low", "high"))
        at = np.arange(len(losses)) + (k - (len(shares) - 1) / 2) * width
        away = 100 * np.maximum(0, np.array([means - low, high - means]))
        axes.bar(
            at, 100 * means, width * 0.92, yerr=away, capsize=2, color=PALETTE[k], label=f"{share:.0%} of the cells"
        )
    axes.axhline(0, color=MUTED, linewidth=1)
    axes.set_xticks(range(len(losses)), losses)
    axes.set_ylabel("lower MAE on test cells, %")
    axes.legend(fontsize=8.5)
