"""docs/few-cells.md and docs/few-cells.json: errors with own cells alone and with public ones beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dlnet.data.published import PUBLISHED
from dlnet.files import write_json, write_text
from dlnet.metrics import paired_ratio
from studies.few.config import FewConfig
from studies.results.page import wrapped
from studies.stored import Rows

PAGE, FIGURES = Path("docs/few-cells.md"), Path("docs/few-cells.json")
MODELS = ("student", "ridge", "boosting")
GOAL_OWN, GOAL = 4, 0.9  # own cells, and the most that the ratio of the student may be
NAMES = {"student": "int8 student", "ridge": "ridge", "boosting": "boosting"}


def write_few(found: Mapping[str, Rows], missing: Sequence[str], config: FewConfig) -> None:
    """Write both files.

    Args:
        found: source of the own cells -> rows of its units. missing: sources that were not there to be measured.
    """
    tables = {name: summarise(rows) for name, rows in found.items()}
    few = config.few
    protocol = few.model_dump(mode="json") | {"goal": {"own": GOAL_OWN, "ratio": GOAL}}
    write_json(FIGURES, {"protocol": protocol, "sources": tables, "not_measured": list(missing)})
    write_text(PAGE, page(tables, missing, config))


def summarise(rows: Rows) -> list[dict[str, Any]]:
    """A row for each model and number of own cells: both errors, and their ratio with its interval.

    Errors are means over test cells; that of a cell is the mean over the seeds in which it stands in test.
    """
    out = []
    for model in MODELS:
        for own in dict.fromkeys(row["own"] for row in rows):
            of = [row for row in rows if row["model"] == model and row["own"] == own]
            alone, both = (by_cell([row for row in of if row["public"] is public]) for public in (False, True))
            ratio = paired_ratio(both, alone)
            out.append(
                {
                    "model": model,
                    "own": own,
                    "seeds": len({row["seed"] for row in of}),
                    "test_cells": len(alone),
                    "mae_alone": float(np.mean(list(alone.values()))),
                    "mae_public": float(np.mean(list(both.values()))),
                    **ratio.content(),
                }
            )
    return out


def by_cell(rows: Rows) -> dict[str, float]:
    """Test cell -> its MAE, mean over the rows (seeds) that have it."""
    cells = dict.fromkeys(name for row in rows for name in row["cells"])
    return {name: float(np.mean([row["cells"][name] for row in rows if name in row["cells"]])) for name in cells}


def goal_row(table: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The row of a source that the goal is about, with ``goal``; None where it was not measured."""
    for row in table:
        if row["model"] == "student" and row["own"] == GOAL_OWN:
            return {**row, "goal": GOAL}
    return None


def verdict(table: Sequence[Mapping[str, Any]]) -> str:
    """One sentence on the goal."""
    row = goal_row(table)
    if row is None:
        return f"No figures for {GOAL_OWN} own cells."
    met = "reached" if row["ratio"] <= GOAL else "not reached"
    return (
        f"Student with {GOAL_OWN} own cells and public ones over own alone: {row['ratio']:.3f} "
        f"[{row['low']:.3f}, {row['high']:.3f}]; goal at most {GOAL:g}: {met}."
    )


def page(tables: Mapping[str, Sequence[Mapping[str, Any]]], missing: Sequence[str], config: FewConfig) -> str:
    """The page as Markdown."""
    few = config.few
    seeds = ", ".join(map(str, few.seeds))
    weights = ", ".join(f"{name} {weight:g}" for name, weight in few.weights.items())
    paragraphs = [
        "# Few own cells and public ones",
        "What public cells (`data.public`, see [data](data.md#public-sources)) add to few own ones. `make few` writes "
        "this page and [few-cells.json](few-cells.json).",
        f"Own cells are those of MIT's batch {few.batch}, public ones its other batches and the simulated fleet; "
        f"weight of a window: {weights}, own 1. Seeds {seeds} choose the own cells and begin the networks. "
        f"Settings, student and baselines are chosen on {few.validation} own cells; the test cells are own, and the "
        f"same for every number of own training cells. The student has {few.hidden} neurons, is taught by the ensemble "
        "or by labels alone, whichever is better on validation, and runs on the integer reference. MAE of SoH, mean "
        "over test cells; the ratio has the 95 % interval of a paired bootstrap over them.",
    ]
    parts = [wrapped(paragraph) for paragraph in paragraphs]
    for name, table in tables.items():
        title = f"{PUBLISHED[name].label}, batch {few.batch}" if name == "mit" else PUBLISHED[name].label
        parts += [f"## {title}", _table(table), wrapped(verdict(table))]
    if missing:
        parts += ["## Other sources", _missing(missing)]
    return "\n\n".join(parts) + "\n"


def _table(table: Sequence[Mapping[str, Any]]) -> str:
    lines = [
        "| model | own cells | own alone | own and public | ratio | interval |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for row in table:
        cells = [NAMES[row["model"]], row["own"], f"{row['mae_alone']:.5f}", f"{row['mae_public']:.5f}"]
        cells += [f"{row['ratio']:.3f}", f"{row['low']:.3f} to {row['high']:.3f}"]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def _missing(missing: Sequence[str]) -> str:
    lines = [f"- {PUBLISHED[name].label.split(' (')[0]}: not measured" for name in missing]
    how = (
        "The same command measures these where `data.mirror` is a folder with a copy of each source, its name given as "
        "`{source}` (`/data/{source}`):"
    )
    return wrapped(how) + "\n\n" + "\n".join(lines)
