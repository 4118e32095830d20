"""Times of rows that are written as ISO dates: numbers in the task's unit of time, since the beginning of 1970."""

from __future__ import annotations

import numpy as np
import pandas as pd

SECONDS = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    **dict.fromkeys(("week", "weeks"), 604800.0),
}
"""Units of time -> seconds."""


def since_1970(moments: pd.Series, unit: str) -> pd.Series:
    """Moments (in UTC) as float64 in a unit of ``SECONDS``."""
    return moments.astype("datetime64[us, UTC]").astype(np.int64) / (1e6 * SECONDS[unit])


def date_of(time: float, unit: str) -> str:
    """The date and time that a number of ``since_1970`` stands for, to the second."""
    return str(np.datetime64(round(time * SECONDS[unit]), "s"))
