"""Sections of a proposal: which file is which asset, the target's column, order, features, check-ups, short assets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dlnet.config.clean import CleanParams
from dlnet.config.quantities import Quantities
from dlnet.config.task import TaskParams
from dlnet.data import aliases
from dlnet.data.partnames import asset_of_file, checked_pattern
from dlnet.data.sources import RESERVED
from dlnet.data.split import MIN_CELLS
from dlnet.errors import DataError
from dlnet.importing.proposal import Choices, Section
from dlnet.importing.tables import Tables, listed

FIRST_ROWS = 10
"""Rows at the start of an asset whose median is its quantity when new: up to four odd ones do not move it."""

LARGEST_SPREAD = 1.25
"""Assets of one nominal value begin at most so far from each other."""

MOST_SHARE = 2.0
"""A share of the nominal value whose median is above this is in percent."""

PARTS = (
    r"(?i)(?P<asset>.+?)[ _.-]+(?:part|pt|teil|partie|segment|seg|run|file|chunk)[ _.-]?\d+",
    r"(?P<asset>.+?)[ _.-]+\d{4}-?\d{2}-?\d{2}",
)
"""Names of files of which several are of one asset."""


def assets_section(tables: Tables, choices: Choices) -> Section:
    """Which rows are of which asset.

    Raises:
        DataError: a stated column is in no file, or two columns look like the asset's.
    """
    asset, parts = _asset_column(tables, choices), _parts(tables, choices)
    count, files = len(tables.assets(asset, parts)), len(tables.tables)
    how = "one asset a file" if asset is None else f"column {asset!r} names the asset of a row"
    if parts is not None:
        how = f"files of one asset are put together by their names: {parts}"
    lines = [("files", f"{files:,} in {tables.folder}"), ("assets", f"{count:,}: {how}")]
    if tables.left_out:
        lines.append(("not read", listed([path.name for path in tables.left_out])))
    if tables.twice:
        lines.append(("columns that stand there twice, not taken", listed(tables.twice)))
    if tables.partial:
        few = ", ".join(f"{name!r} ({number} of {files})" for name, number in list(tables.partial.items())[:5])
        lines.append(("columns that only some files have", few))
    values = {"data.source": "csv", "data.csv.asset": asset, "data.csv.parts": parts}
    return Section("Files and assets", tuple(lines), values, None, "--asset COLUMN, --parts PATTERN")


def _asset_column(tables: Tables, choices: Choices) -> str | None:
    if choices.asset is not None:
        return tables.stated(choices.asset, "--asset")
    found = aliases.matching(tables.common, aliases.ASSETS)
    several = [name for name in found if any(table[name].nunique() > 1 for table in tables.tables.values())]
    return tables.one_of(several, "the asset of a row", "--asset")


def _parts(tables: Tables, choices: Choices) -> str | None:
    if choices.parts is not None:
        return checked_pattern(choices.parts)
    for pattern in PARTS:
        names = [name for path in tables.tables if (name := asset_of_file(path, pattern)) is not None]
        if len(set(names)) < len(names):
            return pattern
    return None


def target_section(
    tables: Tables, quantities: Quantities, choices: Choices, assets: dict[str, pd.DataFrame]
) -> Section:
    """The target's column, its unit, and the quantity of a new asset.

    Raises:
        DataError: no column or several look like the target's; its unit or the nominal value is not clear.
    """
    target = quantities.target
    column = target_column(tables, quantities, choices)
    tables.check_numbers(column)
    unit, how = _unit(tables, column, quantities, choices)
    lines = [(target.quantity, f"column {column!r}"), ("unit", f"{unit} ({how})")]
    values: dict[str, Any] = {"data.csv.target": column, "data.csv.unit": unit, "data.csv.nominal": None}
    values["data.csv.labels"] = "all"
    if unit in target.shares and choices.nominal is None:
        lines.append((f"{target.quantity} of a new {quantities.asset.one}", "not needed"))
    elif target.over_nominal:
        nominal, how = _nominal(tables, column, target.size_of(unit, 1.0), quantities, choices, assets)
        lines.append((f"{target.quantity} of a new {quantities.asset.one}", f"{nominal:g} {target.unit} ({how})"))
        values["data.csv.nominal"] = nominal
    empty, rows = int(tables.column(column).isna().sum()), len(tables.column(column))
    if empty:
        lines.append(("not measured", f"in {empty:,} of {rows:,} rows: those that measure it are check-ups"))
        values["data.csv.labels"] = "check_up"
    return Section("Target", tuple(lines), values, None, "--target COLUMN, --unit UNIT, --nominal VALUE")


def target_column(tables: Tables, quantities: Quantities, choices: Choices) -> str:
    """Column of the task's quantity; errors as ``target_section``."""
    target = quantities.target
    if choices.target is not None:
        return tables.stated(choices.target, "--target")
    names = aliases.target_names(quantities)
    found = aliases.matching(tables.common, names, target.units)
    units = [name for name in found if aliases.taken_apart(name, target.units).unit == target.unit]
    column = tables.one_of(units if len(units) == 1 else found, f"the {target.quantity}", "--target")
    if column is None:
        shares = aliases.matching(tables.common, aliases.share_names(quantities))
        column = tables.one_of(shares, f"the {target.name}", "--target")
    if column is None:
        raise DataError(_no_target(tables, quantities))
    return column


