"""Ratios of errors with paired intervals over cells, and the goals that they are held against."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dlnet.config.quantities import Track
from dlnet.metrics import paired_ratio

STUDENT, CANDIDATE, OTHER = "int8 student", "best form", "other form"
STRONGEST = "the strongest baseline"
LABELS = "labels"


@dataclass(frozen=True)
class Goal:
    """The most that a ratio may be."""

    above: str
    below: str
    most: float


GOALS: dict[Track, tuple[Goal, ...]] = {
    "with_target": (
        Goal(STUDENT, "boosting", 1.00),
        Goal(CANDIDATE, "boosting", 0.96),
        Goal(CANDIDATE, STRONGEST, 1.00),
        Goal(STUDENT, STRONGEST, 1.05),
        Goal(CANDIDATE, OTHER, 0.90),
        Goal(STUDENT, "persistence", 0.18),
        Goal(STUDENT, "line", 0.50),
        Goal(STUDENT, "ridge", 0.85),
    ),
    "sensors_only": (
        Goal(STUDENT, "boosting", 0.82),
        Goal(CANDIDATE, "boosting", 0.76),
        Goal(CANDIDATE, STRONGEST, 0.95),
    ),
}
GAINS = {1.0: 0.04, 0.3: 0.08, 0.1: 0.15}
"""Share of the training cells -> the least gain of distilling over labels alone."""


def ratios(track: Track, rows: pd.DataFrame, headline: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of the table of ratios: those with a goal first, then the student over every other baseline.

    Args:
        rows: of one track. headline: its int8 students.
    """
    kinds = dict(iter(rows.groupby("kind")))
    models = {STUDENT: headline} | {
        title: kinds[kind] for title, kind in ((CANDIDATE, "candidate"), (OTHER, "other form")) if kind in kinds
    }
    models |= {str(name): part for name, part in kinds["baseline"].groupby("name", sort=True)}
    strongest = min(
        (str(name) for name in kinds["baseline"]["name"].unique()), key=lambda name: models[name]["mae_test"].mean()
    )
    return list(_rows(track, models, strongest))


def _rows(track: Track, models: dict[str, pd.DataFrame], strongest: str) -> Iterator[dict[str, Any]]:
    goals = GOALS[track]
    for goal in goals:
        below = strongest if goal.below == STRONGEST else goal.below
        if goal.above in models and below in models:
            title = f"{STRONGEST}, {strongest}" if goal.below == STRONGEST else below
            yield {"above": goal.above, "below": title, "goal": goal.most, **over(models[goal.above], models[below])}
    named = {(goal.above, goal.below) for goal in goals}
    for name, part in models.items():
        if name not in (STUDENT, CANDIDATE, OTHER) and (STUDENT, name) not in named:
            yield {"above": STUDENT, "below": name, "goal": None, **over(models[STUDENT], part)}


def over(above: pd.DataFrame, below: pd.DataFrame) -> dict[str, float]:
    """Ratio of the MAEs over the test windows of all splits: ``ratio`` with interval, ``least``, ``most`` of one split.

    The interval is of a paired bootstrap over cells; a cell that is tested in several splits is drawn once, with all.
    """
    top, bottom = (part.groupby("split")["mae_test"].mean() for part in (above, below))
    splits = (top / bottom.reindex(top.index)).dropna()
    shared = above["split"].isin(below["split"])
    return {
        **paired_ratio(totals(above[shared]), totals(below[below["split"].isin(above["split"])])).content(),
        "least": float(splits.min()),
        "most": float(splits.max()),
    }


def totals(rows: pd.DataFrame) -> dict[str, float]:
    """Cell -> its summed error over the test windows of all splits, the mean over seeds."""
    total: dict[str, float] = {}
    for _, part in rows.groupby("split"):
        for cells in part["cells_test"]:
            for cell, (mae, windows) in cells.items():
                total[cell] = total.get(cell, 0.0) + mae * windows / len(part)
    return total


def gains(students: pd.DataFrame) -> list[dict[str, Any]]:
    """What distilling gains over labels alone, for each cell, size and loss: with its interval over cells."""
    found = []
    for (cell, hidden), part in students.groupby(["cell", "hidden"], sort=True):
        alone = part[part["loss"] == LABELS]
        for loss, taught in part[part["loss"] != LABELS].groupby("loss", sort=True):
            ratio = over(taught, alone)
            found.append(
                {
                    "cell": cell,
                    "hidden": int(hidden),
                    "loss": loss,
                    "gain": 1 - ratio["ratio"],
                    "low": 1 - ratio["high"],
                    "high": 1 - ratio["low"],
                    "mae_validation": float(taught["mae_validation"].mean()),
                }
            )
    return found


def headline_gain(found: list[dict[str, Any]], hidden: int) -> dict[str, Any] | None:
    """The gain of the loss with the least validation error at the size that the study names."""
    at = [row for row in found if row["cell"] == "liquid" and row["hidden"] == hidden]
    return min(at, key=lambda row: row["mae_validation"], default=None)
