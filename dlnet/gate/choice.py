"""Chooses the quantised model for the device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

RULE = "of the elites of the second front, the one whose int8 form has the least MAE on validation windows"


@dataclass(frozen=True)
class Choice:
    """The model for the device, by name, and the rule that it was chosen by."""

    name: str
    rule: str = RULE


def choose_edge(mae_validation: Mapping[str, float]) -> Choice:
    """The model for the device.

    Args:
        mae_validation: name -> int8 MAE (health) on validation windows; the least wins, then the first by name.
    """
    return Choice(min(mae_validation, key=lambda name: (mae_validation[name], name)))
