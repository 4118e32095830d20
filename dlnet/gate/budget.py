"""What a model takes on the device, against what it may take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from dlnet.config.publish import BudgetParams
from dlnet.files import read_json
from dlnet.gate.verdict import Verdict

UNITS = {"flash_bytes": "B", "ram_bytes": "B", "instructions": "", "ms_modelled": "ms"}
LABELS = {"flash_bytes": "flash", "ram_bytes": "RAM", "instructions": "instructions", "ms_modelled": "modelled time"}


def device_figures(root: Path, name: str) -> tuple[dict[str, float], str]:
    """Flash and RAM (B), instructions and modelled ms a forecast of ``name``; and where they come from.

    Taken from reports/firmware.json if that is of this model (RAM there is static data plus stack, time is with the
    flash cache off); else what reports/summary.json has of the cost model, for weights of the bits it was quantised in.
    """
    report = root / "reports/firmware.json"
    if report.is_file() and (found := read_json(report)).get("model") == name:
        modelled = found.get("ms_modelled", {}).get("cache_off")
        ram = [found.get(key) for key in ("ram_bytes", "stack_bytes")]
        known = {"flash_bytes": found.get("flash_bytes"), "instructions": found.get("instructions")}
        known |= {"ms_modelled": modelled, "ram_bytes": sum(ram) if None not in ram else None}
        return {key: float(value) for key, value in known.items() if value is not None}, "compiled and emulated"
    edges = read_json(root / "reports/summary.json")["edges"]
    row = next((edge for edge in edges if edge["name"] == name), None)
    if row is None:
        return {}, "unknown"
    return {key: float(row[key]) for key in UNITS if key in row}, "cost model"


def within_budget(figures: Mapping[str, float], origin: str, budget: BudgetParams) -> Verdict:
    """Judge the figures; one that is missing or not finite fails."""
    checks = [_check(key, figures.get(key), float(getattr(budget, key)), origin) for key in UNITS]
    return Verdict(
        reasons=tuple(text for ok, text in checks if not ok),
        held=tuple(text for ok, text in checks if ok),
    )


def _check(key: str, value: float | None, most: float, origin: str) -> tuple[bool, str]:
    unit, show = f" {UNITS[key]}".rstrip(), "{:,.0f}" if most >= 100 else "{:.3g}"
    if value is None or not math.isfinite(value):
        return False, f"{LABELS[key]} is not known"
    word = "of" if value <= most else "over"
    return value <= most, f"{LABELS[key]} {show.format(value)}{unit} {word} {show.format(most)}{unit} ({origin})"
