"""Common style of all figures: colours that colour-blind readers can tell apart, and no clutter."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.figure import Figure

from dlnet.files import atomic_file

PALETTE: tuple[str, ...] = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#e69f00",
    "#56b4e9",
    "#7f7f7f",
    "#332288",
)
"""Colours of series, in order of use (Okabe and Ito 2008, and two more)."""

SPLIT_COLOURS: Mapping[str, str] = {"train": PALETTE[0], "validation": PALETTE[4], "test": PALETTE[1]}
"""The same colour for a split in every figure."""

MUTED, INK, FAINT = "#5b6670", "#1f2933", "#d9dee3"
"""Colours of secondary text, of text, and of context behind the data."""

CAPTION = 14  # characters of a caption that an inch holds

_STYLE: Any = {
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "savefig.dpi": 140,
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,  # texts come from users' files too: a $ in them is a $
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.prop_cycle": cycler(color=PALETTE),
    "grid.color": "#e6eaee",
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "figure.titlesize": 13,
    "figure.titleweight": "bold",
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Make figures in this block look like all others; settings outside are left as they were.

    A character that the font lacks, of a name in a user's file, is drawn as a box, without a warning.
    """
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def palette(count: int) -> list[str]:
    """``count`` colours, those of ``PALETTE`` first; beyond them they repeat."""
    return [PALETTE[i % len(PALETTE)] for i in range(count)]


def caption(figure: Figure, text: str) -> None:
    """Put secondary text below a figure, in lines as wide as it: its source and notes for the reader."""
    lines = textwrap.fill(text, int(CAPTION * figure.get_figwidth()))
    figure.supxlabel(lines, x=0.01, ha="left", fontsize=8.5, color=MUTED)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG atomically; the same figure gives the same bytes."""
    with atomic_file(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
