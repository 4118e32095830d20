"""Which tables of rows make sense (that of all assets by a pandera schema); errors name the first invalid value."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pydantic import ValidationError

from dlnet.config.quantities import Target
from dlnet.data.csvfiles import IN_PARAMS, QUANTITY, Columns, Settings, location
from dlnet.data.documents import TableLabel
from dlnet.data.tablefiles import parquet_errors, read_parquet
from dlnet.errors import DataError
from dlnet.files import LARGEST, printable, write_parquet

KEYS = ("asset", "group", "row", "nominal", QUANTITY)
"""First columns of ``assets.parquet``; features follow."""

METADATA = b"dlnet"
"""Key of a table's label in the metadata of its Parquet file."""

REMEDY = "restore it (git or dvc pull) or run dvc repro"

EMPTY, INFINITE, NOT_POSITIVE, OUT_OF_RANGE = "empty", "infinite", "zero or negative", "out of range"


def table_schema(features: Sequence[str]) -> pa.DataFrameSchema:
    """Schema of ``assets.parquet``: all assets, one row a step of time; what was not measured is NaN."""
    finite = pa.Check(np.isfinite, error=INFINITE)
    columns = {
        "asset": pa.Column(str),
        "group": pa.Column(str),
        "row": pa.Column(np.int64, pa.Check.ge(0)),
        "nominal": pa.Column(np.float64, [finite, pa.Check.gt(0, error=NOT_POSITIVE)]),
        QUANTITY: pa.Column(np.float64, finite, nullable=True),
    }
    columns |= {name: pa.Column(np.float64, finite, nullable=True) for name in features}
    return pa.DataFrameSchema(columns, strict=True, ordered=True, unique=["asset", "row"])


def failures(rows: pd.DataFrame, target: Target, nominal: float, gaps: Collection[str] = ()) -> pd.DataFrame:
    """Values of one asset that make no sense: ``line``, ``column``, ``fault``, ``value``, in file order.

    The quantity must be within its range, and positive if it is a share; what is infinite is a fault everywhere. These
    checks run once an asset, of which a fleet has thousands: in NumPy they take a fiftieth of pandera's time.

    Args:
        rows: float64; the index is the line in the file. gaps: columns whose fields may be empty.
    """
    values, names = rows.to_numpy(np.float64), rows.columns
    of_target, low, high = names == QUANTITY, *(bound * nominal for bound in target.range)
    faults = {
        EMPTY: np.isnan(values) & ~names.isin(list(gaps)),
        INFINITE: np.isinf(values),
        NOT_POSITIVE: (values <= 0) & of_target & target.over_nominal,
        OUT_OF_RANGE: ((values < low) | (values > high)) & of_target,
    }
    line, column = np.nonzero(np.logical_or.reduce(list(faults.values())))
    return pd.DataFrame(
        {
            "line": rows.index[line],
            "column": names[column],
            "fault": np.select([fault[line, column] for fault in faults.values()], list(faults), ""),
            "value": values[line, column],
        }
    )


def check_rows(
    path: Path,
    rows: pd.DataFrame,
    columns: Columns,
    target: Target,
    nominal: float,
    settings: Settings = IN_PARAMS,
) -> None:
    """Raise an error for the first invalid value of an asset.

    A feature may be missing in a row. So may the target where only check-ups measure it, but not in all rows.

    Args:
        path: the file, for the message.
        rows: from ``read_rows``.
        columns: names in the file, for the message.
        target: of the task. nominal: quantity of a new asset, in the task's unit; 1 where the target is no share.
        settings: where unit and nominal value are given, for the message.

    Raises:
        DataError: an empty target or time, an infinite field, a quantity out of range or not in the unit stated; names
            file, line and column of the first, and how many more there are.
    """
    check_ups = columns.labels == "check_up"
    if check_ups and QUANTITY in rows and rows[QUANTITY].isna().all():
        column = columns.name_in_file(QUANTITY)
        raise DataError(
            f"{path}: column {column!r}: empty in every row; one at least must measure it, or delete the file"
        )
    failed = failures(rows, target, nominal, [*columns.features, *([QUANTITY] if check_ups else [])])
    if failed.empty:
        return
    first = failed.iloc[0]
    reason = _reason(str(first["fault"]), float(first["value"]), columns, target, nominal, settings)
    if first["fault"] == EMPTY and first["column"] == QUANTITY and settings is IN_PARAMS:
        reason += "; if only check-ups measure it, set data.csv.labels: check_up (params.yaml)"
    more = failed["line"].nunique() - 1
    also = f" ({more} more lines like it)" if more else ""
    where = location(path, int(first["line"]), columns.name_in_file(first["column"]), rows.index)
    raise DataError(f"{where}: {reason}{also}")


def _reason(fault: str, value: float, columns: Columns, target: Target, nominal: float, settings: Settings) -> str:
    shown = f"a {target.quantity} of {value / target.size_of(columns.unit, nominal):g} {columns.unit}"
    if fault == OUT_OF_RANGE:
        low, high = target.range
        over = f" is {value / nominal:.3g} x the nominal {nominal:g} {target.unit}," if target.over_nominal else " is"
        return f"{shown}{over} outside {low:g}-{high:g}; {_unit_advice(value, nominal, columns.unit, target, settings)}"
    return {
        EMPTY: "empty, or not a number; fill it in or delete the line",
        INFINITE: "infinite; write a finite number or delete the line",
        NOT_POSITIVE: f"{shown} is not above zero; delete the line (an unfinished measurement?)",
    }[fault]


