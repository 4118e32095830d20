"""``dlnet forecast``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlnet.cli.arguments import (
    OUTSIDE,
    UNNAMED,
    Columns,
    Model,
    ModelArgument,
    Nominal,
    Out,
    Unit,
    commands,
    example,
    file_layout,
)

if TYPE_CHECKING:
    from dlnet.forecast.ranking import Fleet

SHOWN = (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)  # rows ahead that the table prints
LINES = 30  # assets that the table of many prints
COUNTED = 100  # forecasts from which on it is said how many were made a minute
MANY = ("assets.csv", "forecasts.csv", "forecasts.html")  # files of more than one asset


app = commands()


@app.command(
    epilog=example(
        "dlnet forecast FILE.csv --model models/edge/NAME",
        "dlnet forecast FOLDER fleet.parquet --end-of-life 0.7",
        'dlnet forecast FILE.csv --nominal 2.5 --column target=Qd --unit mAh --column "CV Q=cv_mah"',
    )
)
def forecast(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="files, folders, tables of several assets; oldest row first")
    ],
    model: Model = UNNAMED,
    nominal: Nominal = None,
    unit: Unit = None,
    column: Columns = None,
    end_of_life: Annotated[
        float | None, typer.Option(metavar="VALUE", help="of the target when worn out; default: the task's")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="processes that read; default: the cores")
    ] = None,
    out: Out = Path("forecasts"),
) -> None:
    """Forecast the next rows of assets: table, CSV, page.

    The columns are those that the model was trained on, unless options name others.
    """
    from dlnet.cli.models import chosen, opened
    from dlnet.errors import DataError
    from dlnet.forecast.fleet import forecast_fleet

    model, begun = chosen(model), time.monotonic()
    with opened(model) as loaded:
        fleet = forecast_fleet(paths, loaded, file_layout(nominal, unit, column), end_of_life, jobs)
    if not fleet.forecasts and len(fleet.refused) == 1:
        raise DataError(fleet.refused[0].reason)
    if fleet.forecasts:
        _written(fleet, out, model)
        _speed(fleet, time.monotonic() - begun)
    for refused in fleet.refused[LINES:] if fleet.forecasts else fleet.refused:
        print(f"{refused.name}: {refused.reason}", file=sys.stderr)
    if fleet.refused:
        count = len(fleet.refused) + len(fleet.forecasts)
        raise DataError(f"{len(fleet.refused)} of {count} not forecast; correct these files, or leave them out")
    if fleet.unlike:
        raise typer.Exit(OUTSIDE)


def _written(fleet: Fleet, out: Path, model: ModelArgument) -> None:
    (_one if fleet.alone else _many)(fleet, out, model)


def _speed(fleet: Fleet, seconds: float) -> None:
    count = len(fleet.forecasts)
    if count >= COUNTED:
        many = fleet.forecasts[0].quantities.asset.many
        print(f"{count:,} {many} in {seconds:.0f} s: {60 * count / seconds:,.0f} a minute")


def _one(fleet: Fleet, out: Path, model: ModelArgument) -> None:
    """Table, CSV, picture and page of one asset."""
    from dlnet.files import write_text
    from dlnet.forecast import draw
    from dlnet.forecast.outside import said
    from dlnet.outputs import added_files
    from dlnet.outputs.names import file_name
    from dlnet.plots.style import figure_style, save_figure
    from dlnet.report.forecasts import forecast_page
    from dlnet.report.tables import forecast_table, show

    (result,) = fleet.forecasts
    names = [f"{file_name(result.asset)}{suffix}" for suffix in (".csv", ".png", ".html")]
    with added_files(out, names, "dlnet forecast", model.folders) as folder:
        table, picture, page = (folder / name for name in names)
        with figure_style():
            save_figure(draw(result), picture)
            write_text(page, forecast_page(fleet, draw(result)))
        result.table().to_csv(table, index=False, float_format="%.6f")
    show(forecast_table(result, SHOWN))
    words = result.quantities
    if fleet.threshold is not None:
        steps = fleet.steps_to_end(result)
        when = "beyond the forecast" if steps is None else f"in {words.time.count(steps)}"
        print(f"End of life ({words.target.symbol} {fleet.threshold:g}): {when}")
    for line in said(result.outside):
        print(line)
    for note in result.notes:
        print(note)
    print(f"Every {words.time.one}: {out / names[0]}   Picture: {out / names[1]}   Page: {out / names[2]}")


def _many(fleet: Fleet, out: Path, model: ModelArgument) -> None:
    """Table, CSV files and page of several assets."""
    from dlnet.files import write_text
    from dlnet.forecast.picture import draw_fleet
    from dlnet.outputs import added_files
    from dlnet.plots.style import figure_style
    from dlnet.report.forecasts import forecast_page, summary
    from dlnet.report.tables import fleet_table, show

    with added_files(out, MANY, "dlnet forecast", model.folders) as folder:
        assets, steps, page = (folder / name for name in MANY)
        fleet.assets().to_csv(assets, index=False, float_format="%.6f")
        fleet.steps().to_csv(steps, index=False, float_format="%.6f")
        with figure_style():
            write_text(page, forecast_page(fleet, draw_fleet(fleet)))
    show(fleet_table(fleet, LINES))
    if len(fleet.forecasts) > LINES:
        print(f"The first {LINES} of {len(fleet.forecasts)}; all of them: {out / MANY[0]}")
    print("\n".join(summary(fleet)))
    print(f"Ranking: {out / MANY[0]}   Every step: {out / MANY[1]}   Page: {out / MANY[2]}")
