"""The library's ``Status``, in the order of dlnet_status.h."""

from __future__ import annotations

STATUS = (
    *("ok", "not ready", "not a number", "out of range", "out of order", "beyond horizon", "bad size", "bad format"),
    *("other model", "bad checksum", "bad state", "self test failed", "saturated"),
)
OK, SATURATED = 0, STATUS.index("saturated")
GIVEN = (OK, SATURATED)  # statuses with which a forecast is given
