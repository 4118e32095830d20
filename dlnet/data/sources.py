"""Sources of cells; each is read into the same table, one row per cycle."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd
from tqdm import tqdm

from dlnet.config.data import DataParams
from dlnet.data import csvfiles, schema
from dlnet.data.documents import SourceRecord
from dlnet.data.features import FEATURES
from dlnet.errors import ConfigError, DataError
from dlnet.files import sha256

COMMIT = "bf7a93148de6a7e249c1b053bd60fe3c9a3dc1f0"
BASE_URL = f"https://raw.githubusercontent.com/wang-fujin/PINN4SOH/{COMMIT}/data"
MIRROR_VARIABLE = "DLNET_DATA_MIRROR"
CACHE = Path(".cache/downloads")
SUMS = Path(__file__).parent / "sums"
MISSING_CYCLES = (
    "Rows are not always consecutive cycles: the publisher left out some, so '100 cycles ahead' is 100 rows."
)

RESERVED = frozenset({*schema.KEYS, "soh", "target"})
"""Column names of the pipeline that a feature cannot have."""

Name = Callable[[PurePosixPath], str]


@dataclass(frozen=True)
class Published:
    """A pinned folder of github.com/wang-fujin/PINN4SOH, one CSV a cell, 16 features and capacity in Ah.

    Attributes:
        label: shown wherever results of this source are shown.
        folder: below ``data/`` upstream.
        nominal_ah: capacity of a new cell, from its relative path.
        group: stratum of the split, from the relative path.
        cell: unique name, from the relative path.
        notes: remarks for readers of results.
    """

    label: str
    folder: str
    nominal_ah: Callable[[PurePosixPath], float]
    group: Name
    cell: Name
    notes: tuple[str, ...] = (MISSING_CYCLES,)


def _chemistry(path: PurePosixPath) -> str:
    return re.sub(r"^Dataset_\d+_|_battery$", "", path.parent.name)


PUBLISHED: Mapping[str, Published] = {
    "mit": Published(
        label="MIT–Stanford (measured)",
        folder="MIT data",
        nominal_ah=lambda _: 1.1,
        group=lambda path: path.parent.name,
        cell=lambda path: path.stem,
        notes=(MISSING_CYCLES, "No cell of this copy falls to 80 % of its nominal capacity."),
    ),
    "hust": Published(
        label="HUST (measured)",
        folder="HUST data",
        nominal_ah=lambda _: 1.1,
        group=lambda _: "all",  # each cell has a discharge protocol of its own, so there are no groups
        cell=lambda path: path.stem,
    ),
    "xjtu": Published(
        label="XJTU (measured)",
        folder="XJTU data",
        nominal_ah=lambda _: 2.0,
        group=lambda path: path.stem.split("_battery")[0],
        cell=lambda path: path.stem,
    ),
    "tju": Published(
        label="TJU (measured)",
        folder="TJU data",
        nominal_ah=lambda path: 2.5 if _chemistry(path) == "NCM_NCA" else 3.5,
        group=_chemistry,
        cell=lambda path: f"{_chemistry(path)}_{path.stem}",  # stems occur in more than one folder
    ),
}


def load_cells(data: DataParams, *, base_url: str = BASE_URL, sums: Path = SUMS) -> tuple[pd.DataFrame, SourceRecord]:
    """Read all cells of the chosen source.

    Args:
        data: section ``data`` of params.yaml.
        base_url: address of the folder ``data`` upstream, for tests.
        sums: folder of the SHA-256 lists, for tests.

    Returns:
        ``cells.parquet`` and ``source.json`` as in docs/data.md.

    Raises:
        DataError: a file cannot be used as it is.
        DownloadError: a file could not be fetched.
    """
    if data.source == "embedded":
        table = schema.read_table(data.path)
        return table, embedded(table)
    if data.source == "csv":
        columns = csvfiles.Columns(data.csv.capacity, data.csv.unit, data.csv.features)
        table, label, notes = _own(data.path, columns, data.csv.nominal_ah)
    else:
        columns = csvfiles.same_names(FEATURES)
        table, label, notes = _published(data, columns, base_url, sums)
    return table, _record(data.source, table, label, notes, columns)


def embedded(table: pd.DataFrame) -> SourceRecord:
    """Source record of the simulated fleet."""
    columns = csvfiles.same_names([name for name in table.columns if name not in schema.KEYS])
    note = "Simulated with PyBaMM: no figure here was measured on a cell."
    return _record("embedded", table, "embedded fleet (simulated)", [note], columns)


def _record(
    source: str, table: pd.DataFrame, label: str, notes: Sequence[str], columns: csvfiles.Columns
) -> SourceRecord:
    return SourceRecord(
        source=source,
        simulated=source == "embedded",
        label=label,
        cells=int(table["cell"].nunique()),
        rows=len(table),
        nominal_ah=tuple(sorted({float(value) for value in table["nominal_ah"]})),
        notes=tuple(notes),
        columns=columns,
    )


def _published(
    data: DataParams, columns: csvfiles.Columns, base_url: str, sums_folder: Path
) -> tuple[pd.DataFrame, str, list[str]]:
    from dlnet.data import download  # needs requests, which is no core dependency

    source = PUBLISHED[data.source]
    sums = download.read_sums(sums_folder / f"{data.source}.sha256")
    mirror = os.environ.get(MIRROR_VARIABLE) or data.mirror
    if mirror:
        folder = Path(mirror)
        download.check_mirror(folder, sums)
    else:
        folder = CACHE / data.source
        download.download(f"{base_url}/{source.folder.replace(' ', '%20')}", sums, folder)
    tables, notes = [], list(source.notes)
    for name in tqdm(sorted(sums, key=natural), desc="reading cells", unit="cell", leave=False):
        path = PurePosixPath(name)
        nominal = source.nominal_ah(path)
        cycles = csvfiles.read_cycles(folder / name, columns)
        wrong = schema.failures(cycles, nominal)["line"].unique()
        if len(wrong):
            # The checksum matches, so the file was published so: these rows are left out and reported in the notes.
            cycles = cycles[~cycles.index.isin(wrong)]
            notes.append(f"{source.cell(path)}: {len(wrong)} published rows with unusable values left out.")
        if len(cycles):
            tables.append(_keyed(cycles, source.cell(path), source.group(path), nominal))
    return pd.concat(tables, ignore_index=True), source.label, notes


def _own(folder: Path, columns: csvfiles.Columns, nominal_ah: float) -> tuple[pd.DataFrame, str, list[str]]:
    files = _own_files(folder)
    reserved = sorted(RESERVED & columns.features.keys())
    if reserved:
        raise ConfigError(f"params.yaml: data.csv.features: the name {reserved[0]!r} is reserved; choose another")
    tables = []
    for path in tqdm(files, desc="reading cells", unit="cell", leave=False):
        cycles = csvfiles.read_cycles(path, columns)
        schema.check_cycles(path, cycles, columns, nominal_ah)
        group = path.parent.relative_to(folder).as_posix()
        tables.append(_keyed(cycles, path.stem, "all" if group == "." else group, nominal_ah))
    return pd.concat(tables, ignore_index=True), f"own cells: {folder.resolve().name}", []


def _own_files(folder: Path) -> list[Path]:
    """CSV files of a user's folder; a cell that is there twice would leak from training into test."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; data.path must name a folder with one CSV a cell")
    csv_files = (path for path in folder.rglob("*") if path.suffix.lower() == ".csv" and path.is_file())
    files = sorted(csv_files, key=lambda path: (natural(path.parent.as_posix()), natural(path.stem)))
    if not files:
        raise DataError(f"{folder}: no CSV file in it; put one CSV a cell there")
    contents: dict[str, Path] = {}
    names: dict[str, Path] = {}
    for path in files:
        twin = contents.setdefault(sha256(path), path)
        if twin != path:
            raise DataError(f"{path}: the same content as {twin}; delete one of them (each cell must be there once)")
        namesake = names.setdefault(path.stem, path)
        if namesake != path:
            raise DataError(f"{path}: the same cell name as {namesake}; rename one of them")
    return files


def _keyed(cycles: pd.DataFrame, cell: str, group: str, nominal_ah: float) -> pd.DataFrame:
    table = cycles.reset_index(drop=True)
    table.insert(0, "cell", cell)
    table.insert(1, "group", group)
    table.insert(2, "row", np.arange(len(table), dtype=np.int64))
    table.insert(3, "nominal_ah", nominal_ah)
    return table


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts ``battery-2`` before ``battery-10``."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]
