"""Tasks for tests: those of the project, and the battery's with changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dlnet.config.quantities import Quantities, load_quantities

BATTERY = load_quantities("battery", Path(__file__).parents[1] / "tasks")


def changed(**changes: Any) -> Quantities:
    """Task battery with other values; ``target={"unit": "m"}`` changes one key of a mapping."""
    content = BATTERY.model_dump()
    for name, value in changes.items():
        content[name] = {**content[name], **value} if name == "target" else value
    return Quantities.model_validate(content)
