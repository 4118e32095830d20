"""Energy of training as an objective of the selection."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from dlnet.errors import ConfigError
from dlnet.files import read_json

TRAINING = {"training_energy_kwh": "energy_kwh", "training_co2_kg": "co2_kg"}
"""Objectives that are measured while a sweep trains -> field of its volatile file. They vary from run to run."""


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
