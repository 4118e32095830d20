"""A user's folder: which files are read, which of them make up one asset, and assets that stand there twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os.path import commonpath
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from dlnet.config.quantities import Quantities
from dlnet.data.assetfile import join, natural, on_grid, read_parts
from dlnet.data.csvfiles import QUANTITY, TIME, Columns
from dlnet.data.findings import Finding
from dlnet.data.identity import twins
from dlnet.data.stitch import Part, Stitched
from dlnet.data.tablefiles import SUFFIXES, read_table
from dlnet.errors import DataError
from dlnet.files import printable, sha256

NAMED = 5
"""Files that a note lists."""

NO_CELLS = (".", "~$", "__MACOSX")
"""Beginnings of names of files and folders that programs leave beside a user's own: none holds an asset."""


@dataclass(frozen=True)
class Folder:
    """All assets of a folder: their table, notes for readers of results, and what is odd about them."""

    table: pd.DataFrame
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]


def read_folder(
    folder: Path,
    columns: Columns,
    quantities: Quantities,
    nominal: float,
    tables: Mapping[Path, pd.DataFrame] | None = None,
) -> Folder:
    """Read all assets of a folder, in natural order of their names.

    Args:
        tables: file -> its table, of all files that ``asset_files`` gives; None: they are read.
        nominal: quantity of a new asset, in the task's unit; 1 where the target is no share of it.

    Raises:
        DataError: a file cannot be used, an asset stands there twice, or parts do not fit; names the files.
    """
    files = asset_files(folder) if tables is None else list(tables)
    if columns.parts is None and columns.asset is None:
        _check_namesakes(files)
    bar = tqdm(files, desc="reading", unit="file", leave=False)
    parts = read_parts(bar, columns, quantities, nominal, read_table if tables is None else tables.__getitem__)
    keys = {asset: (natural(_group(folder, own)), natural(asset)) for asset, own in parts.of.items()}
    assets = sorted(parts.of, key=keys.__getitem__)
    whole = {asset: join(asset, parts.of[asset], quantities) for asset in assets}
    _check_twins(parts.of, whole)
    keyed_rows, notes, findings = [], [*_several(parts.of, quantities), *_not_read(folder)], list(parts.findings)
    for asset, rows in whole.items():
        own = on_grid(parts.of[asset][0].path, asset, rows, columns, quantities)
        keyed_rows.append(keyed(own.rows, asset, _group(folder, parts.of[asset]), parts.of[asset][0].nominal))
        notes += own.notes
        findings += own.findings
    return Folder(pd.concat(keyed_rows, ignore_index=True), tuple(notes), tuple(findings))


def asset_files(folder: Path) -> list[Path]:
    """Files of a user's folder in natural order; an asset that is there twice would leak from training into test.

    Raises:
        DataError: there is no such folder or no file in it, two are the same, or a name has a control character.
    """
    if folder.is_file():
        raise DataError(
            f"{folder}: a file, and data.path (params.yaml) names a folder with the files of all assets; put it into "
            "one, or set data.source: embedded if it is the project's table of all"
        )
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; data.path must name a folder with the files of all assets")
    files = [named_plainly(path) for path in own_files(folder) if path.suffix.lower() in SUFFIXES and path.is_file()]
    files.sort(key=lambda path: (natural(path.parent.as_posix()), natural(path.stem)))
    if not files:
        raise DataError(
            f"{folder}: no file of a table in it ({', '.join(SUFFIXES)}); put the files of all assets there"
        )
    contents: dict[str, Path] = {}
    for path in files:
        twin = contents.setdefault(sha256(path), path)
        if twin != path:
            raise DataError(f"{path}: the same content as {twin}; delete one of them (each asset must be there once)")
    return files


def _check_namesakes(files: Sequence[Path]) -> None:
    """Where each file is an asset, no two can have the same name."""
    names: dict[str, Path] = {}
    for path in files:
        namesake = names.setdefault(path.stem, path)
        if namesake != path:
            raise DataError(f"{path}: the same name as {namesake}; rename one of them")


def other_files(folder: Path) -> list[Path]:
    """What lies in a user's folder and is no table that can be read: files of other kinds, folders named as tables."""
    return sorted(path for path in own_files(folder) if path.is_file() != (path.suffix.lower() in SUFFIXES))


def _not_read(folder: Path) -> list[str]:
    """A note on what lies in the folder and is not read; none where all is."""
    names = [printable(path.relative_to(folder).as_posix()) for path in other_files(folder)]
    if not names:
        return []
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return [
        f"Not read, as they are no tables of a kind that can be read: {', '.join(names[:NAMED])}{more}; "
        "if they hold measurements, unpack them or save them as CSV."
    ]


def own_files(folder: Path) -> Iterator[Path]:
    """Files and folders in a user's folder, in it and below, but for what programs leave behind (``NO_CELLS``)."""
    for path in folder.rglob("*"):
        if not any(part.startswith(NO_CELLS) for part in path.relative_to(folder).parts):
            yield path


def named_plainly(path: Path) -> Path:
    """The file; names of files and folders are those of assets and groups, in every report."""
    if not str(path).isprintable():
        raise DataError(f"{printable(str(path))}: a control character in its name; rename it")
    return path


def _group(folder: Path, parts: Sequence[Part]) -> str:
    """The sub-folder of an asset's files, the deepest that holds all of them."""
    group = Path(commonpath([part.path.parent for part in parts])).relative_to(folder).as_posix()
    return "all" if group == "." else group


def _several(parts: dict[str, list[Part]], quantities: Quantities) -> list[str]:
    """Notes on files that hold more than one asset."""
    holds: dict[Path, list[str]] = {}
    for asset, own in parts.items():
        for part in own:
            holds.setdefault(part.path, []).append(asset)
    return [f"{path.name} holds {quantities.asset.count(len(of))}." for path, of in holds.items() if len(of) > 1]


def _check_twins(parts: dict[str, list[Part]], whole: dict[str, Stitched]) -> None:
    assets = list(whole)
    pair = twins([rows.rows.drop(columns=TIME, errors="ignore") for rows in whole.values()], QUANTITY)
    if pair is None:
        return
    first, second = (_where(asset, parts[asset]) for asset in (assets[pair.first], assets[pair.second]))
    start, other = (begin + 1 for begin in pair.starts)
    raise DataError(
        f"{second}: the same measurements as {first}: {pair.rows} rows from row {other} on are those from row {start} "
        "on there; delete one of them (each asset must be there once), or, if they are parts of one, say so in "
        "data.csv.parts (params.yaml)"
    )


def _where(asset: str, parts: Sequence[Part]) -> str:
    path = parts[0].path
    return str(path) if asset == path.stem else f"{path} ({asset})"


def keyed(rows: pd.DataFrame, asset: str, group: str, nominal: float) -> pd.DataFrame:
    """Rows of one asset as in ``assets.parquet``."""
    table = rows.reset_index(drop=True)
    table.insert(0, "asset", asset)
    table.insert(1, "group", group)
    table.insert(2, "row", np.arange(len(table), dtype=np.int64))
    table.insert(3, "nominal", nominal)
    return table
