"""Sources of rows; each is read into the same table of all assets, one row a step of time."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import pandas as pd
from tqdm import tqdm

from dlnet.config.data import CsvParams, DataParams, mirror_of
from dlnet.config.quantities import Quantities
from dlnet.data import csvfiles, published, schema
from dlnet.data.assetfile import natural
from dlnet.data.documents import SourceRecord, TableLabel
from dlnet.data.features import FEATURES
from dlnet.data.findings import Finding
from dlnet.data.own import keyed, named_plainly, read_folder
from dlnet.errors import ConfigError

MIRROR_VARIABLE = "DLNET_DATA_MIRROR"
CACHE = Path(".cache/downloads")
SUMS = Path(__file__).parent / "sums"
RESERVED = frozenset({*schema.KEYS, csvfiles.CYCLE, csvfiles.TIME, "health", "target"})
"""Column names of the pipeline that a feature cannot have."""


def load_assets(
    data: DataParams,
    quantities: Quantities,
    *,
    base_url: str = published.BASE_URL,
    sums: Path = SUMS,
    tables: Mapping[Path, pd.DataFrame] | None = None,
) -> tuple[pd.DataFrame, SourceRecord]:
    """Read all assets of the chosen source.

    Args:
        data: section ``data`` of params.yaml.
        quantities: the task.
        base_url: address of the folder ``data`` upstream, for tests.
        sums: folder of the SHA-256 lists, for tests.
        tables: of the user's files, where they were read before, as for ``own.read_folder``.

    Returns:
        ``assets.parquet`` and ``source.json`` as in docs/data.md.

    Raises:
        ConfigError: the source is of another task, or data.csv does not fit the task.
        DataError: a file cannot be used as it is.
        DownloadError: a file could not be fetched.
    """
    if data.source == "embedded":
        table, label = schema.read_table(data.path), schema.read_label(data.path)
        _check_task(str(data.path), label.task, quantities)
        _check_names(str(data.path), table.columns[len(schema.KEYS) :], quantities)
        schema.check_target(data.path, table, quantities.target)
        return table, embedded(table, label, quantities)
    if data.source == "csv":
        columns = own_columns(data.csv, quantities)
        own = read_folder(data.path, columns, quantities, data.csv.nominal or 1.0, tables)
        title = f"own {quantities.asset.many}: {named_plainly(Path(data.path.resolve().name))}"
        label = _label(quantities, title, [*_unstated(columns, quantities), *own.notes])
        return own.table, _record(data.source, own.table, label, columns, quantities, own.findings)
    _check_task(f"data.source {data.source}", published.TASK, quantities)
    columns = csvfiles.same_names(published.TARGET, published.UNIT, FEATURES)
    table, label = _published(data, columns, quantities, base_url, sums)
    return table, _record(data.source, table, label, columns, quantities)


def embedded(table: pd.DataFrame, label: TableLabel, quantities: Quantities) -> SourceRecord:
    """Source record of a table in one Parquet file, such as a simulated fleet."""
    features = [name for name in table.columns if name not in schema.KEYS]
    columns = csvfiles.same_names(quantities.target.quantity, quantities.target.unit, features)
    return _record("embedded", table, label, columns, quantities)


def own_columns(params: CsvParams, quantities: Quantities) -> csvfiles.Columns:
    """Columns of a user's files.

    Raises:
        ConfigError: a name or unit is not one that can be used, or the nominal value is missing or of no use.
    """
    target, unit = quantities.target, params.unit or quantities.target.unit
    share = unit in target.shares
    if unit not in target.units and not share:
        known = ", ".join([*target.units, *target.shares])
        raise ConfigError(
            f"params.yaml: data.csv.unit: {unit!r} is no unit of {target.quantity} in tasks/{quantities.name}.yaml, "
            f"which has {known}"
        )
    if target.over_nominal and params.nominal is None and not share:
        raise ConfigError(
            f"params.yaml: data.csv.nominal: {target.symbol} is {target.quantity} over that of a new "
            f"{quantities.asset.one}; give that, in {target.unit}"
        )
    if not target.over_nominal and params.nominal is not None:
        raise ConfigError(f"params.yaml: data.csv.nominal: {target.symbol} is no share of a nominal value; write null")
    _check_names("params.yaml: data.csv.features", params.features, quantities)
    same = sorted(name for name, column in params.features.items() if column == params.target)
    if same:
        raise ConfigError(
            f"params.yaml: data.csv.features: {same[0]!r} is the column of the target, which it would reveal; "
            "leave it out"
        )
    names = ("time", "features", "cycle", "asset", "parts", "include", "labels")
    return csvfiles.Columns(target=params.target, unit=unit, **{name: getattr(params, name) for name in names})


def _check_names(where: str, features: Iterable[str], quantities: Quantities) -> None:
    reserved = sorted((RESERVED | {quantities.target.symbol}) & set(features))
    if reserved:
        raise ConfigError(f"{where}: the name {reserved[0]!r} is reserved; choose another for that feature")


def _check_task(source: str, task: str, quantities: Quantities) -> None:
    if task != quantities.name:
        raise ConfigError(
            f"params.yaml: {source} holds quantities of task {task!r}, and task.name is {quantities.name!r}; "
            "choose the one or the other"
        )


def _record(
    source: str,
    table: pd.DataFrame,
    label: TableLabel,
    columns: csvfiles.Columns,
    quantities: Quantities,
    findings: tuple[Finding, ...] = (),
) -> SourceRecord:
    nominal = sorted({float(value) for value in table["nominal"]}) if quantities.target.over_nominal else []
    return SourceRecord(
        **{**dict(label), "task": quantities.name},
        source=source,
        assets=int(table["asset"].nunique()),
        rows=len(table),
        nominal=tuple(nominal),
        columns=columns,
        findings=findings,
    )


def _published(
    data: DataParams, columns: csvfiles.Columns, quantities: Quantities, base_url: str, sums_folder: Path
) -> tuple[pd.DataFrame, TableLabel]:
    from dlnet.data import download  # needs requests, which is no core dependency

    source = published.PUBLISHED[data.source]
    sums = download.read_sums(sums_folder / f"{data.source}.sha256")
    mirror = os.environ.get(MIRROR_VARIABLE) or data.mirror
    if mirror:
        folder = mirror_of(mirror, data.source)
        download.check_mirror(folder, sums)
    else:
        folder = CACHE / data.source
        download.download(f"{base_url}/{source.folder.replace(' ', '%20')}", sums, folder)
    tables, notes = [], list(source.notes)
    for name in tqdm(sorted(sums, key=natural), desc="reading", unit=quantities.asset.one, leave=False):
        path = PurePosixPath(name)
        nominal = source.nominal(path)
        rows = csvfiles.read_rows(folder / name, columns, 1.0)
        wrong = schema.failures(rows, quantities.target, nominal)["line"].unique()
        if len(wrong):
            # The checksum matches, so the file was published so: these rows are left out and reported in the notes.
            rows = rows[~rows.index.isin(wrong)]
            notes.append(f"{source.cell(path)}: {len(wrong)} published rows with unusable values left out.")
        if len(rows):
            tables.append(keyed(rows, source.cell(path), source.group(path), nominal))
    return pd.concat(tables, ignore_index=True), _label(quantities, source.label, notes)


def _unstated(columns: csvfiles.Columns, quantities: Quantities) -> list[str]:
    unstated = [name for name in columns.features if name not in quantities.features]
    if not unstated:
        return []
    return [f"tasks/{quantities.name}.yaml states no unit of {', '.join(unstated)}: firmware and cards show '?'."]


def _label(quantities: Quantities, label: str, notes: Sequence[str]) -> TableLabel:
    return TableLabel(task=quantities.name, label=label, simulated=False, notes=tuple(notes))
