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
from dlnet.data.oddities import JUMP
from dlnet.data.stitch import Part, Stitched, stitch
from dlnet.data.tablefiles import read_table
from dlnet.errors import DataError


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


def read_asset_file(path: Path, columns: Columns, quantities: Quantities, nominal: float) -> AssetFile:
    """Read the file of one asset.

    Args:
        nominal: quantity of a new asset, in the task's unit; 1 where the target is no share of it.

    Raises:
        DataError: a column is missing, a value is invalid, cycle or time does not rise, or the file holds several
            assets; names file, line and column.
    """
    parts = read_parts([path], columns, quantities, nominal)
    if len(parts.of) > 1:
        raise DataError(
            f"{path}: holds {quantities.asset.count(len(parts.of))} (column {columns.asset!r}), and one is needed; "
            "give each a file of its own"
        )
    return _whole(path, parts, quantities, nominal)


def asset_rows(
    path: Path, asset: str, table: pd.DataFrame, columns: Columns, quantities: Quantities, nominal: float
) -> AssetFile:
    """The rows of one asset in a table whose index is the line in the file ``path``; else as ``read_asset_file``."""
    parts = Parts({}, [])
    _add(parts, path, asset, table, replace(columns, asset=None, parts=None), quantities, nominal)
    return _whole(path, parts, quantities, nominal)


def _whole(path: Path, parts: Parts, quantities: Quantities, nominal: float) -> AssetFile:
    ((asset, own),) = parts.of.items()
    out = on_grid(path, asset, join(asset, own, quantities, nominal), quantities)
    return AssetFile(out.rows, out.notes, (*parts.findings, *out.findings))


def read_parts(files: Iterable[Path], columns: Columns, quantities: Quantities, nominal: float) -> Parts:
    """Read files, and divide their rows by asset.

    Raises:
        DataError: as ``read_asset_file``, of several assets apart.
    """
    parts = Parts({}, [])
    for path in files:
        group = asset_of_file(path, columns.parts)
        if group is None:
            group = path.stem
            text = f"the name of {path.name} does not match data.csv.parts: taken as an asset of its own"
            parts.findings.append(Finding(asset=group, rows=(), kind=Kind.FILES, text=text))
        _add(parts, path, group, read_table(path), columns, quantities, nominal)
    return parts


def _add(
    parts: Parts, path: Path, group: str, table: pd.DataFrame, columns: Columns, quantities: Quantities, nominal: float
) -> None:
    """Divide the rows of a file by asset; ``group``: the asset, where no column names it."""
    rows = rows_of(path, table, columns, quantities.target.units[columns.unit])
    cycle = rows.pop(CYCLE) if columns.cycle is not None else None
    names = rows.pop(ASSET) if columns.asset is not None else pd.Series(group, index=rows.index)
    if columns.asset is not None and columns.parts is not None:
        names = group + "-" + names
    schema.check_rows(path, rows, columns, quantities.target, nominal)
    for asset, own in rows.groupby(names.to_numpy(), sort=False):
        part = Part(path, own, None if cycle is None else cycle[own.index])
        _check_order(part, columns)
        parts.of.setdefault(str(asset), []).append(part)
        parts.findings += _hints(str(asset), columns, table.loc[own.index])


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
