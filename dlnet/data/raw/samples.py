"""Reads a raw file as samples: time in s, current in A (positive while charging), voltage in V."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlnet.data.raw import formats, resfiles
from dlnet.data.raw.formats import RawFormat
from dlnet.data.tablefiles import read_table
from dlnet.errors import DataError
from dlnet.files import printable

Array = NDArray[np.float64]

MOST_CELLS = 1000
"""Cells in one file: a column with more values is no column of cells."""

CLEAR_V = 0.02
"""Change of voltage that shows which sign of current charges, V."""

TURNED = "Current is negative while charging; its sign was turned."


@dataclass(frozen=True)
class Samples:
    """Samples of one cell, in the order of the file.

    Attributes:
        time_s, current_a, voltage_v: (samples,) s, A (positive while charging), V; NaN where a field is empty.
        capacities: what the vendor counted: quantity (``formats.CHARGE_AH``, ...) -> (samples,) Ah.
        cycle, step: (samples,) the vendor's numbers, None: it gives none.
        date_s: (samples,) absolute time, s, None: the file has none.
        notes: what was found while reading.
    """

    time_s: Array
    current_a: Array
    voltage_v: Array
    capacities: dict[str, Array] = field(default_factory=dict)
    cycle: Array | None = None
    step: Array | None = None
    date_s: Array | None = None
    notes: tuple[str, ...] = ()

    def at(self, index: NDArray[np.intp] | NDArray[np.bool_] | slice) -> Samples:
        """The samples at an index, in its order."""
        return replace(
            self,
            time_s=self.time_s[index],
            current_a=self.current_a[index],
            voltage_v=self.voltage_v[index],
            capacities={name: values[index] for name, values in self.capacities.items()},
            cycle=None if self.cycle is None else self.cycle[index],
            step=None if self.step is None else self.step[index],
            date_s=None if self.date_s is None else self.date_s[index],
        )


def read_samples(path: Path) -> tuple[RawFormat, dict[str, Samples]]:
    """Read a raw file.

    Returns:
        Its format, and name -> samples of each cell in it; a file of one cell names it by its own name.

    Raises:
        DataError: the file cannot be read, is no raw time series, holds text where a number is expected, or its
            current has no sign and no column says what charges; one line that names the file.
    """
    form = formats.recognise(path)
    if form is None:
        raise DataError(
            f"{printable(str(path))}: no time series of a cycler: needs columns of time, current and voltage, under "
            "the names of Arbin, BDF, BioLogic, Maccor or Neware, or as time_s, current_a, voltage_v"
        )
    table = resfiles.read_res(path) if resfiles.is_res(path) else read_table(path)
    channel = form.columns.get(formats.CELL)
    if channel is None or table[channel.name].nunique() <= 1:
        return form, {path.stem: _samples(path, form, table)}
    groups = table.groupby(channel.name, sort=True)
    if len(groups) > MOST_CELLS:
        raise DataError(f"{printable(str(path))}: over {MOST_CELLS} cells in column {channel.name!r}; split the file")
    return form, {f"{path.stem}-{key}": _samples(path, form, rows) for key, rows in groups}


def _samples(path: Path, form: RawFormat, table: pd.DataFrame) -> Samples:
    def numbers(quantity: str) -> Array | None:
        column = form.columns.get(quantity)
        return None if column is None else _numbers(path, table[column.name]) * column.factor

    current, voltage = numbers(formats.CURRENT), numbers(formats.VOLTAGE)
    assert current is not None and voltage is not None  # recognise() demands both  # noqa: S101
    date = form.columns.get(formats.DATE)
    date_s = None if date is None else _dates(table[date.name])
    capacities = {
        name: values
        for name in (formats.CHARGE_AH, formats.DISCHARGE_AH, formats.CAPACITY_AH)
        if (values := numbers(name)) is not None
    }
    time = _time(path, form, table, date_s)
    samples = Samples(time, current, voltage, capacities, numbers(formats.CYCLE), numbers(formats.STEP), date_s)
    state = form.columns.get(formats.STATE)
    return _signed(
        path, _without_switches(samples), None if state is None else table[state.name].astype(str).to_numpy()
    )


def _without_switches(samples: Samples) -> Samples:
    """Without the first of two samples at one time where a step ends and the next begins: many cyclers write both."""
    if samples.step is None or not samples.step.size:
        return samples
    switch = (np.diff(samples.time_s) == 0) & (np.diff(samples.step) != 0)
    return samples.at(~np.append(switch, False))


def _numbers(path: Path, column: pd.Series) -> Array:
    """A column as float64: numbers, or times such as ``01:02:03.5`` and ``1d 01:02:03`` in seconds."""
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(np.float64, na_value=np.nan)
    text = column.astype("str").str.strip()
    values = pd.to_numeric(text, errors="coerce")
    if text.str.contains(":", na=False).any():
        clock = text.str.replace(r"^(\d+)\s*d\s+", r"\1 days ", regex=True)
        values = values.fillna(pd.to_timedelta(clock, errors="coerce").dt.total_seconds())
    wrong = values.isna() & text.notna() & ~text.isin(["", "nan", "NaN"])
    if wrong.any():
        line = wrong.idxmax()
        raise DataError(
            f"{printable(str(path))}: line {line}, column {column.name!r}: {printable(str(text[line])[:40])!r} is not "
            "a number; correct it or delete the line"
        )
    return values.to_numpy(np.float64)


def _dates(column: pd.Series) -> Array | None:
    """Seconds since 1970 of a column of dates; None: they are not written in a way that is known."""
    if pd.api.types.is_numeric_dtype(column):  # days since the end of 1899, as Arbin and spreadsheets count
        return column.to_numpy(np.float64, na_value=np.nan) * 86400.0
    dates = pd.to_datetime(column, errors="coerce", format="ISO8601")
    if dates.isna().any():
        return None
    since = (dates - pd.Timestamp("1970-01-01")) / pd.Timedelta(seconds=1)
    return since.to_numpy(np.float64)


def _time(path: Path, form: RawFormat, table: pd.DataFrame, date_s: Array | None) -> Array:
    """Time of the test, s: its column, else the sum of the times of the steps, else the dates."""
    if formats.TIME in form.columns:
        column = form.columns[formats.TIME]
        return _numbers(path, table[column.name]) * column.factor
    if formats.STEP_TIME in form.columns:
        column = form.columns[formats.STEP_TIME]
        step = pd.Series(_numbers(path, table[column.name]) * column.factor)
        known = step.ffill().fillna(0.0)
        change = known.diff().fillna(0.0)
        return change.where(change >= 0, known).cumsum().where(step.notna()).to_numpy()  # below 0: a step begins
    if date_s is None:
        raise DataError(f"{printable(str(path))}: no column of time that can be read; export the time of the test in s")
    return date_s - date_s[0]


_DISCHARGES = re.compile(r"d$|(?:.*[\s_])?d(?:is)?ch|.*放电", re.IGNORECASE)
"""States of a row that discharges: D, Discharge, CC DChg, CC_DChg."""


def _signed(path: Path, samples: Samples, state: NDArray[np.object_] | None) -> Samples:
    """Samples whose current is positive while charging."""
    current = samples.current_a
    if not (current < 0).any():
        discharges = _discharges(samples, state)
        if discharges is not None:
            return replace(samples, current_a=np.where(discharges, -current, current))
        if _rises(samples, current > 0).min(initial=0.0) < -CLEAR_V:
            raise DataError(
                f"{printable(str(path))}: the current has no sign, and no column says which rows charge; export the "
                "current with a sign, or the column of the state"
            )
        return samples
    charge, discharge = _rises(samples, current > 0), _rises(samples, current < 0)
    if charge[:1].sum() - discharge[:1].sum() < 0:
        return replace(samples, current_a=-current, notes=(*samples.notes, TURNED))
    return samples


def _discharges(samples: Samples, state: NDArray[np.object_] | None) -> NDArray[np.bool_] | None:
    """Which samples discharge, by the column of states, else by the charge counted; None: neither is there."""
    if state is not None:
        return np.array([_DISCHARGES.match(text.strip()) is not None for text in state], dtype=bool)
    counted = samples.capacities.get(formats.DISCHARGE_AH)
    if counted is None or not counted.size:
        return None
    return np.diff(counted, prepend=counted[:1]) > 0


def _rises(samples: Samples, active: NDArray[np.bool_]) -> Array:
    """How far the voltage rises in each stretch of ``active`` where it changes clearly, V."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]]).astype(np.int8))).reshape(-1, 2)
    rises = samples.voltage_v[edges[:, 1] - 1] - samples.voltage_v[edges[:, 0]]
    return rises[np.abs(rises) > CLEAR_V]
