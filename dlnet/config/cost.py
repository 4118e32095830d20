"""Section ``cost``: for estimates of energy, CO2 and time."""

from __future__ import annotations

from dlnet.config.base import Positive, Section


class CostParams(Section):
    """The country whose electricity grid is used, and the clock of the microcontroller."""

    country: str
    clock_mhz: Positive
