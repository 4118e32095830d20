"""Axes that figures of models share: errors, sizes, labels that do not overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator

from dlnet.plots.style import MUTED, PALETTE

EDGE, TEACHER = "int8 student", "liquid teacher"
COLOURS = {
    EDGE: PALETTE[1],
    TEACHER: PALETTE[0],
    "boosting": PALETTE[2],
    "boosting_plain": PALETTE[2],
    "ridge": PALETTE[4],
    "gru_large": PALETTE[3],
    "gru_small": PALETTE[3],
}
"""The same colour for a model in every picture; others are grey."""

LABEL_GAP = 0.05  # least distance of two labels, share of the height of the axes
NAME_WIDTH = 0.2  # of a label beside its point, share of the width of the axes
EDGES = 0.08  # room around the values, share of their span


def colour_of(name: str) -> str:
    """Colour of a model."""
    return COLOURS.get(name, MUTED)


def error_axis(axes: Axes, values: Sequence[float]) -> None:
    """Logarithmic height with limits around all values and ticks in plain numbers."""
    low, high = min(values), max(values)
    span = max(high / low, 1.5)
    axes.set_yscale("log")
    axes.set_ylim(low / span**EDGES, high * span**EDGES)
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if span > 10 else (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)))
    axes.yaxis.set_minor_locator(LogLocator(subs=()))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def size_axis(axes: Axes, values: Sequence[float]) -> None:
    """Logarithmic width in bytes, with room at the right for names."""
    low, high = min(values), max(values)
    span = max(high / low, 4.0)
    axes.set_xscale("log")
    axes.set_xlim(low / span**EDGES, high * span**NAME_WIDTH)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if span < 5000 else (1.0, 3.0)))
    axes.xaxis.set_minor_locator(LogLocator(subs=()))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: in_bytes(value)))


def in_bytes(value: float) -> str:
    """500 B, 2 kB, 1.5 MB."""
    for unit, factor in (("MB", 1e6), ("kB", 1e3)):
        if value >= factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value:.3g} B"


def name_points(axes: Axes, points: Mapping[str, tuple[float, float]], labels: Mapping[str, str]) -> None:
    """Names at the right of points on logarithmic axes: above the point, or below it where another is near above."""
    positions = {name: (_share(axes.get_xlim(), x), _share(axes.get_ylim(), y)) for name, (x, y) in points.items()}
    for name, (across, up) in positions.items():
        near = [
            other
            for other, (x, y) in positions.items()
            if other != name and -NAME_WIDTH < x - across < NAME_WIDTH and up <= y < up + LABEL_GAP
        ]
        axes.annotate(
            labels[name],
            points[name],
            xytext=(8, -6) if near else (8, 4),
            textcoords="offset points",
            va="top" if near else "bottom",
            fontsize=9,
            color=colour_of(name),
            fontweight="bold" if name == EDGE else "normal",
        )


def names_at_right(axes: Axes, values: Mapping[str, float], labels: Mapping[str, str]) -> None:
    """Names beside a logarithmic axis at the height of their value, moved apart, each with a leader."""
    shares = {name: _share(axes.get_ylim(), value) for name, value in values.items()}
    for name, height in apart(shares).items():
        colour = colour_of(name)
        axes.annotate(
            labels[name],
            (1.0, shares[name]),
            xytext=(1.035, height),
            xycoords="axes fraction",
            textcoords="axes fraction",
            va="center",
            fontsize=9,
            color=colour,
            fontweight="bold" if name == EDGE else "normal",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.8, "relpos": (0, 0.5), "shrinkB": 0},
        )


def apart(shares: Mapping[str, float]) -> dict[str, float]:
    """Heights (shares of an axis) at least ``LABEL_GAP`` from each other, as near to the given ones as can be."""
    names = sorted(shares, key=lambda name: shares[name])
    if not names:
        return {}
    steps = LABEL_GAP * np.arange(len(names))
    moved = _rising(np.array([shares[name] for name in names]) - steps) + steps  # without the gaps they only rise
    return dict(zip(names, map(float, moved), strict=True))


def _rising(values: np.ndarray) -> np.ndarray:
    """(n,) rising values nearest to the given ones: isotonic regression, by its min-max formula (Robertson 1988)."""
    count = len(values)
    means = {(a, b): values[a : b + 1].mean() for a in range(count) for b in range(a, count)}
    return np.array([max(min(means[a, b] for b in range(i, count)) for a in range(i + 1)) for i in range(count)])


def _share(limits: tuple[float, float], value: float) -> float:
    """Position of a value on a logarithmic axis, 0-1."""
    low, high = np.log(limits)
    return float((np.log(value) - low) / (high - low))
