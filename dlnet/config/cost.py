"""Section ``cost``."""

from __future__ import annotations

from dlnet.config.base import Positive, Section


class CostParams(Section):
    """Where the electricity comes from, and the clock of the microcontroller."""

    country: str
    clock_mhz: Positive
