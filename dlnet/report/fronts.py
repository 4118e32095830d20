"""Figure of a Pareto front: error against one cost, with the baselines as lines."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from dlnet.cost.device import UNITS
from dlnet.plots.style import INK, MUTED, caption, figure_style, palette, save_figure
from dlnet.select.pareto import pareto_front

HEADROOM = 1.35  # baselines above this multiple of the worst model are named in the caption, not drawn
CAPTION_WIDTH = 118  # characters
LETTER = 0.0125  # width of a character of a name, share of the width
GAP = 0.045  # least distance of two names at the right edge, share of the height


def plot_front(
    table: pd.DataFrame,
    x: str,
    y: str,
    path: Path,
    title: str,
    baselines: Mapping[str, float] | None = None,
    colour: str = "loss",
    y_label: str = "MAE (validation windows)",
) -> None:
    """Draw every model, the front, its elites by name and the baselines, and write a PNG.

    Args:
        table: columns ``name``, ``front``, ``elite`` (see ``dlnet.select.select``), ``x``, ``y`` and ``colour``.
        x: cost, on a logarithmic axis; its unit is looked up in ``dlnet.select.UNITS``.
        y: error. y_label: its name and unit.
        path: of the PNG.
        title: of the picture.
        baselines: name -> error, drawn as horizontal lines.
        colour: column by which points are coloured, such as ``loss``.
    """
    shown = table[np.isfinite(table[[x, y]].to_numpy(dtype=np.float64)).all(axis=1) & (table[x] > 0)]
    shown = shown.sort_values([x, y, "name"])
    with figure_style():
        figure = Figure(figsize=(8.2, 5.2), layout="constrained")
        axes = figure.subplots()
        _points(axes, shown, x, y, colour)
        _limits(axes, shown, x, y)
        notes = _baselines(axes, shown[y].max() if len(shown) else np.inf, baselines or {})
        _elites(axes, shown, x, y)
        axes.set_xlabel(f"{x.removesuffix('_modelled').replace('_', ' ')} [{UNITS.get(x, '1')}]")
        axes.set_ylabel(y_label)
        axes.set_title(title)
        if len(shown):
            box = {"frameon": True, "facecolor": "white", "edgecolor": "none", "framealpha": 0.9}
            axes.legend(loc="upper right", title=colour, alignment="left", fontsize=9, **box)
        if len(shown) < len(table):
            notes.append(f"{len(table) - len(shown)} without a value not shown.")
        legend = "Ringed: Pareto front of all objectives. Diamonds: elites. Line: front of the two axes."
        caption(figure, textwrap.fill(" ".join([legend, *notes]), CAPTION_WIDTH))
        save_figure(figure, path)


def _points(axes: Axes, table: pd.DataFrame, x: str, y: str, colour: str) -> None:
    """Every model as a dot, the rows of the front ringed, and the staircase of the two columns shown."""
    edge = table[pareto_front(table[[x, y]]).mask].sort_values([x, y])
    axes.step(edge[x], edge[y], where="post", color=INK, linewidth=1.2, alpha=0.7, zorder=2)
    kinds = sorted(table[colour].astype(str).unique())
    for kind, shade in zip(kinds, palette(len(kinds)), strict=True):
        rows = table[table[colour].astype(str) == kind]
        rest, front = rows[~rows["front"]], rows[rows["front"] & ~rows["elite"]]
        axes.scatter(rest[x], rest[y], s=22, color=shade, alpha=0.45, linewidths=0, zorder=3)
        axes.scatter(front[x], front[y], s=44, color=shade, edgecolors=INK, linewidths=1.1, zorder=4)
        elite = rows[rows["elite"]]
        axes.scatter(elite[x], elite[y], s=74, color=shade, marker="D", edgecolors=INK, linewidths=1.3, zorder=5)
        axes.scatter([], [], s=30, color=shade, label=kind)


def _limits(axes: Axes, table: pd.DataFrame, x: str, y: str) -> None:
    """Logarithmic cost with ticks in plain numbers; margins left and below for the names of elites."""
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.9g}"))
    axes.xaxis.set_minor_locator(NullLocator())
    if table.empty:
        return
    low, high = table[x].min(), table[x].max()
    span = max(high / low, 1.5)
    letters = int(table.loc[table["elite"], "name"].astype(str).str.len().max()) if table["elite"].any() else 0
    margin = min(0.5, 0.05 + LETTER * letters)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 4.0, 6.0) if span < 10 else (1.0, 3.0)))
    axes.set_xlim(low / span ** (margin / (1 - margin)), high * span**0.08)
    height = max(table[y].max() - table[y].min(), 0.05 * table[y].max())
    axes.set_ylim(table[y].min() - 0.16 * height, table[y].max() + 0.10 * height)


def _baselines(axes: Axes, worst: float, baselines: Mapping[str, float]) -> list[str]:
    """Draw the baselines near the models; returns a note on those above the picture."""
    near = {name: value for name, value in baselines.items() if value <= HEADROOM * worst}
    far = {name: value for name, value in baselines.items() if name not in near}
    if near:
        low, high = axes.get_ylim()
        pad = 0.06 * (high - low)
        axes.set_ylim(min(low, min(near.values()) - pad), max(high, max(near.values()) + pad))
    low, high = axes.get_ylim()
    height = -np.inf
    for name, value in sorted(near.items(), key=lambda item: item[1]):
        axes.axhline(value, color=MUTED, linewidth=1.0, linestyle=(0, (5, 3)), zorder=1)
        height = max((value - low) / (high - low), height + GAP)
        axes.annotate(
            name,
            (1.01, height),
            xycoords="axes fraction",
            va="center",
            fontsize=8.5,
            color=MUTED,
            annotation_clip=False,
        )
    above = ", ".join(f"{name} {value:.4f}" for name, value in sorted(far.items(), key=lambda item: item[1]))
    return [f"Above the picture: {above}."] if above else []


def _elites(axes: Axes, table: pd.DataFrame, x: str, y: str) -> None:
    """Label the elites below and left of their points, where by definition no model lies."""
    for name, cost, error in table.loc[table["elite"], ["name", x, y]].itertuples(index=False):
        axes.annotate(
            str(name),
            (cost, error),
            xytext=(-8, -6),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=8.5,
            fontweight="bold",
            color=INK,
            bbox={"boxstyle": "square,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
            zorder=6,
        )
