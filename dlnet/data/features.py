"""The 16 statistics of a charge curve that describe one cycle."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dlnet.errors import DataError

Array = NDArray[np.float64]

FEATURES: tuple[str, ...] = (
    "voltage mean",
    "voltage std",
    "voltage kurtosis",
    "voltage skewness",
    "CC Q",
    "CC charge time",
    "voltage slope",
    "voltage entropy",
    "current mean",
    "current std",
    "current kurtosis",
    "current skewness",
    "CV Q",
    "CV charge time",
    "current slope",
    "current entropy",
)
"""Names and order of the features: those of the per-cycle files published with PINN4SOH."""


@dataclass(frozen=True)
class ChargeWindow:
    """Which parts of a charge are used. The defaults are those for the 1.1 Ah LFP cells of MIT and HUST.

    The CC part lies between ``cutoff_v - below_v`` and ``cutoff_v - tolerance_v``, on the last rise to the
    cut-off, so an earlier and faster charging step is not used. The CV part follows it, while the current
    falls from ``current_from_a`` to ``current_to_a``.

    Raises:
        DataError: the limits are not finite or not in order.
    """

    cutoff_v: float = 3.6
    """Voltage at which the charge turns from constant current to constant voltage, V."""
    below_v: float = 0.2
    """How far below the cut-off the CC part begins, V."""
    tolerance_v: float = 0.005
    """How far below the cut-off the CC part ends, V: wider than noise and the cycler's regulation error."""
    current_from_a: float = 0.5
    """Current at which the CV part begins, A (or the current at the cut-off, if that is lower)."""
    current_to_a: float = 0.1
    """Current at which the CV part ends, A."""
    sample_s: float = 5.0
    """Unit of time of slopes and entropies, s: published values are per sample, about 5 s deviation."""
    min_samples: int = 8
    """Fewest samples of the curve inside each part."""

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, astuple(self))):
            raise DataError(f"charge window: every limit must be a finite number, got {self}")
        if not 0 < self.tolerance_v < self.below_v < self.cutoff_v:
            raise DataError(
                "charge window: needs 0 < tolerance_v < below_v < cutoff_v, "
                f"got {self.tolerance_v}, {self.below_v}, {self.cutoff_v} V"
            )
        if not 0 < self.current_to_a < self.current_from_a:
            raise DataError(
                "charge window: needs 0 < current_to_a < current_from_a, "
                f"got {self.current_to_a}, {self.current_from_a} A"
            )
        if self.sample_s <= 0 or self.min_samples < 2:
            raise DataError("charge window: needs sample_s > 0 and min_samples >= 2")


MIT_WINDOW = ChargeWindow()
"""For cells charged to 3.6 V with a nominal capacity of 1.1 Ah."""


def charge_features(
    time_s: ArrayLike, voltage_v: ArrayLike, current_a: ArrayLike, window: ChargeWindow = MIT_WINDOW
) -> dict[str, float]:
    """The 16 features of one charge, after Wang et al., Nature Communications 15, 4332 (2024), "PINN4SOH".

    With x the voltage in the CC part or the current in the CV part, T the duration of the part and D the unit
    of time ``sample_s``; every integral is the trapezoid over the samples, with the ends of a part
    interpolated, so nothing depends on the sampling rate:

    ================  ====  ====================================================================
    mean              V, A  m = (1/T) integral of x dt
    std               V, A  s = sqrt((1/T) integral of (x - m)^2 dt)
    kurtosis          1     (1/T) integral of (x - m)^4 dt / s^4 - 3
    skewness          1     (1/T) integral of (x - m)^3 dt / s^3
    CC Q, CV Q        Ah    integral of current dt / 3600
    charge time       s     T
    slope             V, A  of the least-squares line over time, per D
    entropy           nat   ln(S / D) - (1/S) integral of x ln x dt, with S the integral of x dt: Shannon's
                            entropy of the samples as shares of their sum, if there were one each D
    ================  ====  ====================================================================

    Args:
        time_s: (N,) time of each sample, s, strictly rising.
        voltage_v: (N,) voltage, V.
        current_a: (N,) current, A, positive while charging.
        window: the parts of the curve to use.

    Returns:
        name -> value for each of ``FEATURES``, in that order.

    Raises:
        DataError: the arrays do not fit together, contain a value that is not finite, time does not rise, or
            a part is missing or has too few samples; the message names it.
    """
    curve = _checked(time_s, voltage_v, current_a)
    constant_current, constant_voltage = _parts(*curve, window)
    time, voltage, current = constant_current
    tail_time, _, tail_current = constant_voltage
    values = (
        *_statistics(time, voltage, current, window.sample_s),
        *_statistics(tail_time, tail_current, tail_current, window.sample_s),
    )
    return dict(zip(FEATURES, values, strict=True))


