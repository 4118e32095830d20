"""The gate for alias ``candidate``: a small model must also be accurate on validation windows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from dlnet.config.publish import PublishParams

SIMPLE = ("persistence", "line", "parabola", "ridge")
"""Baselines that the int8 model must beat without any tolerance."""

Figures = Mapping[str, float | None]


@dataclass(frozen=True)
class Verdict:
    """Result of the gate: ``reasons`` lists the conditions that failed, ``held`` those that hold."""

    reasons: tuple[str, ...]
    held: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the model may become a candidate."""
        return not self.reasons


def verdict(mae: Figures, size: Figures, limits: PublishParams) -> Verdict:
    """Check the int8 model. A figure that is missing, NaN or not positive fails its condition.

    Args:
        mae: validation MAE (health) of ``int8``, ``float`` (the model it was made from) and each baseline.
        size: bytes of ``int8`` and ``boosting``.
        limits: the bounds, from params.yaml.
    """
    checks = [
        *(_beats(mae, name) for name in SIMPLE),
        _boosting(mae, size, limits),
        _quantisation(mae, limits),
    ]
    return Verdict(
        reasons=tuple(text for ok, text in checks if not ok),
        held=tuple(text for ok, text in checks if ok),
    )


def _usable(figures: Figures, name: str) -> float | None:
    value = figures.get(name)
    return value if value is not None and math.isfinite(value) and value > 0 else None


def _beats(mae: Figures, name: str) -> tuple[bool, str]:
    ours, theirs = _usable(mae, "int8"), _usable(mae, name)
    if ours is None or theirs is None:
        return False, _unusable("MAE", {"int8": ours, name: theirs})
    if ours < theirs:
        return True, f"int8 MAE {ours:.5f} beats {name} ({theirs:.5f})"
    return False, f"int8 MAE {ours:.5f} does not beat {name} ({theirs:.5f})"


def _boosting(mae: Figures, size: Figures, limits: PublishParams) -> tuple[bool, str]:
    wins, text = _beats(mae, "boosting")
    ours, theirs = _usable(mae, "int8"), _usable(mae, "boosting")
    if wins or ours is None or theirs is None:
        return wins, text
    slack = limits.boosting_slack
    if ours > slack * theirs:
        return False, f"{text} and is {ours / theirs:.3f} x its MAE, above {slack:g} x"
    small, large = _usable(size, "int8"), _usable(size, "boosting")
    if small is None or large is None:
        return False, f"{text}; {_unusable('bytes', {'int8': small, 'boosting': large})}"
    share = f"{small:.0f} of {large:.0f} bytes ({small / large:.3%})"
    if small >= limits.boosting_bytes_ratio * large:
        return False, f"{text} and is not far smaller: {share}, not below {limits.boosting_bytes_ratio:.3%}"
    return True, f"int8 MAE {ours:.5f} within {slack:g} x of boosting ({theirs:.5f}) at {share}"


def _quantisation(mae: Figures, limits: PublishParams) -> tuple[bool, str]:
    ours, theirs = _usable(mae, "int8"), _usable(mae, "float")
    if ours is None or theirs is None:
        return False, _unusable("MAE", {"int8": ours, "float": theirs})
    text = f"int8 over float {ours / theirs:.4f} x"
    if ours <= limits.int8_bound * theirs:
        return True, f"{text}, at most {limits.int8_bound:g} x"
    return False, f"{text}, above {limits.int8_bound:g} x"


def _unusable(quantity: str, values: Figures) -> str:
    return f"no usable {quantity} of " + " and ".join(name for name, value in values.items() if value is None)
