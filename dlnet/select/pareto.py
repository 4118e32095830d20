"""Pareto fronts of any number of objectives, and the selection of a few models of a front (the elites)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import moocore
import numpy as np
import numpy.typing as npt
import pandas as pd

from dlnet.errors import ConfigError

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Direction = Literal["min", "max"]


class Front(NamedTuple):
    """A front: ``mask`` (N,) true on it, ``undefined`` (N,) true where a value is NaN (such a row is never on it)."""

    mask: Mask
    undefined: Mask


class Selection(NamedTuple):
    """A table with the columns ``front`` and ``elite``, and one note a row that could not be ranked."""

    table: pd.DataFrame
    notes: list[str]


def pareto_front(values: npt.ArrayLike, directions: Sequence[Direction] | None = None) -> Front:
    """Rows that no other row dominates: none is as good in every objective and better in one.

    Identical rows do not dominate each other, so all copies of a point of the front are on it. Infinities are
    ordinary values, the largest or smallest. A row with NaN is neither on the front nor dominates.

    Args:
        values: (N, D) objectives, D >= 1.
        directions: ``min`` or ``max`` for each objective; by default all are minimised.

    Raises:
        ValueError: ``values`` is not two-dimensional, has no column, or ``directions`` does not fit it.
    """
    points: Floats = np.array(values, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] == 0:
        raise ValueError(f"values must be (N, D) with D >= 1, not {points.shape}")
    if directions is not None:
        if len(directions) != points.shape[1] or not set(directions) <= {"min", "max"}:
            raise ValueError(f"directions must be {points.shape[1]} of 'min' and 'max', not {list(directions)}")
        points[:, np.array(directions) == "max"] *= -1
    undefined: Mask = np.any(np.isnan(points), axis=1)
    mask: Mask = ~undefined
    # Ranks, because the library crashes on -inf.
    ranks = np.column_stack([np.unique(column, return_inverse=True)[1] for column in points[mask].T])
    mask[mask] = moocore.is_nondominated(ranks, keep_weakly=True)
    return Front(mask, undefined)


def hypervolume(points: npt.ArrayLike) -> float:
    """Volume of the part of the unit box that ``points`` (N, D) in [0, 1] dominate; the reference is (1, ..., 1)."""
    return float(moocore.hypervolume(np.atleast_2d(points), ref=1))


def _exclusive(point: Floats, others: Floats) -> float:
    """Volume that ``point`` (D,) dominates and none of ``others`` (N, D) does."""
    return float(np.prod(1 - point)) - (hypervolume(np.maximum(point, others)) if len(others) else 0.0)


def thin(front: pd.DataFrame, count: int, error: str, costs: Sequence[str], name: str = "name") -> list[Any]:
    """Choose at most ``count`` rows of a front.

    First the row of the lowest error, then the row of the lowest value of each cost in turn. Then, one at a time,
    the row that adds most to the hypervolume of those chosen, with the error on a linear and each cost on a
    logarithmic scale from 0 (best of the front) to 1 (worst). Ties go to the lower error, then to the first name.

    Source: greedy hypervolume subset selection (Guerreiro, Fonseca and Paquete 2016).

    Args:
        front: rows to choose from.
        count: how many at most, >= 1.
        error, costs: columns that are minimised.
        name: column of distinct names, which makes the choice unique.

    Returns:
        Index labels of the chosen rows, in the order in which they were chosen.

    Raises:
        ConfigError: a cost is not positive or a value is not finite, so that the scale is undefined.
    """
    ordered = front.sort_values([error, name], kind="stable")
    if len(ordered) <= count:
        return list(ordered.index)
    scaled = np.column_stack([_scaled(ordered, error, name, log=False)] + [_scaled(ordered, c, name) for c in costs])
    chosen: list[int] = []
    for column in range(scaled.shape[1]):
        best = int(np.argmin(scaled[:, column]))
        if best not in chosen and len(chosen) < count:
            chosen.append(best)
    while len(chosen) < count:
        rest = [i for i in range(len(ordered)) if i not in chosen]
        gains = [_exclusive(scaled[i], scaled[chosen]) for i in rest]
        chosen.append(rest[int(np.argmax(gains))])
    return [ordered.index[i] for i in chosen]


def _scaled(front: pd.DataFrame, column: str, name: str, log: bool = True) -> Floats:
    """A column from 0 (best) to 1 (worst); all 0 if it is constant."""
    values = front[column].to_numpy(dtype=np.float64)
    bad = ~np.isfinite(values) | (log & (values <= 0))
    if bad.any():
        where = int(np.argmax(bad))
        kind = "positive and finite" if log else "finite"
        raise ConfigError(
            f"params.yaml: select.objectives: {column} of {front[name].iloc[where]} is {values[where]:g}, but the "
            f"rule that thins a front needs it {kind}; drop {column} or raise select.elites"
        )
    values = np.log(values) if log else values
    span = float(np.ptp(values))
    return (values - values.min()) / span if span > 0 else np.zeros_like(values)


def select(table: pd.DataFrame, objectives: Sequence[str], elites: int, error: str, name: str = "name") -> Selection:
    """Mark the Pareto front of a table and the elites on it; no row is removed.

    Args:
        table: one model a row, with distinct values in the column ``name``.
        objectives: columns that are minimised, ``error`` among them.
        elites: how many at most (see ``thin``; the costs are the other objectives, in the order given).
        error: the objective that measures the forecast.

    Returns:
        A copy of the table with the boolean columns ``front`` and ``elite``, and a note for each row that has NaN
        in an objective.

    Raises:
        ConfigError: an objective is unknown or not a number, is given twice, or ``error`` is not among them.
        ValueError: names are not distinct.
    """
    _check_objectives(table, objectives, error)
    if table[name].duplicated().any():
        raise ValueError(f"column {name} holds {table[name][table[name].duplicated()].iloc[0]!r} twice")
    values = table[list(objectives)].to_numpy(dtype=np.float64)
    front, undefined = pareto_front(values)
    result = table.assign(front=front)
    positions = pd.RangeIndex(len(table))
    rows = result.set_axis(positions)[front]
    chosen = thin(rows, elites, error, [o for o in objectives if o != error], name) if len(rows) else []
    result["elite"] = np.isin(positions, chosen)
    notes = [
        f"{table[name].iloc[i]}: {', '.join(o for o, v in zip(objectives, values[i], strict=True) if np.isnan(v))} "
        "is NaN, so it cannot be on the front"
        for i in np.flatnonzero(undefined)
    ]
    return Selection(result, notes)


def _check_objectives(table: pd.DataFrame, objectives: Sequence[str], error: str) -> None:
    numeric = table.select_dtypes(include="number").columns
    unknown = [o for o in objectives if o not in numeric]
    if unknown:
        raise ConfigError(
            f"params.yaml: select.objectives: unknown {', '.join(unknown)}; known: {', '.join(sorted(numeric))}"
        )
    if len(set(objectives)) != len(objectives):
        raise ConfigError(f"params.yaml: select.objectives: a name occurs twice in {', '.join(objectives)}")
    if error not in objectives:
        raise ConfigError(
            f"params.yaml: select.objectives: {error} is missing; without it the cheapest model would always win"
        )
