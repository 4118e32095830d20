"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from dlnet.report.options import bits_line, usage_line

if TYPE_CHECKING:
    from dlnet.forecast import Forecast
    from dlnet.report.documents import Figures, SummaryReport  # needs packages that the core does not install


def show(table: Table) -> None:
    """Print a table under its title; in a file or a pipe it is as wide as needed."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    title, table.title = table.title, None
    console.print(title, style="bold", soft_wrap=True, highlight=False)  # a table's own title breaks at its width
    console.print(table)


def summary_table(summary: SummaryReport) -> Table:
    """The report as a table: baselines, teacher, elites, int8; errors of SoH on test cells."""
    data = summary.data
    title = f"{data.label}, track {data.inputs}: errors of SoH over the next {data.horizon} cycles, test cells"
    table = Table(title=title)
    table.add_column("model")
    for name in ("MAE", "RMSE", "cell mean", "worst cell", "bytes", "MAE / boosting"):
        table.add_column(name, justify="right")
    reference = summary.mae_of("boosting")
    for name, entry in sorted(summary.baselines.items(), key=lambda item: -item[1].mae):
        table.add_row(*_row(name, entry, entry.bytes, reference))
    table.add_section()
    table.add_row(*_row("teacher", summary.teacher, summary.teacher.bytes, reference))
    for elite in summary.elites:
        table.add_row(*_row(f"student {elite.name}", elite, elite.bytes, reference))
    table.add_section()
    for edge in summary.edges:
        style = "bold" if edge.name == summary.edge.name else None
        table.add_row(*_row(f"int8 {edge.name}", edge.int8, edge.spec_bytes, reference), style=style)
    return table


def _row(name: str, entry: Figures, size: int, reference: float | None) -> list[str]:
    worst = entry.worst_cell
    ratio = "" if reference is None else f"{entry.mae / reference:.3f}"
    figures = [f"{value:.5f}" for value in (entry.mae, entry.rmse, entry.cell_mae)]
    return [name, *figures, f"{worst.mae:.5f} ({worst.cell})", f"{size:,}", ratio]


def notes(summary: SummaryReport) -> list[str]:
    """Notes on the table: the model for the device, branches, the teacher's verdict, the data."""
    edge = summary.edge
    size = f"{edge.parameters} parameters, spec {edge.spec_bytes:,} B, .tflite {edge.tflite_bytes:,} B"
    return [
        f"For the device: {edge.name} ({size}); int8 over float {edge.mae_int8 / edge.mae_float:.4f}.",
        *usage_line(summary.elites),
        *bits_line(summary.edges),
        summary.teacher.verdict,
        *summary.data.notes,
    ]


def forecast_table(forecast: Forecast, shown: Sequence[int]) -> Table:
    """Selected cycles ahead, with the SoH expected and the typical error."""
    title = f"{forecast.cell}: model {forecast.model}, trained on {forecast.label}, nominal {forecast.nominal_ah:g} Ah"
    table = Table(title=title)
    for name in ("cycles ahead", "SoH", "capacity, Ah", "typical error, SoH"):
        table.add_column(name, justify="right")
    for cycle in sorted({step for step in shown if step < len(forecast.ahead)} | {len(forecast.ahead)}):
        soh = forecast.ahead[cycle - 1]
        table.add_row(
            str(cycle), f"{soh:.4f}", f"{soh * forecast.nominal_ah:.4f}", f"± {forecast.error[cycle - 1]:.4f}"
        )
    return table
