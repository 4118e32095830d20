"""Whether an asset is like those that a model was trained on. What is not is said: no error was measured on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dlnet.config.quantities import Target
from dlnet.data.clean import ROUNDING
from dlnet.data.encode import Encoder
from dlnet.models.document import FIRST, ModelDocument, Range, Seen

Floats = npt.NDArray[np.floating[Any]]

MARGIN = (
    0.25  # of a range's width, at each end: validation and test assets of the embedded and the MIT fleet lie within
)
FEW = 0.1  # share of the rows of a window that may lie beyond the range
FIRST_MARGIN = 0.02  # of health, at least: new assets differ by so much
DEVIATIONS = 4.0  # of health from its mean, in the windows of a model that stored no ranges


def seen_by(document: ModelDocument) -> Seen | None:
    """The ranges of a model's training rows; None where the model says nothing of them."""
    if document.seen is not None:
        return document.seen
    encoder = getattr(document, "encoder", None)
    if not isinstance(encoder, Encoder):
        return None
    level = DEVIATIONS * encoder.level_scale
    health = Range(encoder.level_mean - level, encoder.level_mean + level)
    pairs = zip(encoder.features, encoder.low, encoder.high, strict=True)
    return Seen(health=health, first=health, features={name: Range(low, high) for name, low, high in pairs})


def outside(
    seen: Seen, health: Floats, features: Floats, names: Sequence[str], window: int, target: Target
) -> tuple[str, ...]:
    """How an asset differs from the training assets, a line each; none where it does not.

    Args:
        health: (rows,) cleaned; NaN, in the first rows or in all, where the file has none, which says nothing.
        features: (rows, F) cleaned, of the F ``names``.
        window: rows that the model looks at, the last ones.
    """
    lines = []
    known, last = (rows[np.isfinite(rows)] for rows in (health, health[-window:]))
    if len(known):
        lines += _first(seen.first, float(np.median(known[:FIRST])), target)
    if len(last):
        lines += _channel(target.symbol, last, seen.health, target)
    for name, column in zip(names, features[-window:].T, strict=True):
        if name in seen.features:
            lines += _channel(name, column, seen.features[name], None)
    return tuple(lines)


def said(lines: Sequence[str]) -> list[str]:
    """What users read of an asset that is outside; nothing of one that is not."""
    if not lines:
        return []
    named = [f"Outside the training range: {line}" for line in lines]
    return [*named, "No typical error is given: none was measured on such data."]


def _first(seen: Range, value: float, target: Target) -> list[str]:
    margin = max(MARGIN * (seen.high - seen.low), FIRST_MARGIN)
    if seen.low - margin <= value <= seen.high + margin:
        return []
    share = f"; is the nominal {target.quantity} right, or are the first rows missing?" if target.over_nominal else ""
    return [f"first {target.symbol} {_shown(value, target)}, in training {_between(seen, target)}{share}"]


def _channel(name: str, values: Floats, seen: Range, target: Target | None) -> list[str]:
    """One line if more than a few of a window's rows lie beyond the range."""
    margin = max(MARGIN * (seen.high - seen.low), ROUNDING * max(abs(seen.low), abs(seen.high)))
    beyond = (values < seen.low - margin) | (values > seen.high + margin)
    if beyond.mean() <= FEW:
        return []
    low, high = (_shown(float(end), target) for end in np.sort(values[beyond])[[0, -1]])
    own = low if low == high else f"{low} to {high}"
    return [f"{name} {own} in {beyond.sum()} of the last {len(values)} rows, in training {_between(seen, target)}"]


def _between(seen: Range, target: Target | None) -> str:
    ends = seen if target is None else sorted(target.from_health(seen).tolist())
    low, high = (f"{end:.4g}" for end in ends)
    return low if low == high else f"{low} to {high}"


def _shown(value: float, target: Target | None) -> str:
    return f"{value if target is None else float(target.from_health(value)):.4g}"
