"""Figures of the data report: lives by split, ranges of the network inputs, effect of cleaning."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dlnet.data.prepare import Prepared
from dlnet.data.report import TARGET, column, split_of_rows
from dlnet.data.split import SPLITS
from dlnet.plots.style import FAINT, INK, MUTED, PALETTE, SPLIT_COLOURS, caption

PICTURES = (
    ("Every life, by split", "life_curves.png"),
    ("Ranges by split", "feature_ranges.png"),
    ("What cleaning did", "cleaning.png"),
)
"""Title and file name of each picture, in the order of ``draw``."""


def draw(prepared: Prepared, report: dict[str, Any]) -> list[Figure]:
    """Draw all pictures, in the order of ``PICTURES``; call it inside ``figure_style()``."""
    return [life_curves(prepared, report), feature_ranges(prepared, report), cleaning(prepared, report)]


def life_curves(prepared: Prepared, report: dict[str, Any]) -> Figure:
    """The target over time, one panel for each split; assets of the other splits are drawn in grey behind."""
    figure = Figure(figsize=(12, 4.6), layout="constrained")
    panels = figure.subplots(1, len(SPLITS), sharex=True, sharey=True)
    quantities = prepared.task.quantities
    target, many = quantities.target, quantities.asset.many
    curves = {
        str(asset): (rows["row"].to_numpy(), target.from_health(rows["health"]))
        for asset, rows in prepared.rows.groupby("asset", sort=False)
    }
    split = dict(zip(prepared.assets["asset"], prepared.assets["split"], strict=True))
    for axes, name in zip(panels, SPLITS, strict=True):
        for asset, (row, values) in curves.items():
            if split[asset] in SPLITS and split[asset] != name:
                axes.plot(row, values, color=FAINT, linewidth=0.6, zorder=1)
        for asset, (row, values) in curves.items():
            if split[asset] == name:
                axes.plot(row, values, color=SPLIT_COLOURS[name], linewidth=0.9, alpha=0.75, zorder=2)
        part = report["splits"][name]
        axes.set_title(f"{name}: {part['assets']} {many}, {part['windows']:,} windows")
        axes.set_xlabel(f"{quantities.time.one} (row of the data)")
    panels[0].set_ylabel(target.label)
    figure.suptitle(f"Every {quantities.asset.one}'s life, {report['source']['label']}", x=0.01, ha="left")
    caption(figure, "After causal cleaning. Grey: the other splits. " + " ".join(_first(report)))
    return figure


def feature_ranges(prepared: Prepared, report: dict[str, Any]) -> Figure:
    """1st-99th percentile, quartiles and median of each column and split, scaled by training rows."""
    names = list(report["ranges"])
    splits, span = split_of_rows(prepared), len(names)
    figure = Figure(figsize=(10, 1.8 + 0.43 * span), layout="constrained")
    axes = figure.subplots()
    for position, name in enumerate(names):
        values = column(prepared, name)
        train = values[splits == "train"]
        scale = float(train.std()) or 1.0
        for i, split in enumerate(SPLITS):
            quantiles = np.quantile((values[splits == split] - train.mean()) / scale, [0.01, 0.25, 0.5, 0.75, 0.99])
            _interval(axes, quantiles, position + (i - 1) * 0.25, split)
        outside = report["ranges"][name]["test"]["outside"]
        axes.text(1.01, position, f"{outside:.1%}", transform=axes.get_yaxis_transform(), va="center", color=MUTED)
    heading = "test rows beyond\n1-99 % of training"
    beside = axes.get_yaxis_transform()
    axes.text(1.01, -0.75, heading, transform=beside, color=MUTED, fontsize=8.5, va="bottom")
    axes.set_yticks(
        range(span), [prepared.task.quantities.target.symbol if name == TARGET else name for name in names], color=INK
    )
    axes.set_ylim(span - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(f"standard deviations of the training {prepared.task.quantities.asset.many}, from their mean")
    axes.legend(*_legend(axes), loc="lower right", ncols=3, bbox_to_anchor=(1, 1))
    figure.suptitle(f"Do the splits overlap? {report['source']['label']}", x=0.01, ha="left")
    caption(figure, "Dot: median. Thick: middle half. Thin: 1st to 99th percentile. After causal cleaning.")
    return figure


def _interval(axes: Axes, quantiles: np.ndarray, height: float, split: str) -> None:
    low, lower, middle, upper, high = quantiles
    colour = SPLIT_COLOURS[split]
    axes.plot([low, high], [height, height], color=colour, linewidth=1.2)
    axes.plot([lower, upper], [height, height], color=colour, linewidth=4.5, solid_capstyle="butt", label=split)
    axes.plot(middle, height, "o", markersize=4.5, color="white", markeredgecolor=colour, zorder=3)


def _legend(axes: Axes) -> tuple[list[Any], list[str]]:
    handles, labels = axes.get_legend_handles_labels()
    first = dict(zip(reversed(labels), reversed(handles), strict=True))
    return [first[split] for split in SPLITS], list(SPLITS)


def cleaning(prepared: Prepared, report: dict[str, Any]) -> Figure:
    """The most cleaned asset before and after, and the share of values replaced per feature."""
    shares = report["cleaned"]["per_feature"]
    figure = Figure(figsize=(12, max(4.4, 1.4 + 0.22 * len(shares))), layout="constrained")
    panels = figure.subplots(1, 2, width_ratios=[2, 1]) if shares else [figure.subplots()]
    order = prepared.assets.sort_values("touched_inputs", ascending=False, kind="stable")
    _before_after(panels[0], prepared, order["asset"].iloc[0])
    if shares:
        _feature_shares(panels[1], {name: count / report["cleaned"]["rows"] for name, count in shares.items()})
    figure.suptitle(f"What cleaning did, {report['source']['label']}", x=0.01, ha="left")
    symbol, cleaned = prepared.task.quantities.target.symbol, report["cleaned"]
    total = f"{cleaned['replaced_inputs']} of {cleaned['rows']:,} values of {symbol} were replaced in all"
    caption(figure, f"{total} (off its level the last sound row holds; looking back only).")
    return figure


def _feature_shares(axes: Axes, shares: dict[str, float]) -> None:
    names = sorted(shares, key=lambda name: shares[name])
    axes.barh(names, [100 * shares[name] for name in names], color=PALETTE[5], height=0.65)
    for position, name in enumerate(names):
        axes.text(100 * shares[name], position, f" {100 * shares[name]:.1f}", va="center", color=MUTED, fontsize=8.5)
    axes.set_xlim(0, 112 * max(shares.values()) or 1)
    axes.set(title="Features", xlabel="values replaced (% of rows)")
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.grid(axis="y", visible=False)


def _before_after(axes: Axes, prepared: Prepared, asset: str) -> None:
    quantities, here = prepared.task.quantities, (prepared.rows["asset"] == asset).to_numpy()
    row, health = prepared.rows["row"].to_numpy()[here], prepared.rows["health"].to_numpy()[here]
    touched = (prepared.raw[here] != health) & np.isfinite(prepared.raw[here])
    raw, values = (quantities.target.from_health(one) for one in (prepared.raw[here], health))
    axes.plot(row, values, color=PALETTE[0], linewidth=1.2, label="cleaned, as the nets see it", zorder=2)
    if touched.any():
        axes.vlines(row[touched], raw[touched], values[touched], color=PALETTE[1], linewidth=0.8, alpha=0.5)
    axes.plot(
        row[touched], raw[touched], "o", markersize=4.5, color=PALETTE[1], markeredgecolor="white",
        label=f"replaced ({touched.sum()})", zorder=3,
    )  # fmt: skip
    title = f"{quantities.target.symbol} of the most cleaned {quantities.asset.one}, {asset}"
    axes.set(title=title, xlabel=f"{quantities.time.one} (row of the data)")
    axes.set_ylabel(quantities.target.label)
    axes.legend(loc="best")


def _first(report: dict[str, Any]) -> list[str]:
    return [str(note) for note in report["source"]["notes"][:1]]