def _unit_advice(value: float, nominal: float, unit: str, target: Target, settings: Settings) -> str:
    low, high = target.range
    size = target.size_of(unit, nominal)
    for share, share_size in target.shares.items():
        if unit in target.shares and share != unit and low <= value / size * share_size <= high:
            return f"is the column in {share}? then {settings.unit.format(unit=share)}"
    nominal_too = ""
    if target.over_nominal and unit in target.other_units and low <= value / (nominal * size) <= high:
        nominal_too = f"; or is {settings.nominal_name} in {unit}? then give it in {target.unit}: {nominal * size:g}"
    for other, other_size in target.units.items():
        if unit in target.units and other != unit and low <= value / nominal / size * other_size <= high:
            return f"is the column in {other}? then {settings.unit.format(unit=other)}{nominal_too}"
    also = f" and {settings.nominal_name}" if target.over_nominal else ""
    place = " (params.yaml)" if settings is IN_PARAMS else ""
    return f"check {settings.unit_name}{also}{place}, or delete the line"


def read_label(path: Path) -> TableLabel:
    """The label of a table of all assets.

    Raises:
        DataError: the file is missing or not Parquet, or has no such label.
    """
    with parquet_errors(path, REMEDY):
        import pyarrow.parquet

        metadata = pyarrow.parquet.read_schema(path).metadata or {}
    if METADATA not in metadata:
        raise DataError(f"{path}: no key 'dlnet' in its metadata, which names task and origin (docs/data.md)")
    try:
        return TableLabel.model_validate_json(metadata[METADATA])
    except ValidationError as error:
        first = error.errors()[0]
        what = ": ".join(printable(str(part))[:200] for part in [*first["loc"], first["msg"]])
        raise DataError(f"{path}: its key 'dlnet' is not a label of a table: {what} (docs/data.md)") from error


def write_table(path: Path, table: pd.DataFrame, label: TableLabel) -> None:
    """Write a table of all assets with its label, so that ``read_table`` and ``read_label`` read it."""
    write_parquet(path, table, {METADATA: label.model_dump_json().encode()})


def read_table(path: Path) -> pd.DataFrame:
    """Read a table of all assets (``assets.parquet`` in docs/data.md).

    Raises:
        DataError: the file is missing or not Parquet; a column is missing, in another order or of another type;
            a value is invalid, or a row of an asset occurs twice; names file, row and column of the first.
    """
    # Without what pandas noted in the file: names and types of columns are checked here.
    with parquet_errors(path, REMEDY):
        table = read_parquet(path, REMEDY, LARGEST).to_pandas(ignore_metadata=True)
    _check_table(path, table)
    return table


def _check_table(path: Path, table: pd.DataFrame) -> None:
    features = [name for name in table.columns if name not in KEYS]
    try:
        table_schema(features).validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        # A missing column, or one of another type, is reported first: it explains errors of its values.
        first = cases.loc[cases["check"].isin(_TABLE_REASONS).sort_values(ascending=False, kind="stable").index[0]]
        row = "" if pd.isna(first["index"]) else f" row {first['index']},"
        column = first["failure_case"] if pd.isna(first["column"]) else first["column"]
        reason = (_TABLE_REASONS | _VALUE_REASONS).get(first["check"], first["check"])
        raise DataError(f"{path}:{row} column {column!r}: {reason}; create the file again (docs/data.md)") from error


def check_target(path: Path, table: pd.DataFrame, target: Target) -> None:
    """Raise an error for the first row of a table of all assets whose target the task rules out.

    Raises:
        DataError: no target, one out of its range or, if it is a share, not above zero; or a nominal value other than 1
            though it is no share; names file, row and column.
    """
    (low, high), quantity = target.range, table[QUANTITY]
    of_new = f"not 1, though {target.symbol} is no share of a nominal value"
    faults = [
        ("nominal", of_new, (table["nominal"] != 1.0) & (not target.over_nominal)),
        (QUANTITY, EMPTY, quantity.isna()),
        (QUANTITY, NOT_POSITIVE, (quantity <= 0) & target.over_nominal),
        (QUANTITY, f"{target.symbol} outside {low:g}-{high:g}", ~(quantity / table["nominal"]).between(low, high)),
    ]
    for column, reason, wrong in faults:
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise DataError(f"{path}: row {row}, column {column!r}: {reason}; create the file again (docs/data.md)")


_TABLE_REASONS = {
    "column_in_dataframe": "missing",
    "column_in_schema": "unknown",
    "column_ordered": "not in its position",
    "dtype('int64')": "not whole numbers",
    "dtype('float64')": "not numbers",
    "dtype('str')": "not text",
}
_VALUE_REASONS = {"not_nullable": EMPTY, "multiple_fields_uniqueness": "the same row of the same asset twice"}
