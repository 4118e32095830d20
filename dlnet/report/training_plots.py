"""Figures of training: learning curves, and the gains of each stage of distillation."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from dlnet.distill.gains import Gain, MeanStd, PruningGain
from dlnet.plots.style import FAINT, INK, MUTED, caption, palette
from dlnet.report.documents import SummaryReport
from dlnet.report.pipeline import Pipeline

CAPTION_WIDTH = 170  # characters


def learning(pipeline: Pipeline, summary: SummaryReport) -> Figure:
    """Validation MAE over gradient steps: members of the teacher, students, pruned students."""
    figure = Figure(figsize=(12.5, 4.6), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    titles = {"teacher": "Teacher, each member", "students": "Students", "pruned": "Pruned and trained again"}
    for axes, (kind, title) in zip(panels, titles.items(), strict=True):
        table = pipeline.learning[kind]
        names = list(dict.fromkeys(table["name"]))
        marked = names if kind == "teacher" else [name for name in names if name in pipeline.elites]
        _curves(axes, table, marked)
        axes.set(title=title, xlabel="gradient steps", yscale="log", xlim=(0, None))
        if kind == "teacher":
            axes.axhline(pipeline.teacher.metrics["mae_validation"], color=INK, linewidth=1, linestyle=(0, (5, 3)))
    panels[0].set_ylabel(f"MAE, {summary.data.quantities.target.error_label} (validation windows)")
    panels[0].yaxis.set_major_locator(LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0)))
    panels[0].yaxis.set_minor_locator(LogLocator(subs=()))
    panels[0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    figure.suptitle(f"Learning curves: {summary.data.label}", x=0.01, ha="left")
    caption(
        figure,
        "Coloured: teacher's members, elites of the fronts. Grey: all other students. Dashed: the members averaged.",
    )
    return figure


def _curves(axes: Axes, table: pd.DataFrame, marked: list[str]) -> None:
    for name, rows in table.groupby("name", sort=False):
        if name not in marked:
            axes.plot(rows["step"], rows["mae_validation"], color=FAINT, linewidth=0.9, zorder=1)
    for name, colour in zip(marked, palette(len(marked)), strict=True):
        rows = table[table["name"] == name]
        axes.plot(rows["step"], rows["mae_validation"], color=colour, linewidth=1.6, label=name, zorder=2)
    if marked:
        axes.legend(loc="upper right", fontsize=7.5)


def distillation(pipeline: Pipeline, label: str) -> Figure:
    """Relative gain in validation MAE over labels alone, mean and spread: of each loss and size, and after pruning."""
    stage1 = pipeline.distillation
    first = [row for row in stage1.gains if row.loss != "labels"]
    second = pipeline.pruned.gains
    figure = Figure(figsize=(12, 4.8), layout="constrained")
    panels = figure.subplots(1, 2, width_ratios=[3, 2])
    _bars(panels[0], [(row.loss, _kind(row), row.gain) for row in first])
    seeds = max((row.seeds for row in first), default=0)
    panels[0].set(title=f"Stage 1: each loss and size (seeds: {seeds})", ylabel="lower validation MAE, %")
    _bars(panels[1], [(row.method, _pruned(row), row.gain) for row in second])
    networks = max((row.networks for row in second), default=0)
    panels[1].set(title=f"Stage 2: pruned elites (networks each: {networks})")
    figure.suptitle(f"What distilling gains over labels alone: {label}", x=0.01, ha="left")
    text = f"Bars: mean; whiskers: standard deviation. Above 0 the teacher helped. {stage1.teacher.text}"
    caption(figure, textwrap.fill(text, CAPTION_WIDTH))
    return figure


def _kind(row: Gain) -> str:
    branches = f", {row.branches} branches" if row.branches > 1 else ""
    return f"{row.cell}, {row.hidden} neurons{branches}"


def _pruned(row: PruningGain) -> str:
    bits = f", {row.bits} bits" if row.bits else ""
    loss = "" if row.loss == "l1" else f", {row.loss}"
    return f"{row.sparsity:.0%} pruned{bits}{loss}"


def _bars(axes: Axes, rows: Sequence[tuple[str, str, MeanStd]]) -> None:
    """Grouped bars of (group, series, gain): one colour a series."""
    groups = list(dict.fromkeys(group for group, _, _ in rows))
    names = list(dict.fromkeys(series for _, series, _ in rows))
    width = 0.8 / max(1, len(names))
    for k, (name, colour) in enumerate(zip(names, palette(len(names)), strict=True)):
        mine = [(group, gain) for group, series, gain in rows if series == name]
        at = [groups.index(group) + (k - (len(names) - 1) / 2) * width for group, _ in mine]
        means = [100 * gain.mean for _, gain in mine]
        spread = [100 * gain.std for _, gain in mine]
        style = {"ecolor": INK, "elinewidth": 1, "capsize": 2.5}
        axes.bar(at, means, width * 0.9, yerr=spread, color=colour, label=name, error_kw=style, zorder=2)
    axes.axhline(0, color=MUTED, linewidth=1, zorder=3)
    axes.set_xticks(np.arange(len(groups)), groups, color=INK)
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="x", visible=False)
    if names:
        axes.legend(fontsize=8.5, ncols=4, loc="upper left", bbox_to_anchor=(-0.02, -0.06))
