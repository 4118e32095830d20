"""Pictures of forecasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dlnet.forecast.ranking import Fleet
from dlnet.forecast.result import Forecast

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARGIN = 0.05  # of the ranked forecasts' range, above and below them
LONGEST = 40  # characters of a name in a picture
NAMED, DRAWN = 8, 400  # forecasts of a fleet with a colour and a name, and all that are drawn


def draw(result: Forecast) -> Figure:
    """Two panels, the whole history and its enlarged end with the forecast; call it inside ``figure_style()``."""
    from matplotlib.figure import Figure

    from dlnet.plots.style import caption

    figure = Figure(figsize=(10, 4.4), layout="constrained")
    life, close = figure.subplots(1, 2, width_ratios=[1, 1.3])
    horizon, words, target = len(result.ahead), result.quantities, result.quantities.target
    for axes, first in ((life, 0), (close, max(0, len(result.history) - 2 * horizon))):
        _curves(axes, result, first)
        axes.set_xlabel(f"{words.time.one} (row of the data)")
    over = f" ({target.quantity} / {result.nominal:g} {target.unit})" if target.over_nominal else f" ({target.unit})"
    life.set_ylabel(target.symbol + over)
    life.set_title("Whole file")
    end = target.shown(result.ahead[-1])
    close.set_title(f"Next {words.time.count(horizon)}: {target.symbol} {end} at the end")
    close.legend(loc="best")
    flag = " (outside the training range)" if result.outside else ""
    figure.suptitle(shortened(result.asset) + flag, x=0.01, ha="left")
    caption(figure, f"Model {result.model}, trained on {result.label}. {_band_words(result)}")
    return figure


def _band_words(result: Forecast) -> str:
    """What the band means; where there is none, why."""
    words = result.quantities
    if not result.outside:
        return f"Band: typical error on validation {words.asset.many} (mean absolute, at each {words.time.one} ahead)."
    more = f" (and {len(result.outside) - 1} more)" if len(result.outside) > 1 else ""
    return f"No band: unlike the training {words.asset.many}, {result.outside[0]}{more}."


def _curves(axes: Axes, result: Forecast, first: int) -> None:
    from dlnet.plots.style import INK, PALETTE

    rows = len(result.history)
    next_rows = np.arange(rows + 1, rows + len(result.ahead) + 1)
    axes.plot(
        np.arange(first + 1, rows + 1), result.history[first:], color=INK, linewidth=1.3, label="measured, cleaned"
    )
    axes.plot(next_rows, result.ahead, color=PALETTE[1], label="forecast")
    if not result.outside:
        low, high = result.ahead - result.error, result.ahead + result.error
        axes.fill_between(next_rows, low, high, color=PALETTE[1], alpha=0.25, linewidth=0, label="typical error")
    axes.axvline(rows + 0.5, color=INK, linewidth=0.8, linestyle=(0, (3, 3)))


def _scaled(axes: Axes, fleet: Fleet) -> bool:
    """Scale an axis for the ranked forecasts, so that odd ones do not flatten them; whether such lie beyond it."""
    ranked = [one for one in fleet.forecasts[:DRAWN] if not one.outside]
    if not ranked:
        return False
    values = [value for one in ranked for value in (one.history[-1], *one.ahead)]
    known = np.array([value for value in (*values, fleet.threshold) if value is not None and np.isfinite(value)])
    margin = MARGIN * max(float(np.ptp(known)), 1e-3 * float(np.abs(known).max()))
    low, high = known.min() - margin, known.max() + margin
    axes.set_ylim(low, high)
    return any(((one.ahead < low) | (one.ahead > high)).any() for one in fleet.unlike)


def shortened(name: str) -> str:
    """A name that fits into a picture."""
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _label(place: int, forecast: Forecast) -> str:
    name = shortened(forecast.asset)
    return f"outside: {name}" if forecast.outside else f"{place + 1}. {name}"


def draw_fleet(fleet: Fleet) -> Figure:
    """Forecasts of many assets over the rows ahead, the most urgent ones named; call it inside ``figure_style()``."""
    from matplotlib.figure import Figure

    from dlnet.plots.style import FAINT, INK, PALETTE, caption

    figure = Figure(figsize=(10, 4.4), layout="constrained")
    axes = figure.subplots()
    one = fleet.forecasts[0]
    words, target = one.quantities, one.quantities.target
    for place, forecast in reversed(list(enumerate(fleet.forecasts[:DRAWN]))):
        named = place < NAMED
        axes.plot(
            np.arange(len(forecast.ahead) + 1),
            np.concatenate([forecast.history[-1:], forecast.ahead]),
            color=PALETTE[place] if named else FAINT,
            linestyle="dashed" if forecast.outside else "solid",
            label=_label(place, forecast) if named else None,
            linewidth=1.6 if named else 0.8,
        )
    if fleet.threshold is not None:
        axes.axhline(fleet.threshold, color=INK, linewidth=0.8, linestyle=(0, (3, 3)))
    axes.set_xlabel(f"{words.time.many} ahead")
    axes.set_ylabel(target.label)
    axes.set_title(words.asset.count(len(fleet.forecasts)))
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="center left", bbox_to_anchor=(1, 0.5))
    hidden = _scaled(axes, fleet)
    where = ", some beyond this picture" if hidden else ""
    dashed = f" Dashed: unlike the training {words.asset.many}{where}." if fleet.unlike else ""
    first = f" The first {DRAWN} are drawn." if len(fleet.forecasts) > DRAWN else ""
    caption(figure, f"Model {one.model}, trained on {one.label}.{dashed}{first}")
    return figure
