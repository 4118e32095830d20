"""Checks of an encoder that was read from a file: what it divides by, sorts, indexes and allocates."""

from __future__ import annotations

import math
from itertools import pairwise

from dlnet.data.encode import Encoder
from dlnet.errors import ModelError

MOST_ROWS = 65535  # of a window, and of a forecast
MOST_FEATURES = 1024
MOST_QUANTILES = 65
LARGEST, SMALLEST = 1e30, 1e-30  # sizes whose ratios and float32 are finite
HIGHEST_HEALTH = 2.0  # an anchor's limit


def check_encoder(encoder: Encoder) -> None:
    """Raise for an encoder that no fit gives.

    Raises:
        ModelError: names the field.
    """
    for name, holds in {**_sizes(encoder), **_names(encoder)}.items():
        if not holds:
            raise ModelError(f"encoder.{name} cannot be right; run dvc repro")
    for name, holds in _numbers(encoder).items():
        if not holds:
            raise ModelError(f"encoder.{name} is not finite, of the wrong length or out of range; run dvc repro")


def _sizes(encoder: Encoder) -> dict[str, bool]:
    knots = encoder.knots
    return {
        "window": 1 <= encoder.window <= MOST_ROWS,
        "block": 1 <= encoder.block <= encoder.window and encoder.window % max(1, encoder.block) == 0,
        "horizon": 1 <= encoder.horizon <= MOST_ROWS,
        "knots": len(knots) > 0 and knots[0] >= 1 and knots[-1] == encoder.horizon and _rises(knots),
    }


def _names(encoder: Encoder) -> dict[str, bool]:
    features, relative = encoder.features, encoder.relative
    return {
        "features": (0 if encoder.track == "with_target" else 1) <= len(features) <= MOST_FEATURES
        and len(set(features)) == len(features)
        and all(name and name.isprintable() for name in features),
        "relative": len(set(relative)) == len(relative) and set(relative) <= set(features),
    }


def _numbers(encoder: Encoder) -> dict[str, bool]:
    count, rows = len(encoder.features), encoder.quantiles
    width = len(rows[0]) if rows else 0
    return {
        "center": len(encoder.center) == count and _within(encoder.center),
        "scale": len(encoder.scale) == count and _positive(encoder.scale),
        "low": len(encoder.low) == count and _within(encoder.low),
        "high": len(encoder.high) == count
        and _within(encoder.high)
        and all(low <= high for low, high in zip(encoder.low, encoder.high, strict=False)),
        "typical": not encoder.typical or (len(encoder.typical) == count and _within(encoder.typical)),
        "relative_scale": len(encoder.relative_scale) == len(encoder.relative) and _positive(encoder.relative_scale),
        "quantiles": not rows
        or (
            len(rows) == count
            and 2 <= width <= MOST_QUANTILES
            and all(len(row) == width and _within(row) and _never_falls(row) for row in rows)
        ),
        "level_mean": _within((encoder.level_mean,)) and abs(encoder.level_mean) <= HIGHEST_HEALTH,
        "level_scale": _positive((encoder.level_scale,)),
        "delta_scale": _positive((encoder.delta_scale,)),
        "drop_limit": _within((encoder.drop_limit,)),
    }


def _rises(values: tuple[int, ...]) -> bool:
    return all(low < high for low, high in pairwise(values))


def _never_falls(values: tuple[float, ...]) -> bool:
    return all(low <= high for low, high in pairwise(values))


def _within(values: tuple[float, ...]) -> bool:
    return all(math.isfinite(value) and abs(value) <= LARGEST for value in values)


def _positive(values: tuple[float, ...]) -> bool:
    return _within(values) and all(value >= SMALLEST for value in values)
