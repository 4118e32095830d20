"""The table of students: name and lineage, error on validation windows, cost on the device."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from dlnet.config.cost import CostParams
from dlnet.cost.device import model_cost
from dlnet.cost.energy import grid_intensity
from dlnet.cost.shape import model_shape
from dlnet.models.precision import Precision
from dlnet.models.trained import TrainedModel


def student_table(students: Iterable[TrainedModel], cost: CostParams) -> pd.DataFrame:
    """One row a student, in the order given: name, lineage, ``mae_validation`` and the columns of ``Cost``."""
    return pd.DataFrame([_row(student, cost) for student in students])


def _row(student: TrainedModel, cost: CostParams) -> dict[str, Any]:
    config = student.liquid
    lineage = {"name": student.name, "cell": config.cell, "hidden": config.hidden, "branches": config.branches}
    return {
        **lineage,
        "bits": config.bits,
        **student.lineage,
        "mae_validation": student.metrics["mae_validation"],
        **costs(student, cost),
    }


def costs(student: TrainedModel, cost: CostParams, precision: Precision | None = None) -> dict[str, float]:
    """The columns of ``Cost``; ``precision`` as in ``model_shape``."""
    shape = model_shape(student, precision)
    return model_cost(shape, grid_intensity(cost.country), cost.clock_mhz).as_row()
