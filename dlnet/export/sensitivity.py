"""Mixed precision: which matrices get weights of 4 bits, by the error that each adds on validation windows.

As in Dong et al., "HAWQ" (ICCV 2019), matrices are ranked by sensitivity; with so few
matrices it is measured, not estimated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dlnet.export.reference import Int16s
from dlnet.export.spec import Spec, make_spec
from dlnet.export.weights import StudentWeights
from dlnet.models.precision import Part, Precision

Score = Callable[[Spec], float]
"""MAE of a spec on validation windows, in the target's unit."""
Flash = Callable[[Precision], float]
"""Bytes of engine and model on the device: code for 4 bits is larger, so a small matrix saves nothing."""


@dataclass(frozen=True)
class Choice:
    """The chosen precision and its reason.

    Attributes:
        sensitivity: by matrix: MAE with it alone in 4 bits, divided by that with all in 8.
    """

    precision: Precision
    sensitivity: dict[Part, float]


def choose_precision(student: StudentWeights, windows: Int16s, score: Score, flash: Flash, slack: float) -> Choice:
    """Choose 4 bits for matrices in order of error added per weight, where that saves flash and is within ``slack``.

    Args:
        windows: quantised training windows (N, T, C), for rounding.
        slack: largest MAE of the result, as a multiple of that with all in 8 bits.

    Raises:
        ModelError, DataError: as ``make_spec``.
    """
    all_int8 = make_spec(student, windows)
    base, sizes = score(all_int8), {name: part.weights.size for name, part in all_int8.parts.items()}
    sensitivity = {name: score(make_spec(student, windows, Precision().lowered(name))) / base for name in sizes}
    chosen = Precision()
    for name in sorted(sizes, key=lambda part: (sensitivity[part] - 1) / sizes[part]):
        trial = chosen.lowered(name)
        if flash(trial) < flash(chosen) and score(make_spec(student, windows, trial)) <= slack * base:
            chosen = trial
    return Choice(chosen, sensitivity)
