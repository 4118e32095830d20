"""Files of assets: read, checked, split by asset, stitched, and put on the task's grid of time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from dlnet.config.quantities import Quantities
from dlnet.data import grid, order, schema
from dlnet.data.csvfiles import ASSET, CYCLE, IN_PARAMS, QUANTITY, TIME, Columns, Settings, rows_of
from dlnet.data.dates import date_of
from dlnet.data.findings import Finding, Kind, counted
from dlnet.data.include import included, not_included
from dlnet.data.oddities import JUMP
from dlnet.data.ownnames import own_names, own_nominal
from dlnet.data.partnames import asset_of_file
from dlnet.data.raw.stored import stored_findings
from dlnet.data.stitch import Part, Stitched, stitch
from dlnet.data.tablefiles import METADATA, NOTES, read_table

NAMED = 5
"""Files that a finding lists."""


@dataclass(frozen=True)
class AssetFile:
    """Rows of one asset, one a step of time.

    Attributes:
        rows: ``quantity`` in the task's unit, and features. notes: what readers of results should know.
        findings: what is odd about its files.
    """

    rows: pd.DataFrame
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]


@dataclass
class Parts:
    """Parts of each asset, in the order in which assets appear, and what was found in their files."""

    of: dict[str, list[Part]]
    findings: list[Finding]


@dataclass(frozen=True)
class Piece:
    """Rows of one asset as they stand in one file.

    Attributes:
        table: the index is the line in the file. nominal: quantity of a new asset, in the task's unit; 1 where the
            target is no share of it.
    """

    path: Path
    table: pd.DataFrame
    columns: Columns
    nominal: float


def asset_rows(name: str, pieces: Sequence[Piece], quantities: Quantities, settings: Settings = IN_PARAMS) -> AssetFile:
    """Rows of one asset, one a step of time.

    Args:
        name: of the asset. pieces: one or more, in natural order of their files' names.
        settings: where a user says what the columns are, for messages.

    Raises:
        DataError: a column is missing, a value is invalid, cycle or time does not rise, or pieces do not fit; names
            file, line and column.
    """
    parts: list[Part] = []
    notes: list[str] = []
    findings: list[Finding] = []
    for piece in pieces:
        one = replace(piece.columns, asset=None, parts=None)
        rows, left_out = _ageing(piece.path, name, piece.table, one)
        part = _part(piece.path, rows, one, quantities, piece.nominal, settings)
        parts.append(replace(part, excluded=_excluded(piece.table, rows, one)))
        notes += piece.table.attrs.get(NOTES, ())
        findings += [*left_out, *_hints(name, one, rows)]
    out = on_grid(pieces[0].path, name, join(name, parts, quantities), pieces[0].columns, quantities)
    return replace(out, notes=(*notes, *out.notes), findings=(*findings, *out.findings))


def _ageing(path: Path, asset: str, table: pd.DataFrame, columns: Columns) -> tuple[pd.DataFrame, list[Finding]]:
    """Rows that ``data.csv.include`` leaves, and what it leaves out."""
    if columns.include is None or table.empty:
        return table, []
    rows = table[included(path, table, columns.include)]
    return rows, list(not_included(asset, table.index, rows.index))


def _excluded(table: pd.DataFrame, kept: pd.DataFrame, columns: Columns) -> tuple[float, ...]:
    """Cycle numbers of rows that ``data.csv.include`` leaves out."""
    if columns.cycle is None or len(kept) == len(table):
        return ()
    numbers = order.parsed(table[columns.cycle][~table.index.isin(kept.index)])
    return tuple(numbers.dropna()) if numbers.dtype == np.float64 else ()


def _part(
    path: Path, table: pd.DataFrame, columns: Columns, quantities: Quantities, nominal: float, settings: Settings
) -> Part:
    """Rows of one asset in one file, all of which make sense and stand in order."""
    factor = quantities.target.size_of(columns.unit, nominal)
    rows = rows_of(path, table, columns, factor, settings, quantities.time.unit)
    cycle = rows.pop(CYCLE) if columns.cycle is not None else None
    schema.check_rows(path, rows, columns, quantities.target, nominal, settings)
    if cycle is not None:
        order.check_rising(path, str(columns.cycle), cycle)
    if TIME in rows:
        grid.check_rising(path, rows.index, rows[TIME].to_numpy())
    dated = columns.time is not None and order.are_dates(table[columns.time])
    return Part(path, rows, cycle, nominal, dated)


def read_parts(
    files: Iterable[Path],
    columns: Columns,
    quantities: Quantities,
    nominal: float,
    read: Callable[[Path], pd.DataFrame] = read_table,
) -> Parts:
    """Read files, and divide their rows by asset.

    Args:
        read: gives the table of a file, as ``read_table``.

    Raises:
        DataError: a file cannot be read, its nominal value is not that of another part, or as ``asset_rows``.
    """
    parts, alone = Parts({}, []), list[Path]()
    for path in files:
        group = asset_of_file(path, columns.parts)
        if group is None:
            group = path.stem
            alone.append(path)
        table = read(path)
        parts.findings += [Finding(asset=group, rows=(), kind=Kind.FILE, text=note) for note in table.attrs[NOTES]]
        parts.findings += stored_findings(path, table.attrs.get(METADATA, {}))
        own = own_names(table.columns, columns, quantities.target)
        for asset, all_rows in _by_asset(path, group, table, own):
            rows, left_out = _ageing(path, asset, all_rows, own)
            stated = own_nominal(path, rows, own, quantities.target) or nominal
            part = _part(path, rows, replace(own, asset=None), quantities, stated, IN_PARAMS)
            parts.of.setdefault(asset, []).append(replace(part, excluded=_excluded(all_rows, rows, own)))
            parts.findings += [*left_out, *_hints(asset, own, rows)]
    parts.findings += _alone(alone)
    return parts


def _alone(files: Sequence[Path]) -> list[Finding]:
    """One finding on all files that are no parts of an asset, so that it hides no other of its kind."""
    if not files:
        return []
    names = ", ".join(path.name for path in files[:NAMED]) + (", ..." if len(files) > NAMED else "")
    text = f"data.csv.parts matches {counted(len(files), 'name')} not; it is taken as the name of the asset: {names}"
    return [Finding(asset=files[0].stem, rows=(), kind=Kind.FILES, text=text)]


def _by_asset(path: Path, group: str, table: pd.DataFrame, columns: Columns) -> Iterable[tuple[str, pd.DataFrame]]:
    """Names of the assets in a file, and their rows; ``group``: what the file's name says."""
    if columns.asset is None or table.empty:  # which is an error below
        return [(group, table)]
    only = Columns(None, columns.unit, None, {}, asset=columns.asset)
    names = rows_of(path, table, only, 1.0)[ASSET]
    if columns.parts is not None:
        names = group + "-" + names
    return [(str(asset), rows) for asset, rows in table.groupby(names.to_numpy(), sort=False)]


