"""A task file for quantities that no task has, from the columns and values of a folder."""

from __future__ import annotations

from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError
from ruamel.yaml import YAML

from dlnet.config.quantities import NAME, UNSTATED, Quantities
from dlnet.data import aliases
from dlnet.data.sources import RESERVED
from dlnet.errors import DataError
from dlnet.importing.proposal import Choices
from dlnet.importing.tables import Tables

TIME_WORDS = {"s": ("second", "seconds"), "min": ("minute", "minutes"), "h": ("hour", "hours"), "day": ("day", "days")}

FALLS_OR_RISES = 0.8
"""Share of the assets whose target must move one way from first to last tenth of its life."""


def propose_task(name: str, tables: Tables, choices: Choices, taken: set[str]) -> tuple[Quantities, str]:
    """A task whose target is the column that the user named, and the text of its file.

    Args:
        taken: columns that name assets or order rows.

    Raises:
        DataError: no target is named, its unit or direction is not clear, or the task would not be valid.
    """
    if not NAME.fullmatch(name):
        raise DataError(f"--task: {name!r} is no name: up to 20 of a-z, 0-9 and _, a letter first")
    if choices.target is None:
        raise DataError(f"tasks/{name}.yaml: no such task; for a new one name its column with --target COLUMN")
    column = tables.stated(choices.target, "--target")
    if not tables.is_numeric(column):
        raise DataError(f"{tables.folder}: column {column!r} is not all numbers; name another with --target")
    content = _content(name, column, tables, choices, taken)
    try:
        quantities = Quantities.model_validate({**content, "name": name})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(
            f"tasks/{name}.yaml: cannot be made from these columns ({where}: {first['msg']}); write it by hand "
            "(docs/tasks.md)"
        ) from error
    return quantities, _text(name, tables, content)


def _content(name: str, column: str, tables: Tables, choices: Choices, taken: set[str]) -> dict[str, Any]:
    one = name.removesuffix("s").replace("_", " ").strip()
    quantity = _words(column)
    values = tables.column(column)
    noise = _digits(_noise(tables, column))
    low, high = _range(values, choices.nominal)
    scale = choices.nominal or 1.0
    return {
        "asset": {"one": one, "many": f"{one}s"},
        "time": _time(tables, choices),
        "target": {
            "name": quantity,
            "symbol": f"relative {quantity}" if choices.nominal else quantity,
            "quantity": quantity,
            "unit": _unit(name, column, choices),
            "other_units": {},
            "over_nominal": choices.nominal is not None,
            "direction": _direction(name, tables, column),
            "range": [low, high],
            "noise_floor": _digits(noise / scale),
            "end_of_life": None,
            "known": "when measured",
        },
        "features": _features(tables, {column, *taken}),
        "tracks": {track: {"features": "all", "relative": "all"} for track in ("with_target", "sensors_only")},
        "knee": {"height": _digits(0.03 * (high - low))},
        "cleaning": {"target": _digits(max(5 * noise / scale, 0.005 * (high - low))), "features": {}},
    }


def _words(column: str) -> str:
    words = " ".join(aliases.taken_apart(column).words.replace("_", " ").split())
    return "".join(letter for letter in words if letter.isascii() and letter not in '"=')[:30].strip()


def _digits(value: float) -> float:
    return float(f"{value:.2g}")


def _unit(name: str, column: str, choices: Choices) -> str:
    unit = choices.unit or aliases.taken_apart(column).unit
    if unit is None:
        raise DataError(
            f"tasks/{name}.yaml: the unit of column {column!r} is not in its name; state it with --unit UNIT"
        )
    return unit


def _direction(name: str, tables: Tables, column: str) -> str:
    changes = []
    for table in tables.tables.values():
        values = table[column].dropna().to_numpy(np.float64)
        tenth = max(1, len(values) // 10)
        changes.append(np.sign(np.mean(values[-tenth:]) - np.mean(values[:tenth])))
    for direction, sign in (("falling", -1), ("rising", 1)):
        if np.mean(np.array(changes) == sign) >= FALLS_OR_RISES:
            return direction
    raise DataError(
        f"tasks/{name}.yaml: column {column!r} neither falls nor rises in four of five files; name a quantity that "
        "changes with wear by --target, or write the task by hand (docs/tasks.md)"
    )


def _range(values: pd.Series, nominal: float | None) -> tuple[float, float]:
    """Values seen, and as much again on either side; of a quantity that is never negative from 0."""
    if nominal is not None:
        return 0.0, 1.5
    low, high = float(values.min()), float(values.max())
    span = high - low
    return (0.0 if low >= 0 else _digits(low - span)), _digits(high + span)


def _noise(tables: Tables, column: str) -> float:
    """Standard deviation of one measurement, from second differences, median over files."""
    curves = [table[column].dropna().to_numpy(np.float64) for table in tables.tables.values()]
    spreads = [np.median(np.abs(np.diff(curve, 2))) for curve in curves if len(curve) > 2]
    return float(1.4826 * np.median(spreads) / np.sqrt(6.0)) if spreads else 0.0


def _time(tables: Tables, choices: Choices) -> dict[str, Any]:
    """Time of a row: of a column in s, min, h or days that rises, else one step a row."""
    for column in [choices.time] if choices.time else tables.common:
        unit = _time_unit(column, choices)
        if unit not in TIME_WORDS or not tables.is_numeric(column):
            continue
        steps = np.concatenate([np.diff(table[column]) for table in tables.tables.values()])
        if len(steps) and (steps > 0).all():
            step = _digits(float(np.median(steps)))
            one, many = TIME_WORDS[unit] if step == 1 else ("step", "steps")
            return {"one": one, "many": many, "unit": unit, "step": step, "largest_gap": 10 * step}
    return {"one": "step", "many": "steps", "unit": "step", "step": 1, "largest_gap": 10}


def _time_unit(column: str, choices: Choices) -> str | None:
    """Unit of a column of time, such as ``hours`` or ``test time (h)``; None: it is none, or states no unit."""
    if aliases.squash(column) in _time_words():
        return aliases.taken_apart(f"time_{column}").unit
    if choices.time is None and not aliases.matching([column], aliases.TIMES):
        return None
    return aliases.taken_apart(column).unit


def _time_words() -> list[str]:
    """Names of columns that are units of time."""
    return [word for unit in TIME_WORDS for word in (unit, *aliases.UNITS[unit])]


def _features(tables: Tables, taken: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for ranks in (aliases.CYCLES, aliases.DATES, aliases.TIMES, (tuple(_time_words()),)):
        taken = taken.union(aliases.matching(tables.common, ranks))
    for column in tables.common:
        words = _words(column)
        if column not in taken and words and words not in RESERVED and tables.is_numeric(column):
            found.setdefault(words, aliases.taken_apart(column).unit or UNSTATED)
    return found


def _text(name: str, tables: Tables, content: dict[str, Any]) -> str:
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.sort_base_mapping_type_on_output = False
    yaml.width = 110
    stream = StringIO()
    yaml.dump(content, stream)
    return (
        f"# Task {name}, proposed by dlnet data import from the columns of {tables.folder.name}. Check words, range,\n"
        "# direction and limits before you believe a forecast: what every key means is in docs/tasks.md.\n"
        + stream.getvalue()
    )
