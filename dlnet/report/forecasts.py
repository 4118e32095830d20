"""The page of a forecast: one HTML file with its picture and its table, which needs no other file."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dlnet.forecast import Forecast
    from dlnet.forecast.ranking import Fleet

STYLE = (
    "body{font-family:system-ui,sans-serif;margin:1.5em;color:#1f2933}img{max-width:100%}"
    "table{border-collapse:collapse;font-size:.9em}td,th{padding:.25em .7em;border-bottom:1px solid #d9dee3;"
    "text-align:right;white-space:nowrap}td.text,th.text{text-align:left;white-space:normal}"
    "td.text,h1{overflow-wrap:anywhere}td.text{min-width:8em}tr.outside{background:#fff3d6}tr.failed{background:#fbe3e0}"
)


OUTSIDE_ALONE = "Outside what the model was trained on: no error was measured on such, so none is given."
RANKING = (0, 6)  # columns that say nothing of one asset alone


def forecast_page(fleet: Fleet, figure: Figure) -> str:
    """The page of the forecasts of one asset or of many, the most urgent first.

    Args:
        figure: picture of them.
    """
    one = fleet.forecasts[0]
    words = one.quantities
    title = one.asset if len(fleet.forecasts) == 1 else words.asset.count(len(fleet.forecasts))
    parts = [
        f"<h1>{html.escape(title)}: the next {words.time.count(len(one.ahead))}</h1>",
        *(f"<p>{html.escape(line)}</p>" for line in summary(fleet)),
        f'<p><img alt="forecast" src="data:image/png;base64,{_png(figure)}"></p>',
        _table(fleet),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def summary(fleet: Fleet) -> list[str]:
    """What readers must know: the model, how assets are ranked, which are outside, what the error means."""
    one = fleet.forecasts[0]
    words, target = one.quantities, one.quantities.target
    many = words.asset.many
    lines = [f"Model {one.model}, trained on {one.label}."]
    if fleet.alone:
        typical = f"Typical error: mean absolute error on validation {many}. It is no bound."
        return [*lines, OUTSIDE_ALONE if fleet.unlike else typical]
    if fleet.threshold is None:
        lines.append(f"Ranked by the forecast at its end: the task {words.name} names no end of life.")
    else:
        lines.append(
            f"Ranked by {words.time.many} to the end of life ({target.symbol} {fleet.threshold:g}) where the "
            f"forecast reaches it, the others below them by the forecast at its end."
        )
    lines.append(f"Typical error: mean absolute error on validation {many}. It is no bound.")
    if fleet.unlike:
        lines.append(
            f"{words.asset.count(len(fleet.unlike))} of {len(fleet.forecasts)} outside what the model was trained on: "
            "no error was measured on such, so none is given, and they have no rank."
        )
    if fleet.refused:
        lines.append(f"{len(fleet.refused)} could not be forecast; the reasons are in the table.")
    return lines


def fleet_head(fleet: Fleet) -> list[str]:
    """Titles of the columns of ``fleet_rows``."""
    one = fleet.forecasts[0]
    words, target = one.quantities, one.quantities.target
    ahead = words.time.count(len(one.ahead))
    life = f"{words.time.many} to end of life"
    now = f"{target.error_label} now"
    return ["rank", words.asset.one, life, now, f"in {ahead}", "typical error", "ranked by", "remark"]


def fleet_rows(fleet: Fleet, lines: int | None = None) -> list[tuple[str, list[str]]]:
    """Kind (``outside`` or nothing) and cells of each forecast, the most urgent first.

    Args:
        lines: of the remarks on a forecast, at most; None: all.
    """
    return [
        ("outside" if one.outside else "", _cells(fleet, rank, one, lines))
        for rank, one in zip(fleet.ranks, fleet.forecasts, strict=True)
    ]


def refused_rows(fleet: Fleet) -> list[tuple[str, list[str]]]:
    """Kind (``failed``) and cells of what could not be forecast."""
    return [("failed", ["", one.name, "", "", "", "", "", f"failed: {one.reason}"]) for one in fleet.refused]


def _table(fleet: Fleet) -> str:
    left_out = RANKING if fleet.alone else ()
    rows = [
        f'<tr class="{kind}">{_line("td", cells, left_out)}</tr>'
        for kind, cells in (*fleet_rows(fleet), *refused_rows(fleet))
    ]
    head = _line("th", fleet_head(fleet), left_out)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _cells(fleet: Fleet, rank: int | None, forecast: Forecast, lines: int | None) -> list[str]:
    target, steps = forecast.quantities.target, fleet.steps_to_end(forecast)
    return [
        "" if rank is None else str(rank),
        forecast.asset,
        "" if steps is None else str(steps),
        target.shown(forecast.history[-1]),
        target.shown(forecast.ahead[-1]),
        "" if forecast.outside else f"± {target.shown_error(forecast.error[-1])}",
        fleet.ranked_by(forecast),
        _remarks(forecast, lines),
    ]


def _remarks(forecast: Forecast, lines: int | None) -> str:
    remarks = [*(f"outside: {line}" for line in forecast.outside), *forecast.notes]
    more = f" (and {len(remarks) - lines} more)" if lines is not None and len(remarks) > lines else ""
    return "; ".join(remarks[:lines]) + more


TEXTS = (1, 6, 7)  # columns of words


def _line(tag: str, cells: Iterable[str], left_out: Sequence[int]) -> str:
    return "".join(
        f"<{tag}{' class=text' if i in TEXTS else ''}>{html.escape(cell)}</{tag}>"
        for i, cell in enumerate(cells)
        if i not in left_out
    )


def _png(figure: Figure) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", metadata={"Software": None})
    return base64.b64encode(stream.getvalue()).decode("ascii")
