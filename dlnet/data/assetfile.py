"""Files of assets: read, checked, split by asset, stitched, and put on the task's grid of time."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from dlnet.config.quantities import Quantities
from dlnet.data import grid, order, schema
from dlnet.data.csvfiles import ASSET, CYCLE, TIME, Columns, rows_of
from dlnet.data.findings import Finding, Kind
from dlnet.data.include import included, not_included
from dlnet.data.oddities import JUMP
from dlnet.data.stitch import Part, Stitched, stitch
from dlnet.data.tablefiles import NOTES, read_table


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


def asset_rows(
    path: Path, name: str, table: pd.DataFrame, columns: Columns, quantities: Quantities, nominal: float
) -> AssetFile:
    """Rows of one asset, one a step of time.

    Args:
        table: its rows, the index is the line in the file ``path``. name: of the asset.
        nominal: quantity of a new asset, in the task's unit; 1 where the target is no share of it.

    Raises:
        DataError: a column is missing, a value is invalid, or cycle or time does not rise; names file, line and column.
    """
    one = replace(columns, asset=None, parts=None)
    rows, cycle = _checked(path, table, one, quantities, nominal)
    left_out = not_included(name, table.index, rows.index)
    part = Part(path, rows, cycle)
    _check_order(part, one)
    out = on_grid(path, name, join(name, [part], quantities, nominal), quantities)
    return replace(out, findings=(*left_out, *_hints(name, one, table.loc[rows.index]), *out.findings))


def _checked(
    path: Path, table: pd.DataFrame, columns: Columns, quantities: Quantities, nominal: float
) -> tuple[pd.DataFrame, pd.Series | None]:
    """Values of a file's ageing cycles, every one of which makes sense, and what orders its rows."""
    if columns.include is not None and len(table):
        table = table[included(path, table, columns.include)]
    rows = rows_of(path, table, columns, quantities.target.units[columns.unit])
    cycle = rows.pop(CYCLE) if columns.cycle is not None else None
    schema.check_rows(path, rows.drop(columns=ASSET, errors="ignore"), columns, quantities.target, nominal)
    return rows, cycle


def read_parts(files: Iterable[Path], columns: Columns, quantities: Quantities, nominal: float) -> Parts:
    """Read files, and divide their rows by asset.

    Raises:
        DataError: a file cannot be read, or as ``asset_rows``.
    """
    parts = Parts({}, [])
    for path in files:
        group = asset_of_file(path, columns.parts)
        if group is None:
            group = path.stem
            text = f"the name of {path.name} does not match data.csv.parts: taken as an asset of its own"
            parts.findings.append(Finding(asset=group, rows=(), kind=Kind.FILES, text=text))
        table = read_table(path)
        parts.findings += [Finding(asset=group, rows=(), kind=Kind.FILE, text=note) for note in table.attrs[NOTES]]
        rows, cycle = _checked(path, table, columns, quantities, nominal)
        parts.findings += not_included(group, table.index, rows.index)
        names = rows.pop(ASSET) if columns.asset is not None else pd.Series(group, index=rows.index)
        if columns.asset is not None and columns.parts is not None:
            names = group + "-" + names
        for asset, own in rows.groupby(names.to_numpy(), sort=False):
            part = Part(path, own, None if cycle is None else cycle[own.index])
            _check_order(part, columns)
            parts.of.setdefault(str(asset), []).append(part)
            parts.findings += _hints(str(asset), columns, table.loc[own.index])
    return parts


def asset_of_file(path: Path, pattern: str | None) -> str | None:
    """Name of the asset in the name of a file, with or without suffix; None: the pattern does not match."""
    if pattern is None:
        return path.stem
    match = re.fullmatch(pattern, path.stem) or re.fullmatch(pattern, path.name)
    return (match["asset"] or None) if match else None


def _check_order(part: Part, columns: Columns) -> None:
    if part.cycle is not None:
        order.check_rising(part.path, str(columns.cycle), part.cycle)
    if TIME in part.rows:
        grid.check_rising(part.path, part.rows.index, part.rows[TIME].to_numpy())


def _hints(asset: str, columns: Columns, table: pd.DataFrame) -> list[Finding]:
    """Without a column that orders rows: what one that looks like it says."""
    name = order.cycle_like(map(str, table.columns)) if columns.cycle is None and columns.time is None else None
    if name is None or list(table.columns).count(name) > 1 or name in {columns.target, *columns.features.values()}:
        return []
    found = order.hint(asset, name, table[name])
    return [] if found is None else [found]


def join(asset: str, parts: list[Part], quantities: Quantities, nominal: float) -> Stitched:
    """All rows of an asset, as measured, and what its numbers say; errors as ``stitch``."""
    whole = stitch(asset, parts, JUMP * quantities.cleaning.target * nominal)
    gaps = [] if whole.cycle is None else order.gaps(asset, whole.cycle)
    return Stitched(whole.rows, whole.cycle, (*whole.findings, *gaps))


def on_grid(path: Path, asset: str, whole: Stitched, quantities: Quantities) -> AssetFile:
    """Rows on the task's grid of time, if they have a time; ``path``: for messages."""
    if TIME not in whole.rows:
        return AssetFile(whole.rows, (), whole.findings)
    rows = whole.rows.copy()
    time = rows.pop(TIME).to_numpy()
    regular = grid.regular(path, rows, time, quantities.time.step, quantities.time.largest_gap)
    notes = (grid.describe(asset, regular.gaps, quantities.time.unit),) if regular.gaps else ()
    return AssetFile(regular.table, notes, whole.findings)


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts ``battery-2`` before ``battery-10``."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]
