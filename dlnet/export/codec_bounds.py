"""Check that the integers of a front end fit the types that a device holds them in."""

from __future__ import annotations

import numpy as np

from dlnet.data.clean import AHEAD, LONGEST, WIDENING
from dlnet.errors import ModelError
from dlnet.export import fixed
from dlnet.export.frontend import FAR, HIGHEST_FLOOR, Codec, Scale

BLOCK = 64  # rows: so that a block's sum of codes stays below 2^21
CENTRE = 1 << 22  # of a block's sum: its distance from the sum, times 2^8, fits 32 bits
EXTRA_SHIFTS = (1, 30)


def check_codec(codec: Codec) -> None:
    """Raise for a front end whose arithmetic could overflow.

    Raises:
        ModelError: names the field.
    """
    target = codec.target
    scales = [*codec.feature, *(scale for _, scale in codec.relative)]
    scales += [] if target is None else [target.change, target.level]
    centres = [*(codec.centre if codec.quantiles is None else ()), *([] if target is None else [target.level_centre])]
    floats = [codec.offset, codec.scale, codec.typical, codec.limits, np.array([codec.value_offset, codec.value_scale])]
    right = {
        "block": 1 <= codec.block <= BLOCK,
        "offset, scale or limits": all(np.isfinite(values).all() for values in floats) and codec.scale.all(),
        "sigmas": all(0 < value <= fixed.INT32_MAX for value in codec.sigmas) and _spread_fits(codec),
        "floor": all(0 <= value <= HIGHEST_FLOOR for value in codec.floor),
        "centre": all(abs(value) <= CENTRE for value in centres),
        "scale of an input": all(map(_fits, scales)),
        "drop limit": target is None or abs(target.drop_limit) <= FAR,
    }
    for name, holds in right.items():
        if not holds:
            raise ModelError(f"{name} of the front end does not fit the device's integers; train with other data")


def _fits(scale: Scale) -> bool:
    low, high = EXTRA_SHIFTS
    return 0 < scale.multiplier <= fixed.INT32_MAX and low <= scale.extra_shift <= high


def _spread_fits(codec: Codec) -> bool:
    """Whether the widest spread of known codes and of their trend fits the 64 bits of ``off_level``."""
    if codec.target is None:
        return True
    spread = ((codec.memory // 2 * 2 << 16) + (codec.memory + LONGEST << 17)) * 4
    return AHEAD * codec.sigmas[0] * (WIDENING + LONGEST) * spread < 2**63
