"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from dlnet.config.presets import MARKS
from dlnet.gate.competitor import title as title_of
from dlnet.report.forecasts import TEXTS, fleet_head, fleet_rows, refused_rows
from dlnet.report.options import bits_line, usage_line

if TYPE_CHECKING:
    from dlnet.config.quantities import Target
    from dlnet.forecast import Forecast
    from dlnet.forecast.ranking import Fleet
    from dlnet.report.documents import Figures, SummaryReport  # needs packages that the core does not install


def show(table: Table) -> None:
    """Print a table under its title; in a file or a pipe it is as wide as needed."""
    # Names come from users' files too: [b] in them is no markup, and :bell: no picture.
    console = Console(markup=False, emoji=False)
    if not console.is_terminal:
        console = Console(width=160, markup=False, emoji=False)
    title, table.title = table.title, None
    console.print(title, style="bold", soft_wrap=True, highlight=False)  # a table's own title breaks at its width
    console.print(table)


def summary_table(summary: SummaryReport) -> Table:
    """The report as a table: baselines, teacher, elites, int8; errors of the target on test assets."""
    data = summary.data
    words, target = data.quantities, data.quantities.target
    title = (
        f"{data.label}, track {data.track}: errors of {target.error_label} over the next "
        f"{words.time.count(data.horizon)}, test {words.asset.many}"
    )
    table = Table(title=title)
    table.add_column("model")
    for name in ("MAE", "RMSE", f"{words.asset.one} mean", f"worst {words.asset.one}", "bytes", "MAE / boosting"):
        table.add_column(name, justify="right")
    reference = summary.mae_of("boosting")
    for name, entry in sorted(summary.baselines.items(), key=lambda item: -item[1].mae):
        table.add_row(*_row(name, entry, entry.bytes, reference, target))
    table.add_section()
    table.add_row(*_row("teacher", summary.teacher, summary.teacher.bytes, reference, target))
    for elite in summary.elites:
        table.add_row(*_row(f"student {elite.name}", elite, elite.bytes, reference, target))
    table.add_section()
    for edge in summary.edges:
        style = "bold" if edge.name == summary.edge.name else None
        table.add_row(*_row(f"int8 {edge.name}", edge.int8, edge.spec_bytes, reference, target), style=style)
    for form in summary.forms:
        table.add_row(*_row(title_of(form.kind, form.name), form, form.bytes, reference, target))
    return table


def _row(name: str, entry: Figures, size: int, reference: float | None, target: Target) -> list[str]:
    worst = entry.worst_asset
    ratio = "" if reference is None else f"{entry.mae / reference:.3f}"
    figures = [target.shown_error(value) for value in (entry.mae, entry.rmse, entry.asset_mae)]
    return [name, *figures, f"{target.shown_error(worst.mae)} ({worst.asset})", f"{size:,}", ratio]


def notes(summary: SummaryReport) -> list[str]:
    """Notes on the table: the best int8 student, branches, the teacher's verdict, the data."""
    edge = summary.edge
    size = f"{edge.parameters} parameters, spec {edge.spec_bytes:,} B, .tflite {edge.tflite_bytes:,} B"
    return [
        *MARKS[summary.data.preset],
        f"Best int8 student: {edge.name} ({size}); int8 over float {edge.mae_int8 / edge.mae_float:.4f}.",
        *usage_line(summary.elites),
        *bits_line(summary.edges),
        summary.teacher.verdict,
        *summary.data.notes,
    ]


def _band(forecast: Forecast, row: int) -> str:
    return "" if forecast.outside else f"± {forecast.quantities.target.shown(forecast.error[row - 1])}"


def forecast_table(forecast: Forecast, shown: Sequence[int]) -> Table:
    """Selected rows ahead, with the target expected and the typical error."""
    words, target = forecast.quantities, forecast.quantities.target
    share = f", nominal {forecast.nominal:g} {target.unit}" if target.over_nominal else ""
    table = Table(title=f"{forecast.asset}: model {forecast.model}, trained on {forecast.label}{share}")
    quantity = [f"{target.quantity}, {target.unit}"] if target.over_nominal else []
    for name in (f"{words.time.many} ahead", target.error_label, *quantity, f"typical error, {target.error_label}"):
        table.add_column(name, justify="right")
    for row in sorted({step for step in shown if step < len(forecast.ahead)} | {len(forecast.ahead)}):
        value = forecast.ahead[row - 1]
        measured = [f"{value * forecast.nominal:.4f}"] if target.over_nominal else []
        table.add_row(str(row), target.shown(value), *measured, _band(forecast, row))
    return table


def fleet_table(fleet: Fleet, most: int) -> Table:
    """The most urgent assets, and what could not be forecast; at most ``most`` lines of each."""
    one = fleet.forecasts[0]
    end = "" if fleet.threshold is None else f", end of life at {one.quantities.target.symbol} {fleet.threshold:g}"
    many = one.quantities.asset.count(len(fleet.forecasts))
    table = Table(title=f"{many}: model {one.model}, trained on {one.label}{end}")
    for i, name in enumerate(fleet_head(fleet)):
        table.add_column(name, justify="left" if i in TEXTS else "right")
    for kind, cells in (*fleet_rows(fleet, lines=1)[:most], *refused_rows(fleet)[:most]):
        table.add_row(*cells, style={"outside": "yellow", "failed": "red"}.get(kind))
    return table
