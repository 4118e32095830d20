"""Which quantised model goes to the device."""

from __future__ import annotations

from collections.abc import Mapping

RULE = "of the elites of the second front, the one whose int8 form has the least MAE on validation windows"


def choose_edge(mae_validation: Mapping[str, float]) -> str:
    """Name of the model for the device.

    Args:
        mae_validation: name -> int8 MAE (SoH) on validation windows; the least wins, then the first by name.
    """
    return min(mae_validation, key=lambda name: (mae_validation[name], name))
