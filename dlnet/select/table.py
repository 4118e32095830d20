"""Students as rows of a table: who they are, their error on validation windows, their cost on the device."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from dlnet.config import CostParams
from dlnet.models.student import Student
from dlnet.select.cost import StudentShape, student_cost
from dlnet.select.energy import grid_intensity


def student_table(students: Iterable[Student], cost: CostParams) -> pd.DataFrame:
    """One row a student, in the order given: name, lineage, ``mae_validation`` and the columns of ``Cost``."""
    grid = grid_intensity(cost.country)
    rows = [_row(student, grid, cost.clock_mhz) for student in students]
    return pd.DataFrame(rows)


def _row(student: Student, grid_g_per_kwh: float, clock_mhz: float) -> dict[str, Any]:
    config = student.config
    nonzeros = sum(int((value[0] != 0).sum()) for value in student.parameters.values())
    shape = StudentShape(
        inputs=config.channels,
        hidden=config.hidden,
        cell=config.cell,
        substeps=config.substeps,
        steps=config.steps,
        skip=config.skip_width,
        outputs=config.outputs,
        horizon=config.horizon,
        nonzeros=nonzeros,
    )
    lineage = {"name": student.name, "cell": config.cell, "hidden": config.hidden, **student.lineage}
    errors = {"mae_validation": student.metrics["mae_validation"]}
    return {**lineage, **errors, **student_cost(shape, grid_g_per_kwh, clock_mhz).as_row()}