def _checked(*arrays: ArrayLike) -> tuple[Array, Array, Array]:
    names = ("time_s", "voltage_v", "current_a")
    try:
        time, voltage, current = (np.asarray(values, dtype=np.float64) for values in arrays)
    except (TypeError, ValueError) as error:
        raise DataError(f"charge curve: not numbers ({error})") from error
    if any(values.ndim != 1 for values in (time, voltage, current)):
        raise DataError("charge curve: time_s, voltage_v and current_a must be one-dimensional")
    if not time.size == voltage.size == current.size:
        raise DataError(
            f"charge curve: lengths differ: {time.size} times, {voltage.size} voltages, {current.size} currents"
        )
    if time.size == 0:
        raise DataError("charge curve: no samples")
    for name, values in zip(names, (time, voltage, current), strict=True):
        wrong = np.flatnonzero(~np.isfinite(values))
        if wrong.size:
            raise DataError(f"charge curve: {name}[{wrong[0]}] is {values[wrong[0]]}, not a finite number")
    not_rising = np.flatnonzero(np.diff(time) <= 0)
    if not_rising.size:
        at = int(not_rising[0])
        raise DataError(f"charge curve: time_s must rise, but goes from {time[at]} to {time[at + 1]} at {at + 1}")
    return time, voltage, current


def _parts(
    time: Array, voltage: Array, current: Array, window: ChargeWindow
) -> tuple[tuple[Array, Array, Array], tuple[Array, Array, Array]]:
    """The CC and the CV part as (time, voltage, current) each, their ends interpolated."""
    low, high = window.cutoff_v - window.below_v, window.cutoff_v - window.tolerance_v
    curve = np.stack([time, voltage, current])
    at_cutoff = np.flatnonzero(voltage >= high)
    if not at_cutoff.size:
        raise DataError(f"charge curve: never reaches {high:g} V (highest is {voltage.max():g} V)")
    top = int(at_cutoff[0])
    under = np.flatnonzero(voltage[:top] < low)
    if not under.size:
        raise DataError(f"charge curve: the CC part is cut off: no sample below {low:g} V before {high:g} V")
    start = int(under[-1])
    rise = _between(curve, start, top, (1, low), (1, high))

    falling = np.flatnonzero(current[top:] <= window.current_from_a)
    ended = np.flatnonzero(current[top:] <= window.current_to_a)
    if not ended.size:
        raise DataError(
            f"charge curve: the CV part is cut off: current stays above {window.current_to_a:g} A "
            f"(last is {current[-1]:g} A)"
        )
    first, last = top + int(falling[0]), top + int(ended[0])
    begin = max(first - 1, top)
    tail = _between(curve, begin, last, (2, window.current_from_a), (2, window.current_to_a))
    for name, part in (("CC", rise), ("CV", tail)):
        inside = part.shape[1] - 2
        if inside < window.min_samples:
            raise DataError(f"charge curve: {inside} samples in the {name} part, {window.min_samples} needed")
    return (rise[0], rise[1], rise[2]), (tail[0], tail[1], tail[2])


def _between(curve: Array, before: int, after: int, enter: tuple[int, float], leave: tuple[int, float]) -> Array:
    """Samples from the crossing after row ``before`` to the crossing before row ``after``: (3, samples + 2)."""
    head = _crossing(curve[:, before], curve[:, min(before + 1, after)], *enter)
    foot = _crossing(curve[:, after - 1], curve[:, after], *leave)
    middle = curve[:, before + 1 : after]
    inner = middle[:, (middle[0] > head[0]) & (middle[0] < foot[0])]
    return np.concatenate([head[:, None], inner, foot[:, None]], axis=1)


def _crossing(left: Array, right: Array, row: int, level: float) -> Array:
    """The point between two samples where one quantity has the value ``level``, kept within the two."""
    step = right[row] - left[row]
    share = (level - left[row]) / step if step else 0.0
    return left + min(max(share, 0.0), 1.0) * (right - left)


def _statistics(time: Array, values: Array, current: Array, sample_s: float) -> tuple[float, ...]:
    """Mean, std, kurtosis, skewness, charge (Ah), duration (s), slope and entropy of one part."""
    duration = float(time[-1] - time[0])

    def average(quantity: Array) -> float:
        return float(np.trapezoid(quantity, time)) / duration

    mean = average(values)
    deviation = values - mean
    variance = average(deviation**2)
    clock = time - time[0] - duration / 2
    slope = average(clock * deviation) / average(clock**2)
    entropy = math.log(mean * duration / sample_s) - average(values * np.log(values)) / mean
    return (
        mean,
        math.sqrt(variance),
        average(deviation**4) / variance**2 - 3,
        average(deviation**3) / variance**1.5,
        average(current) * duration / 3600,
        duration,
        slope * sample_s,
        entropy,
    )