def _hints(asset: str, columns: Columns, table: pd.DataFrame) -> list[Finding]:
    """Without a column that orders rows: what one that looks like it says."""
    name = order.order_like(map(str, table.columns)) if columns.cycle is None and columns.time is None else None
    if name is None or list(table.columns).count(name) > 1 or name in {columns.target, *columns.features.values()}:
        return []
    found = order.hint(asset, name, table[name])
    return [] if found is None else [found]


def join(asset: str, parts: list[Part], quantities: Quantities) -> Stitched:
    """All rows of an asset, as measured, and what its numbers say; errors as ``stitch``."""
    whole = stitch(asset, parts, JUMP * quantities.cleaning.target * parts[0].nominal)
    excluded = [number for part in parts for number in part.excluded]
    gaps = [] if whole.cycle is None else order.gaps(asset, whole.cycle, excluded)
    return replace(whole, findings=(*whole.findings, *gaps))


def on_grid(path: Path, asset: str, whole: Stitched, columns: Columns, quantities: Quantities) -> AssetFile:
    """Rows on the task's grid of time, if they have a time; ``path``: for messages."""
    if TIME not in whole.rows:
        return AssetFile(whole.rows, (), whole.findings)
    rows = whole.rows.copy()
    time = rows.pop(TIME).to_numpy()
    points = (QUANTITY,) if columns.labels == "check_up" else ()
    regular = grid.regular(path, rows, time, quantities.time.step, quantities.time.largest_gap, points)
    unit = quantities.time.unit
    shown = partial(date_of, unit=unit) if whole.dated else None
    notes = (grid.describe(asset, regular.gaps, unit, shown),) if regular.gaps else ()
    return AssetFile(regular.table, notes, whole.findings)


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts ``battery-2`` before ``battery-10``."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]
