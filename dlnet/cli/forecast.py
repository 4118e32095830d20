"""``dlnet forecast``."""

from __future__ import annotations

from pathlib import Path

from dlnet.cli.arguments import (
    REGISTERED,
    AssetFile,
    Columns,
    Model,
    Nominal,
    Out,
    Unit,
    commands,
    example,
    file_layout,
)

SHOWN = (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)  # rows ahead that the table prints


app = commands()


@app.command(
    epilog=example(
        "dlnet forecast FILE.csv --model models/edge/NAME",
        'dlnet forecast FILE.csv --nominal 2.5 --column target=Qd --unit mAh --column "CV Q=cv_mah"',
    )
)
def forecast(
    file: AssetFile,
    model: Model = REGISTERED,
    nominal: Nominal = None,
    unit: Unit = None,
    column: Columns = None,
    out: Out = Path("forecasts"),
) -> None:
    """Forecast an asset's next rows: table, CSV file, picture.

    The file's columns are those that the model was trained on, unless options name others.
    """
    from dlnet.cli.models import opened
    from dlnet.forecast import draw
    from dlnet.forecast import forecast as run
    from dlnet.outputs import added_files
    from dlnet.plots.style import figure_style, save_figure
    from dlnet.report.tables import forecast_table, show

    with opened(model) as loaded:
        result = run(file, loaded, file_layout(nominal, unit, column))
    picture, table = f"{result.asset}.png", f"{result.asset}.csv"
    with added_files(out, (picture, table), "dlnet forecast", model.folders) as folder:
        with figure_style():
            save_figure(draw(result), folder / picture)
        result.table().to_csv(folder / table, index=False, float_format="%.6f")
    show(forecast_table(result, SHOWN))
    for note in result.notes:
        print(note)
    print(f"Every {result.quantities.time.one}: {out / table}   Picture: {out / picture}")
