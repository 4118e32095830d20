"""Compares a model's costs on the device with its budget."""

from __future__ import annotations

import math
from collections.abc import Mapping

from dlnet.config.publish import BudgetParams
from dlnet.gate.verdict import Verdict

UNITS = {"flash_bytes": "B", "ram_bytes": "B", "instructions": "", "ms_modelled": "ms"}
LABELS = {"flash_bytes": "flash", "ram_bytes": "RAM", "instructions": "instructions", "ms_modelled": "modelled time"}


def within_budget(figures: Mapping[str, float], origin: str, budget: BudgetParams) -> Verdict:
    """Compare the figures with the budget; one that is missing or not finite fails."""
    return Verdict.of([_check(key, figures.get(key), float(getattr(budget, key)), origin) for key in UNITS])


def _check(key: str, value: float | None, most: float, origin: str) -> tuple[bool, str]:
    unit, show = f" {UNITS[key]}".rstrip(), "{:,.0f}" if most >= 100 else "{:.3g}"
    if value is None or not math.isfinite(value):
        return False, f"{LABELS[key]} is not known"
    relation = "of" if value <= most else "over"
    return value <= most, f"{LABELS[key]} {show.format(value)}{unit} {relation} {show.format(most)}{unit} ({origin})"
