"""The table of students: name and lineage, error on validation windows, cost on the device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dlnet.config.cost import CostParams
from dlnet.cost.device import model_cost
from dlnet.cost.energy import grid_intensity
from dlnet.cost.shape import model_shape
from dlnet.errors import ConfigError
from dlnet.files import read_json
from dlnet.models.precision import Precision
from dlnet.models.trained import TrainedModel

TRAINING = {"training_energy_kwh": "energy_kwh", "training_co2_kg": "co2_kg"}
"""Objectives that are measured while a sweep trains -> field of its volatile file. They vary from run to run."""


def student_table(students: Iterable[TrainedModel], cost: CostParams) -> pd.DataFrame:
    """One row a student, in the order given: name, lineage, ``mae_validation`` and the columns of ``Cost``."""
    return pd.DataFrame([_row(student, cost) for student in students])


def _row(student: TrainedModel, cost: CostParams) -> dict[str, Any]:
    lineage = {"name": student.name, "cell": student.config.cell, "hidden": student.config.hidden, **student.lineage}
    return {**lineage, "mae_validation": student.metrics["mae_validation"], **costs(student, cost)}


def costs(student: TrainedModel, cost: CostParams, precision: Precision | None = None) -> dict[str, float]:
    """The columns of ``Cost``; ``precision`` as in ``model_shape``."""
    shape = model_shape(student, precision)
    return model_cost(shape, grid_intensity(cost.country), cost.clock_mhz).as_row()


def with_training_energy(table: pd.DataFrame, objectives: Sequence[str], volatile: Path) -> pd.DataFrame:
    """Add the columns of ``TRAINING`` that are among the objectives; if none is, return the table unchanged.

    A sweep is measured as a whole (estimated by codecarbon), and its energy is divided in proportion to the
    parameters trained.

    Args:
        table: all students of one sweep. objectives: from params.yaml. volatile: file written by the sweep's stage.

    Raises:
        ConfigError: there is such an objective, but the sweep was restored from DVC's cache and not measured here.
    """
    chosen = [name for name in objectives if name in TRAINING]
    if not chosen:
        return table
    if not volatile.exists():
        raise ConfigError(
            f"params.yaml: select.objectives: {chosen[0]} is measured while students train, but {volatile} is "
            f"missing; run dvc repro -f -s {volatile.stem}, or drop the objective"
        )
    measured = read_json(volatile)["entries"]["training"]
    share = table["parameters"] / table["parameters"].sum()
    return table.assign(**{name: share * float(measured[TRAINING[name]]) for name in chosen})
