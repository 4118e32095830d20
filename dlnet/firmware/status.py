"""The library's ``Status``, in the order of dlnet_status.h."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dlnet.export.path import DevicePath

STATUS = (
    *("ok", "not ready", "not a number", "out of range", "out of order", "beyond horizon", "bad size", "bad format"),
    *("other model", "bad checksum", "bad state", "self test failed", "saturated", "held"),
)
OK, SATURATED, HELD = 0, STATUS.index("saturated"), STATUS.index("held")
GIVEN = (OK, SATURATED, HELD)  # statuses with which a forecast is given


def given_as(path: DevicePath) -> npt.NDArray[np.int64]:
    """(N,) the status with which a device gives each forecast."""
    return np.where(path.flagged, SATURATED, np.where((path.off > 0) | (path.missing > 0), HELD, OK))