def _share_unit(tables: Tables, column: str, quantities: Quantities) -> tuple[str, str] | None:
    """Unit of a column that holds the target itself, a share of the nominal value; None: it holds the quantity."""
    named = aliases.taken_apart(column, quantities.target.units).unit
    if named in quantities.target.shares:
        return named, "from the column's name: the target itself"
    if not aliases.matching([column], aliases.share_names(quantities)):
        return None
    typical = float(tables.column(column).abs().median())
    unit = "%" if typical > MOST_SHARE else "1"
    return unit, f"a guess: the target itself, and its median is {typical:.4g}"


def _no_target(tables: Tables, quantities: Quantities) -> str:
    target = quantities.target
    named: dict[str, str] = {}
    for path, table in tables.tables.items():
        for name in aliases.matching(list(table.columns), aliases.target_names(quantities), target.units):
            named.setdefault(name, f"{path.name} has {name!r}")
    if named:
        shown = "; ".join(list(named.values())[:3])
        without = next((path for path, table in tables.tables.items() if not set(named) & set(table.columns)), None)
        if without is not None:
            return (
                f"{without}: no column of {target.quantity} ({shown}), only {listed(tables.tables[without].columns)}; "
                "give it that name, or take the file out of the folder"
            )
        return f"{tables.folder}: no column of {target.quantity} that every file has ({shown}); give it one name"
    return (
        f"{tables.folder}: no column looks like {target.quantity} (task {quantities.name}), only "
        f"{listed(tables.common)}; name it with --target COLUMN, or a new task with --task NAME"
    )


def _unit(tables: Tables, column: str, quantities: Quantities, choices: Choices) -> tuple[str, str]:
    target = quantities.target
    if choices.unit is not None:
        if choices.unit not in target.units | target.shares:
            known = ", ".join(target.units | target.shares)
            raise DataError(f"--unit: {choices.unit!r} is no unit of {target.quantity}, which has {known}")
        return choices.unit, "as stated"
    if share := _share_unit(tables, column, quantities):
        return share
    typical = float(tables.column(column).abs().median())
    named = aliases.taken_apart(column, target.units).unit
    if named is not None and named not in target.units:
        raise DataError(
            f"{tables.folder}: column {column!r} is in {named}, and task {quantities.name} knows "
            f"{', '.join(target.units)}; state one with --unit, or name another column with --target"
        )
    if named is not None:
        low, high = aliases.IMPOSSIBLE.get(named, (np.inf, np.inf))
        if low <= typical < high:
            raise DataError(
                f"{tables.folder}: column {column!r} names the unit {named}, but its median is {typical:g}; "
                "state what is right with --unit"
            )
        return named, "from the column's name"
    certain = {unit: aliases.CERTAIN[unit] for unit in target.units if unit in aliases.CERTAIN}
    if not certain:
        return target.unit, "the task's own, as the column's name states none"
    for unit, (low, high) in certain.items():
        if low < typical < high:
            return unit, f"a guess: the column's name states none, and its median is {typical:.4g}"
    raise DataError(
        f"{tables.folder}: column {column!r} states no unit, and a median of {typical:.4g} can be "
        f"{' or '.join(certain)}; state it with --unit"
    )


def _nominal(
    tables: Tables, column: str, size: float, quantities: Quantities, choices: Choices, assets: dict[str, pd.DataFrame]
) -> tuple[float, str]:
    target = quantities.target
    if choices.nominal is not None:
        return choices.nominal, "as stated"
    named = aliases.matching(tables.common, aliases.nominal_names(quantities), target.units)
    of_new = tables.one_of([name for name in named if tables.is_numeric(name)], "the nominal value", "--nominal")
    if of_new is not None:
        values = sorted(set(tables.column(of_new).dropna()))
        unit = aliases.taken_apart(of_new, target.units).unit or target.unit
        if len(values) == 1 and unit in target.units:
            return float(values[0]) * target.units[unit], f"from column {of_new!r}"
        raise DataError(
            f"{tables.folder}: column {of_new!r} has {len(values)} values or an unknown unit; a model has one nominal "
            "value: import each size from a folder of its own, or state one with --nominal"
        )
    first = {name: float(rows[column].dropna().head(FIRST_ROWS).median()) * size for name, rows in assets.items()}
    new = pd.Series(first).dropna()
    if new.max() > LARGEST_SPREAD * new.min():
        raise DataError(
            f"{tables.folder}: {quantities.asset.many} begin between {new.min():.4g} ({new.idxmin()}) and "
            f"{new.max():.4g} {target.unit} ({new.idxmax()}); state the nominal value with --nominal, or import each "
            "size from a folder of its own"
        )
    guess = float(f"{new.median():.2g}")
    of = quantities.time.count(FIRST_ROWS)
    return guess, f"a guess: median of the first {of}, {new.median():.4g}, rounded to two digits"


