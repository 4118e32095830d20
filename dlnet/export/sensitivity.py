"""Mixed precision: which matrices bear weights of 4 bits, by what each costs on validation windows.

As in Dong et al., "HAWQ" (ICCV 2019), matrices are ranked by sensitivity; so few matrices need no estimate of it: the
loss of each is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dlnet.export.reference import Int16s
from dlnet.export.spec import Spec, make_spec
from dlnet.export.weights import StudentWeights
from dlnet.models.precision import Part, Precision

Score = Callable[[Spec], float]
"""MAE of a spec on validation windows, SoH."""
Flash = Callable[[Precision], float]
"""Bytes of engine and model on the device: code of 4 bits is longer, so that a small matrix gains nothing."""


@dataclass(frozen=True)
class Choice:
    """A precision and why.

    Attributes:
        sensitivity: MAE with this matrix alone in 4 bits over that with all in 8, by matrix.
    """

    precision: Precision
    sensitivity: dict[Part, float]


def choose_precision(student: StudentWeights, windows: Int16s, score: Score, flash: Flash, slack: float) -> Choice:
    """4 bits for as many weights as go, from the matrix that loses least a weight on, where that saves flash.

    Args:
        windows: quantised training windows (N, T, C), for rounding.
        slack: MAE of the result over that of all in 8 bits, at most.

    Raises:
        ModelError, DataError: as ``make_spec``.
    """
    whole = make_spec(student, windows)
    base, sizes = score(whole), {name: part.weights.size for name, part in whole.parts.items()}
    sensitivity = {name: score(make_spec(student, windows, Precision().lowered(name))) / base for name in sizes}
    chosen = Precision()
    for name in sorted(sizes, key=lambda part: (sensitivity[part] - 1) / sizes[part]):
        trial = chosen.lowered(name)
        if flash(trial) < flash(chosen) and score(make_spec(student, windows, trial)) <= slack * base:
            chosen = trial
    return Choice(chosen, sensitivity)
