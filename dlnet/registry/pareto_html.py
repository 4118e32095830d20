"""Interactive Pareto fronts: one self-contained HTML page, which MLflow shows with a run."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from dlnet.cost.device import UNITS

X, Y = "flash_bytes", "mae_validation"
SHOWN = (
    "cell", "hidden", "loss", "seed", "kind", "method", "sparsity", "parent", "parameters", "flash_bytes", "ram_bytes",
    "instructions", "ms_modelled", "mae_validation", "mae_test",
)  # fmt: skip
"""Columns shown for a point, where the table has them."""
MARKS = {"elite": ("star", 15), "front": ("circle", 10), "other": ("circle-open", 7)}
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#f0e442", "#000000")  # Okabe and Ito
STYLE = "body{font-family:system-ui,sans-serif;margin:1em}h2{font-size:1.1em}"


def fronts_page(fronts: Mapping[str, pd.DataFrame], tested: Mapping[str, float], baselines: Mapping[str, float]) -> str:
    """A page with one figure for each front: error against flash, a point for each student, the front as a line.

    Args:
        fronts: title -> table of all models (``name``, ``front``, ``elite``, the columns of ``SHOWN``).
        tested: name -> MAE on test assets. baselines: name -> MAE on validation assets.
    """
    from plotly.io import to_html

    parts, script = [], True  # plotly.js is in the page, once; a link to it would not work behind a firewall
    for i, (title, table) in enumerate(fronts.items()):
        figure = _figure(table.assign(mae_test=table["name"].map(dict(tested))), baselines)
        drawn = to_html(
            figure, include_plotlyjs=script, full_html=False, div_id=f"front{i}", config={"displaylogo": False}
        )
        parts.append(f"<h2>{html.escape(title)}</h2>{drawn}")
        script = False
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Pareto fronts</title>'
        f"<style>{STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def _figure(table: pd.DataFrame, baselines: Mapping[str, float]) -> Any:
    from plotly.graph_objects import Figure, Scatter

    shown = table[np.isfinite(table[[X, Y]].to_numpy(np.float64)).all(axis=1)].sort_values([X, Y, "name"])
    figure = Figure()
    line = shown[shown["front"]]
    figure.add_trace(
        Scatter(
            x=line[X], y=line[Y], mode="lines", name="front", line={"color": "#888", "dash": "dot"}, hoverinfo="skip"
        )
    )
    for i, (loss, rows) in enumerate(shown.groupby("loss", sort=True)):
        marks = [MARKS[_rank(row)] for row in rows.to_dict("records")]
        figure.add_trace(
            Scatter(
                x=rows[X], y=rows[Y], mode="markers", name=str(loss), hovertemplate="%{text}<extra></extra>",
                text=[_hover_text(row) for row in rows.to_dict("records")],
                marker={
                    "symbol": [symbol for symbol, _ in marks], "size": [size for _, size in marks],
                    "color": COLOURS[i % len(COLOURS)], "line": {"width": 1},
                },
            )
        )  # fmt: skip
    most = float(shown[Y].max()) * 1.3 if len(shown) else 0.0
    for name, mae in baselines.items():
        if mae <= most:
            figure.add_hline(y=mae, line={"color": "#bbb", "width": 1}, annotation={"text": name, "font": {"size": 10}})
    figure.update_layout(
        template="plotly_white", height=480, legend_title_text="learned from", hoverlabel={"align": "left"},
        xaxis={"title": f"flash [{UNITS[X]}]", "type": "log"}, yaxis={"title": "MAE (validation windows)"},
        margin={"t": 30},
    )  # fmt: skip
    return figure


def _rank(row: Mapping[Any, Any]) -> str:
    return "elite" if row["elite"] else "front" if row["front"] else "other"


def _hover_text(row: Mapping[Any, Any]) -> str:
    known = [(key, row[key]) for key in SHOWN if key in row and not pd.isna(row[key])]
    lines = [f"{key.replace('_', ' ')}: {_number(value)}" for key, value in known]
    return "<br>".join([f"<b>{html.escape(str(row['name']))}</b>", *lines])


def _number(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int | np.integer) else html.escape(str(value))