def order_section(tables: Tables, quantities: Quantities, choices: Choices, taken: set[str]) -> Section:
    """The columns that order rows: number or date, and the time in the task's unit.

    Raises:
        DataError: a stated column is in no file, or several look alike.
    """
    free = [name for name in tables.common if name not in taken]
    cycle = _cycle(tables, free, choices)
    time = _time(tables, [name for name in free if name != cycle], quantities, choices)
    lines = [("order", _no_order(tables, free) if cycle is None else f"column {cycle!r}, which must rise")]
    if cycle is not None and tables.is_numeric(cycle):
        jumps = sum(int((table[cycle].diff() > 1).sum()) for table in tables.tables.values())
        lines.append(("gaps", f"{jumps:,} places where numbers are left out" if jumps else "none"))
    if time is not None:
        lines.append(("time", f"column {time!r}, in {quantities.time.unit}; rows are put on a grid"))
    values = {"data.csv.cycle": cycle, "data.csv.time": time}
    without = {"data.csv.cycle": None, "data.csv.time": None}
    return Section("Order of rows", tuple(lines), values, without, "--cycle COLUMN, --time COLUMN")


def _cycle(tables: Tables, free: list[str], choices: Choices) -> str | None:
    if choices.cycle is not None:
        return tables.stated(choices.cycle, "--cycle")
    named = aliases.matching(free, aliases.CYCLES)
    numbers = [name for name in named if tables.mostly_numbers(name) or _orders(tables, name)]
    cycle = tables.one_of(numbers, "the number of a cycle", "--cycle")
    if cycle is not None:
        return cycle
    dates = [name for name in aliases.matching(free, aliases.DATES) if _orders(tables, name)]
    return tables.one_of(dates, "the date of a row", "--cycle")


def _orders(tables: Tables, name: str) -> bool:
    """Whether a column holds ISO dates, another in each row of a file; whether they rise is checked when it is read."""
    if name in tables.twice:
        return False
    for table in tables.tables.values():
        dates = pd.to_datetime(table[name].astype(str), format="ISO8601", errors="coerce")
        if dates.isna().any() or not dates.is_unique:
            return False
    return True


def _no_order(tables: Tables, free: list[str]) -> str:
    """What stands in the table of sections where no column orders rows."""
    looks = [*aliases.matching(free, aliases.CYCLES), *aliases.matching(free, aliases.DATES)]
    if not looks:
        return "as rows stand in the file"
    what = "holds neither numbers nor ISO dates (2024-03-31) that differ from row to row"
    return f"as rows stand in the file: column {looks[0]!r} {what}"


def _time(tables: Tables, free: list[str], quantities: Quantities, choices: Choices) -> str | None:
    if choices.time is not None:
        return tables.stated(choices.time, "--time")
    unit = quantities.time.unit
    if aliases.squash(unit) in aliases.CYCLES[0]:
        return None  # the number of a cycle orders rows; it is no time
    found = aliases.matching(free, aliases.time_names(quantities), [unit])
    fits = [name for name in found if tables.is_numeric(name)]
    fits = [name for name in fits if aliases.taken_apart(name, [unit]).unit in (unit, None)]
    return tables.one_of(fits, f"the time in {unit}", "--time")


