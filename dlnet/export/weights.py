"""A trained student as plain float arrays, checked before anything is quantised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from dlnet.errors import ModelError
from dlnet.models.skips import slope_lags

Cell = Literal["liquid", "ltc"]
Skip = Literal["slopes", "last", "none"]
FloatArray = npt.NDArray[np.floating]


@dataclass(frozen=True)
class StudentWeights:
    """Weights of one Euler student: C channels, n hidden units, G gate rows, S skip inputs, M head rows, B branches.

    ``cell`` "liquid" has G = 2n rows (gate, then candidate), "ltc" has G = n. ``rate`` is the leak after
    softplus, in [0, 1] per step. ``reversal`` is the ltc's A in [-1, 1], None for liquid. M is the number of
    knots, plus one when ``offset`` is true. Scales are in health per unit of the head.

    With rank r the cell's matrix is [wx; wh] v, with wx (C, r) and wh (n, r); on inputs within ±8 and states within ±1
    the r intermediate values stay within ±8. ``wo`` and ``bo`` hold the branches one after the other; with several,
    ``wg`` and ``bg`` give the gate's logits from the last inputs and the last state.
    """

    cell: Cell
    substeps: int
    steps: int
    wx: FloatArray  # (C, G), or (C, r)
    wh: FloatArray  # (n, G), or (n, r)
    b: FloatArray  # (G,)
    rate: FloatArray  # (n,)
    reversal: FloatArray | None  # (n,)
    wo: FloatArray  # (n + S, B M)
    bo: FloatArray  # (B M,)
    skip: Skip
    knots: tuple[int, ...]
    horizon: int
    delta_scale: float
    offset_scale: float
    offset: bool
    v: FloatArray | None = None  # (r, G)
    wg: FloatArray | None = None  # (C + n, B)
    bg: FloatArray | None = None  # (B,)

    @property
    def channels(self) -> int:
        """Number of input channels C."""
        return int(self.wx.shape[0])

    @property
    def hidden(self) -> int:
        """Number of hidden units n."""
        return int(self.wh.shape[0])

    @property
    def branches(self) -> int:
        """Number of heads B."""
        return 1 if self.bg is None else len(self.bg)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Inputs of the head besides the state: see ``skip_pairs``."""
        return skip_pairs(self.skip, self.channels, self.steps)

    def check(self) -> None:
        """Raise for a student that has no exact integer form.

        Raises:
            ModelError: a shape, a range or a value is wrong; names it.
        """
        _check_sizes(self)
        _check_shapes(self)
        _check_ranges(self)


def skip_pairs(skip: Skip, channels: int, steps: int) -> tuple[tuple[int, int], ...]:
    """Skip inputs as (channel, lag): z[-1] - z[-1 - lag] of that channel, or z[-1] itself where lag is 0.

    "slopes": channel 0 over 2, 5 and all steps (a lag longer than the window is shortened to the window).
    "last": the last value of each channel, then last minus first of each.
    """
    span = steps - 1
    if skip == "slopes":
        return tuple((0, lag) for lag in slope_lags(steps))
    if skip == "last":
        return tuple((c, 0) for c in range(channels)) + tuple((c, span) for c in range(channels))
    return ()


def _check_sizes(student: StudentWeights) -> None:
    if student.cell not in ("liquid", "ltc"):
        raise ModelError(f"cell must be liquid or ltc, not {student.cell!r}")
    if student.skip not in ("slopes", "last", "none"):
        raise ModelError(f"skip must be slopes, last or none, not {student.skip!r}")
    for name, array, dimensions in (("wx", student.wx, 2), ("wh", student.wh, 2)):
        if array.ndim != dimensions or 0 in array.shape:
            raise ModelError(f"{name} must be a non-empty matrix, not of shape {array.shape}")
    limits = {"channels": student.channels, "hidden": student.hidden, "steps": student.steps}
    limits["branches"] = student.branches
    if student.v is not None:
        limits["rank"] = len(student.v)
    for name, value in {**limits, "substeps": student.substeps}.items():
        if not 1 <= value <= 255:
            raise ModelError(f"{name} must lie in 1..255, not {value}")
    if student.steps < 2 and student.skip != "none":
        raise ModelError(f"skip {student.skip!r} compares steps: it needs at least 2, not {student.steps}")
    rising = all(low < high for low, high in zip((0, *student.knots), student.knots, strict=False))
    if not student.knots or not rising or student.knots[-1] != student.horizon:
        raise ModelError(f"knots must rise from 1 and end at the horizon {student.horizon}: {student.knots}")
    if student.horizon > 65535:
        raise ModelError(f"horizon must be at most 65535, not {student.horizon}")


def _check_shapes(student: StudentWeights) -> None:
    channels, hidden = student.channels, student.hidden
    rows = 2 * hidden if student.cell == "liquid" else hidden
    outputs = student.branches * (len(student.knots) + int(student.offset))
    inner = rows if student.v is None else len(student.v)
    expected: dict[str, tuple[int, ...]] = {
        "wx": (channels, inner),
        "wh": (hidden, inner),
        "b": (rows,),
        "rate": (hidden,),
        "wo": (hidden + len(student.pairs), outputs),
        "bo": (outputs,),
    }
    if student.v is not None:
        expected["v"] = (inner, rows)
    if student.wg is not None or student.bg is not None:
        expected |= {"wg": (channels + hidden, student.branches), "bg": (student.branches,)}
    if student.cell == "ltc":
        expected["reversal"] = (hidden,)
    elif student.reversal is not None:
        raise ModelError("a liquid cell has no reversal potential; it must be None")
    for name, shape in expected.items():
        array = getattr(student, name)
        if array is None or np.shape(array) != shape:
            raise ModelError(f"{name} must have shape {shape}, not {None if array is None else np.shape(array)}")
        if not np.isfinite(array).all():
            raise ModelError(f"{name} holds a value that is not finite; train the model again")


def _check_ranges(student: StudentWeights) -> None:
    bounded = {"rate": (student.rate, 0.0), "reversal": (student.reversal, -1.0)}
    for name, (array, low) in bounded.items():
        if array is not None and (array.min() < low or array.max() > 1):
            raise ModelError(f"{name} must lie in {low:g}..1, not {array.min():g}..{array.max():g}")
    scales = {"delta_scale": student.delta_scale}
    if student.offset:
        scales["offset_scale"] = student.offset_scale
    for name, scale in scales.items():
        if not (np.isfinite(scale) and scale > 0):
            raise ModelError(f"{name} must be positive and finite, not {scale!r}")
