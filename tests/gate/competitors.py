"""Made competitors and rivals, six validation assets each."""

from __future__ import annotations

from typing import Any

from dlnet.gate.competitor import MODELLED, Competitor, Costs, Rival

HARD = {"a": 0.5, "b": 0.8, "c": 1.0, "d": 1.1, "e": 1.2, "f": 1.4}  # how hard each asset is; the mean is 1


def rival(mae: float) -> Rival:
    """Errors in proportion to ``HARD``."""
    return Rival(mae, {name: mae * part for name, part in HARD.items()})


RIVALS = {"persistence": rival(0.0068), "line": rival(0.0024), "boosting": rival(0.0013), "teacher": rival(0.0011)}


def costs(**changes: float) -> Costs:
    """Costs within every budget of the tests."""
    return Costs(**{"flash_bytes": 3000, "ram_bytes": 1100, "instructions": 6000, "ms_modelled": 0.4, **changes})


def competitor(name: str = "one", mae: float = 0.0012, **changes: Any) -> Competitor:
    """A competitor that passes; its integer form is as good as its float model."""
    known = {"kind": "network", "mae_validation": mae, "mae_float": mae, "assets": rival(mae).assets}
    return Competitor(name=name, **{**known, "costs": costs(), "origin": MODELLED, **changes})
