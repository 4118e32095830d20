"""Looks at a folder, and proposes the settings that read it. Every proposal was read once as the pipeline does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from pydantic import ValidationError

from dlnet.config.quantities import TASKS, Quantities, load_quantities
from dlnet.data import sources
from dlnet.data.documents import SourceRecord, TaskRecord
from dlnet.data.order import parsed
from dlnet.data.prepare import prepare
from dlnet.data.raw import convert
from dlnet.errors import DataError
from dlnet.importing import new_task, sections
from dlnet.importing.checkups import check_ups_section
from dlnet.importing.proposal import Choices, Proposal, Section, Settings, Values
from dlnet.importing.tables import Tables, check_folder, looked_at, read_tables

IMPORTED = "data/imported"
"""Folder of the project for tables of cycles that raw time series were turned into, one folder for each of a user's."""


def look(folder: Path, settings: Settings, choices: Choices) -> Proposal:
    """Propose settings for a folder of files; neither the folder nor the project changes.

    Args:
        settings: those of params.yaml. choices: what the user states.

    Raises:
        DataError: the folder or a file cannot be used, or what a column means is not clear; names the option that
            makes it clear.
        ConfigError: the task is not valid.
    """
    check_folder(folder)
    found = looked_at(folder)
    if isinstance(found, Tables):
        return _look(found, data_path(folder), settings, choices)
    with TemporaryDirectory() as scratch:
        cycles = convert(found, Path(scratch) / "cycles.parquet", parts=choices.parts).path
        tables, path = read_tables(Path(scratch)), f"{IMPORTED}/{folder.resolve().name}"
        proposal = _look(tables, path, settings, replace(choices, parts=None))
        return replace(proposal, table=cycles.read_bytes())


def _look(tables: Tables, path: str, settings: Settings, choices: Choices) -> Proposal:
    """Propose settings for tables that ``data.path`` names as ``path``."""
    asset = sections.assets_section(tables, choices)
    quantities, text = _task(tables, settings, choices, asset)
    found = [_task_section(quantities, text, path), asset]
    found += _columns(tables, quantities, settings, choices, asset)
    here = {"data.path": tables.folder}
    proposed = with_values(settings, _merged(found) | here)
    table, record = sources.load_assets(proposed.data, quantities, tables=tables.tables)
    short = sections.length_section(table.groupby("asset").size(), quantities, settings.clean, settings.task)
    found += [short] if short else []
    task = prepared(table, record, with_values(settings, _merged(found) | here), quantities)
    return Proposal(settings, quantities, tuple(found), text, None, record.notes, task.findings)


def check(proposal: Proposal, values: Values) -> None:
    """Read with other values of a proposal, as ``fetch`` and ``prepare`` do; errors as theirs."""
    with TemporaryDirectory() as scratch:
        settings = with_values(proposal.settings, values)
        if proposal.table is not None:
            (Path(scratch) / "cycles.parquet").write_bytes(proposal.table)
            settings = with_values(settings, {"data.path": Path(scratch)})
        table, record = sources.load_assets(settings.data, proposal.quantities)
        prepared(table, record, settings, proposal.quantities)


def prepared(table: pd.DataFrame, record: SourceRecord, settings: Settings, quantities: Quantities) -> TaskRecord:
    """What ``prepare`` makes of the assets that ``fetch`` read; errors as its."""
    return prepare(table, record, quantities, settings.clean, settings.split, settings.task).task


def with_values(settings: Settings, values: Values) -> Settings:
    """Settings with other values.

    Raises:
        DataError: a value is not one that its key can have; names the key.
    """
    content = settings.model_dump()
    for key, value in values.items():
        *path, last = key.split(".")
        section = content
        for name in path:
            section = section[name]
        section[last] = value
    try:
        return Settings.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key, message = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
        raise DataError(f"params.yaml: {key}: {message} (got {first['input']!r})") from error


def _merged(found: list[Section]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for section in found:
        values |= section.values
    return values


def _task(tables: Tables, settings: Settings, choices: Choices, asset: Section) -> tuple[Quantities, str | None]:
    name = choices.task or settings.task.name
    if (TASKS / f"{name}.yaml").exists():
        return load_quantities(name), None
    taken = {column for column in asset.values.values() if column in tables.common}
    return new_task.propose_task(name, tables, choices, taken)


def _task_section(quantities: Quantities, text: str | None, path: str) -> Section:
    target = quantities.target
    origin = "exists" if text is None else "new, to be written; read it through"
    lines = [("task", f"{quantities.name} (tasks/{quantities.name}.yaml, {origin})")]
    if text is not None:
        low, high = target.range
        lines.append(("target", f"{target.name} in {target.unit}, {target.direction}, {low:g} to {high:g}"))
        lines.append(("row", f"{quantities.time.step:g} {quantities.time.unit}"))
    values = {"task.name": quantities.name, "data.path": path, "data.csv.include": None}
    return Section("Task", tuple(lines), values, None, "--task NAME")


def data_path(folder: Path) -> str:
    """The folder as params.yaml names it: from the project's root if it is below it."""
    whole = folder.resolve()
    return whole.relative_to(Path.cwd()).as_posix() if whole.is_relative_to(Path.cwd()) else whole.as_posix()


def _columns(
    tables: Tables, quantities: Quantities, settings: Settings, choices: Choices, asset: Section
) -> list[Section]:
    assets = tables.assets(asset.values["data.csv.asset"], asset.values["data.csv.parts"])
    target = sections.target_section(tables, quantities, choices, assets)
    taken = _names(tables, asset.values, target.values)
    order = sections.order_section(tables, quantities, choices, taken)
    taken |= _names(tables, order.values)
    features = sections.features_section(tables, quantities, settings.task, choices, taken)
    used = taken | set(features.values["data.csv.features"].values())
    values = target.values
    nominal = values["data.csv.nominal"] or 1.0
    size = quantities.target.size_of(values["data.csv.unit"], nominal)
    check_ups = check_ups_section(
        {name: _in_order(rows, order.values["data.csv.cycle"]) for name, rows in assets.items()},
        quantities,
        values["data.csv.target"],
        nominal / size,
        choices,
        [name for name in tables.common if name not in used and name not in tables.twice],
    )
    return [target, order, features, *([check_ups] if check_ups else [])]


def _in_order(rows: pd.DataFrame, cycle: str | None) -> pd.DataFrame:
    return rows if cycle is None else rows.sort_values(cycle, kind="stable", key=parsed)


def _names(tables: Tables, *values: Mapping[str, Any]) -> set[str]:
    """Columns that values name."""
    return {value for part in values for value in part.values() if isinstance(value, str) and value in tables.common}
