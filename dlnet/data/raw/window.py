"""Which part of a charge the features describe, where the user does not say: by the first whole charge of a cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlnet.data.features import ChargeWindow
from dlnet.data.raw.cycles import Cycle
from dlnet.data.raw.samples import Samples

FROM, TO = 0.45, 0.09
"""Currents between which the CV part lies, in 1/h of the capacity: those of the published features."""


def find_window(samples: Samples, cycles: Sequence[Cycle]) -> ChargeWindow | None:
    """The window of the first charge that ends at constant voltage; None: there is none."""
    windows = (_window(samples, cycle) for cycle in cycles if not (cycle.charge.fault or cycle.discharge.fault))
    return next((window for window in windows if window is not None), None)


def window_of(cutoff_v: float, capacity_ah: float) -> ChargeWindow:
    """The window of cells of a capacity (Ah) that are charged to a voltage (V).

    Raises:
        DataError: the voltage is below that at which the window begins.
    """
    return ChargeWindow(cutoff_v=cutoff_v, current_from_a=FROM * capacity_ah, current_to_a=TO * capacity_ah)


def _window(samples: Samples, cycle: Cycle) -> ChargeWindow | None:
    part = slice(cycle.charge.start, cycle.charge.stop)
    voltage, current = samples.voltage_v[part], samples.current_a[part]
    cutoff = round(float(voltage.max()), 2)
    held = np.flatnonzero(voltage >= cutoff - ChargeWindow.tolerance_v)
    if held.size < ChargeWindow.min_samples:
        return None
    hour = float(f"{cycle.discharge.ah:.2g}")  # current that empties the cell in one hour, A
    end = float(current[held][-3:].min())
    begins = min(FROM * hour, float(current[held][0]))
    ends = max(TO * hour, 1.1 * end)
    if not 0 < ends < 0.9 * begins:
        return None
    return ChargeWindow(cutoff_v=cutoff, current_from_a=round(FROM * hour, 6), current_to_a=round(ends, 6))