def features_section(
    tables: Tables, quantities: Quantities, task: TaskParams, choices: Choices, taken: set[str]
) -> Section:
    """Columns of features, and the inputs of both tracks.

    Raises:
        DataError: a stated column is in no file, or several look like one feature.
    """
    lines: list[tuple[str, str]] = []
    found = {name: tables.stated(column, "--feature") for name, column in choices.features.items()}
    unread = [name for name in tables.common if name not in taken]
    free = [name for name in unread if tables.is_numeric(name)]
    meant = [name for name in unread if tables.mostly_numbers(name)]
    for name, unit in quantities.features.items():
        columns = [column for column in meant if column not in found.values()]
        column = tables.one_of(
            aliases.matching(columns, aliases.feature_names(name), [unit]),
            f"the feature {name!r}",
            f"--feature {name!r}=",
        )
        if name in found or column is None:
            continue
        stated = aliases.taken_apart(column, [unit]).unit
        if stated not in (unit, None):
            lines.append((name, f"not taken: column {column!r} is in {stated}, and the task states {unit}"))
            continue
        found[name] = column
    if _takes_all(quantities):
        found |= _others(tables, quantities, free, set(found.values()), taken)
    found = {name: found[name] for name in [*quantities.features, *found] if name in found}
    lines += [(name, f"column {column!r}{_empty(tables, column)}") for name, column in found.items()]
    unused = [name for name in tables.common if name not in taken and name not in found.values()]
    lines.append(("not read", listed(unused) if unused else "none"))
    return Section(
        "Features", tuple(lines), {"data.csv.features": found} | _tracks(quantities, task, list(found)),
        {"data.csv.features": {}} | _tracks(quantities, task, []), "--feature NAME=COLUMN",
    )  # fmt: skip


def _empty(tables: Tables, column: str) -> str:
    share = float(tables.column(column).isna().mean())
    return f", empty in {share:.1%} of the rows" if share else ""


def _takes_all(quantities: Quantities) -> bool:
    return any(part.features == "all" for part in (quantities.tracks.with_target, quantities.tracks.sensors_only))


def _others(tables: Tables, quantities: Quantities, free: list[str], used: set[str], taken: set[str]) -> dict[str, str]:
    """Columns of numbers that change and are not the target in another unit, by their names without unit."""
    target = [tables.column(name) for name in taken if tables.is_numeric(name)]
    found: dict[str, str] = {}
    for column in free:
        values = tables.column(column)
        name = aliases.taken_apart(column).words
        if column in used or name in found or values.nunique() < 2:
            continue
        if name in RESERVED | {quantities.target.symbol} or any(abs(values.corr(other)) > 0.999999 for other in target):
            continue
        found[name] = column
    return found


def _tracks(quantities: Quantities, task: TaskParams, present: list[str]) -> dict[str, Any]:
    """Inputs of both tracks where the data lack some that the task's file lists."""
    values: dict[str, Any] = {}
    for track in ("with_target", "sensors_only"):
        for key, names in getattr(quantities.tracks, track):
            missing = names != "all" and set(names) - set(present)
            values[f"task.{track}.{key}"] = [name for name in names if name in present] if missing else "task"
    if task.track == "sensors_only" and not values["task.sensors_only.features"]:
        raise DataError(
            "params.yaml: task.track is sensors_only, and no column is a feature of it; name some with "
            "--feature NAME=COLUMN, or dlnet set task.track=with_target"
        )
    return values


def length_section(lives: pd.Series, quantities: Quantities, clean: CleanParams, task: TaskParams) -> Section | None:
    """A smaller ``clean.min_rows`` where it would leave assets out; None: none is short.

    Args:
        lives: asset -> number of rows.

    Raises:
        DataError: fewer than five assets, or fewer are long enough for one window.
    """
    needed, words = task.window + task.horizon, quantities
    if len(lives) < MIN_CELLS:
        raise DataError(f"{words.asset.count(len(lives))} found, and {MIN_CELLS} are needed; add files of others")
    if int((lives >= needed).sum()) < MIN_CELLS:
        raise DataError(_too_short(lives, quantities, task))
    short = lives[lives < clean.min_rows]
    least = max(needed, int(lives.min()))
    if short.empty or least >= clean.min_rows:
        return None
    lines = (
        ("short", f"{words.asset.count(len(short))} with fewer than {clean.min_rows} {words.time.many}"),
        ("least", f"{least} {words.time.many} are enough for a window and its forecast ({needed})"),
    )
    return Section("Short assets", lines, {"clean.min_rows": least}, {}, "dlnet set clean.min_rows=N")


def _too_short(lives: pd.Series, quantities: Quantities, task: TaskParams) -> str:
    """The error, with windows that five assets are long enough for."""
    longest = lives.sort_values(ascending=False).iloc[:MIN_CELLS]
    rows, needed = int(longest.iloc[-1]), task.window + task.horizon
    window = max(task.block, rows // 3 // task.block * task.block)
    horizon = max(1, 2 * rows // 5)
    knots = sorted({max(1, round(horizon * share)) for share in (0.05, 0.15, 0.3, 0.5, 0.75, 1.0)})
    enough = int((lives >= needed).sum())
    return (
        f"{enough} of {quantities.asset.count(len(lives))} have the {needed} {quantities.time.many} of a window and "
        f"its forecast, and {MIN_CELLS} are needed; set shorter ones, then import again: "
        f'dlnet set task.window={window} task.horizon={horizon} "task.knots={knots}" clean.min_rows={window + horizon}'
    )
