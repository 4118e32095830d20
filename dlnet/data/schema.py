"""Schema of a table of cycles (pandera); the error message names the first invalid value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa

from dlnet.data.csvfiles import UNITS, Columns, location
from dlnet.data.limits import SOH_RANGE
from dlnet.errors import DataError

KEYS = ("cell", "group", "row", "nominal_ah", "capacity_ah")
"""First columns of ``cells.parquet``; features follow."""

EMPTY, INFINITE, NOT_POSITIVE, OUT_OF_RANGE = "empty", "infinite", "zero or negative", "out of range"


def cycles_schema(features: Sequence[str], nominal_ah: float) -> pa.DataFrameSchema:
    """Schema of one cell: capacity in Ah, positive and near nominal; features finite; nothing else."""
    finite = pa.Check(np.isfinite, error=INFINITE)
    low, high = (bound * nominal_ah for bound in SOH_RANGE)
    capacity = [finite, pa.Check.gt(0, error=NOT_POSITIVE), pa.Check.in_range(low, high, error=OUT_OF_RANGE)]
    columns = {"capacity_ah": pa.Column(np.float64, capacity)}
    columns |= {name: pa.Column(np.float64, finite) for name in features}
    return pa.DataFrameSchema(columns, strict=True, ordered=True)


def table_schema(features: Sequence[str]) -> pa.DataFrameSchema:
    """Schema of ``cells.parquet``: all cells, one row a cycle."""
    finite = pa.Check(np.isfinite, error=INFINITE)
    positive = [finite, pa.Check.gt(0, error=NOT_POSITIVE)]
    columns = {
        "cell": pa.Column(str),
        "group": pa.Column(str),
        "row": pa.Column(np.int64, pa.Check.ge(0)),
        "nominal_ah": pa.Column(np.float64, positive),
        "capacity_ah": pa.Column(np.float64, positive),
    }
    columns |= {name: pa.Column(np.float64, finite) for name in features}
    return pa.DataFrameSchema(columns, strict=True, ordered=True, unique=["cell", "row"])


def failures(cycles: pd.DataFrame, nominal_ah: float) -> pd.DataFrame:
    """Values of one cell that break its schema: ``line``, ``column``, ``fault``, ``value``, in file order."""
    try:
        cycles_schema(list(cycles.columns[1:]), nominal_ah).validate(cycles, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        failed = pd.DataFrame(
            {
                "line": cases["index"].astype(np.int64),
                "column": cases["column"],
                "fault": cases["check"].replace("not_nullable", EMPTY),
                "value": cases["failure_case"],
            }
        )
        return failed.sort_values("line", kind="stable", ignore_index=True)
    return pd.DataFrame({"line": [], "column": [], "fault": [], "value": []})


def check_cycles(path: Path, cycles: pd.DataFrame, columns: Columns, nominal_ah: float) -> None:
    """Raise an error for the first invalid value of a cell.

    Args:
        path: the file, for the message.
        cycles: from ``read_cycles``.
        columns: names in the file, for the message.
        nominal_ah: capacity of a new cell, Ah.

    Raises:
        DataError: an empty or infinite field, a capacity that is zero, negative, or not in the unit stated;
            names file, line and column of the first, and how many more there are.
    """
    failed = failures(cycles, nominal_ah)
    if failed.empty:
        return
    first = failed.iloc[0]
    reason = _reason(str(first["fault"]), float(first["value"]), columns, nominal_ah)
    more = failed["line"].nunique() - 1
    also = f" ({more} more lines like it)" if more else ""
    where = location(path, int(first["line"]), columns.name_in_file(first["column"]))
    raise DataError(f"{where}: {reason}{also}")


def _reason(fault: str, value: float, columns: Columns, nominal_ah: float) -> str:
    shown = f"{value / UNITS[columns.unit]:g} {columns.unit}"
    if fault == OUT_OF_RANGE:
        ratio = value / nominal_ah
        return (
            f"a capacity of {shown} is {ratio:.3g} x the nominal {nominal_ah:g} Ah, outside {SOH_RANGE[0]}-"
            f"{SOH_RANGE[1]}; {_unit_advice(ratio, columns.unit)}"
        )
    return {
        EMPTY: "empty, or not a number; fill it in or delete the line",
        INFINITE: "infinite; write a finite number or delete the line",
        NOT_POSITIVE: f"a capacity of {shown} is not above zero; delete the line (an unfinished cycle?)",
    }[fault]


def _unit_advice(ratio: float, unit: str) -> str:
    if unit == "Ah" and ratio > 50:
        return "is the column in mAh? then set data.csv.unit: mAh (params.yaml)"
    if unit == "mAh" and ratio < 0.02:
        return "is the column in Ah? then set data.csv.unit: Ah (params.yaml)"
    return "check data.csv.unit and data.csv.nominal_ah (params.yaml), or delete the line"


def read_table(path: Path) -> pd.DataFrame:
    """Read a table of all cells (``cells.parquet`` in docs/data.md).

    Raises:
        DataError: the file is missing or not Parquet; a column is missing, in another order or of another type;
            a value is invalid, or a row of a cell occurs twice; names file, row and column of the first.
    """
    import pyarrow  # not needed for a forecast from a CSV

    try:
        table = pd.read_parquet(path)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; restore it (git or dvc pull) or run dvc repro") from error
    except pyarrow.ArrowInvalid as error:
        raise DataError(f"{path}: not a Parquet file; restore it (git or dvc pull) or run dvc repro") from error
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


_TABLE_REASONS = {
    "column_in_dataframe": "missing",
    "column_in_schema": "unknown",
    "column_ordered": "not in its position",
    "dtype('int64')": "not whole numbers",
    "dtype('float64')": "not numbers",
    "dtype('str')": "not text",
}
_VALUE_REASONS = {"not_nullable": EMPTY, "multiple_fields_uniqueness": "the same row of the same cell twice"}
