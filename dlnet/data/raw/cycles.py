"""Splits samples into cycles of charge and discharge, and integrates the current.

What is found in a cycle depends on samples up to the beginning of the next charge alone. So a file that is cut off
anywhere gives the same cycles, bit for bit, as far as they are complete.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlnet.data.raw.samples import Samples

NOISE = 0.002
"""Current at rest, as a share of the largest current so far."""
SMALLEST = 0.02
"""Charge of a phase that counts, as a share of the largest one so far: less is a pulse, or noise."""
LEAST_SWING_V = 0.05
"""Least change of voltage in a cycle, V: less is noise around a rest."""
LEAST_S = 30.0
"""Least duration of a phase, s."""
GAP_S, GAP_TIMES, GAP_SHARE = 600.0, 10.0, 0.05
"""A gap: longer than this, than this many usual intervals, and with this share of the phase's charge."""


@dataclass(frozen=True)
class Phase:
    """A charge or a discharge, with the rests in it.

    Attributes:
        start, stop: first sample, and that after the last one. charging: which of the two.
        ah: charge that flowed in its direction, Ah. fault: why it cannot be used, None: it can.
    """

    start: int
    stop: int
    charging: bool
    ah: float
    fault: str | None


@dataclass(frozen=True)
class Cycle:
    """One charge and the discharge after it, both complete."""

    charge: Phase
    discharge: Phase


def find_cycles(samples: Samples) -> list[Cycle]:
    """Complete cycles of one cell: charge, discharge, and the beginning of the next charge.

    A discharge at the start of a file, and the last cycle, which may be unfinished, are none.
    """
    phases = _merged(samples, _runs(samples))
    pairs = zip(phases, phases[1:-1], strict=False)
    cycles = [Cycle(first, second) for first, second in pairs if first.charging and not second.charging]
    return [cycle for cycle in cycles if _is_real(samples, cycle)]


def _runs(samples: Samples) -> list[tuple[int, int, bool]]:
    """Stretches of current of one sign, rests within them included: first sample, end, charging."""
    current = np.nan_to_num(samples.current_a, nan=0.0)
    if not current.size:
        return []
    size = np.abs(current)
    padded = np.concatenate([[0.0, 0.0], size])
    usual = np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0)  # a single wild value is none
    active = np.flatnonzero((size > NOISE * np.maximum.accumulate(usual)) & (size > 0))
    if not active.size:
        return []
    charging = current[active] > 0
    turns = np.flatnonzero(charging[1:] != charging[:-1]) + 1
    starts = np.concatenate([[0], turns])
    stops = np.concatenate([turns, [active.size]])
    return [
        (int(active[start]), int(active[stop - 1]) + 1, bool(charging[start]))
        for start, stop in zip(starts, stops, strict=True)
    ]


def _merged(samples: Samples, runs: list[tuple[int, int, bool]]) -> list[Phase]:
    """Phases: runs that are too small are left out, and those of one sign beside each other become one."""
    largest = 0.0
    kept: list[tuple[int, int, bool]] = []
    for start, stop, charging in runs:
        phase = _phase(samples, start, stop, charging)
        seconds, ah = _about(samples, start, stop)
        size = ah if phase.fault else phase.ah
        if size < SMALLEST * largest or seconds < LEAST_S:
            continue
        if phase.fault is None:
            largest = max(largest, phase.ah)
        if kept and kept[-1][2] == charging:
            kept[-1] = (kept[-1][0], stop, charging)
        else:
            kept.append((start, stop, charging))
    return [_phase(samples, *run) for run in kept]


def _phase(samples: Samples, start: int, stop: int, charging: bool) -> Phase:
    """Integrate one phase by the trapezoid, from the sample before it to the one after it.

    Where the current is switched, it flowed for at most as long as the interval beside lasts: a rest that is logged
    every few minutes adds nothing.
    """
    before, after = max(start - 1, 0), min(stop + 1, samples.time_s.size)
    entered, left = before < start, after > stop
    sign = 1.0 if charging else -1.0
    current = np.maximum(sign * np.nan_to_num(samples.current_a[before:after]), 0.0)
    interval = np.diff(samples.time_s[before:after])
    inner = interval[int(entered) : interval.size - int(left)]
    if inner.size and entered:
        interval[0] = _switched(interval[0], inner[0])
    if inner.size and left:
        interval[-1] = _switched(interval[-1], inner[-1])
    fault = _fault(samples, start, stop)
    parts = interval * (current[1:] + current[:-1]) / 2 / 3600
    ah = float(np.sum(parts))
    if fault is None and inner.size:
        usual = float(np.median(inner))
        wide = (interval > GAP_S) & (interval > GAP_TIMES * usual) & (parts > GAP_SHARE * ah)
        if wide.any():
            fault = f"no sample for {interval[wide].max():.0f} s while current flowed"
    return Phase(start, stop, charging, ah, fault)


def _switched(interval: float, beside: float) -> float:
    """How long current may have flowed in the interval in which it is switched, s."""
    return min(interval, beside) if interval > 0 else 0.0


def _about(samples: Samples, start: int, stop: int) -> tuple[float, float]:
    """Rough duration (s) and charge (Ah) of a run, whatever single samples are."""
    steps = np.diff(samples.time_s[start:stop])
    steps = steps[steps > 0]
    usual = float(np.median(steps)) if steps.size else 0.0
    seconds = float(np.sum(np.minimum(steps, GAP_TIMES * usual)))
    return seconds, usual * float(np.nansum(np.abs(samples.current_a[start:stop]))) / 3600


def _fault(samples: Samples, start: int, stop: int) -> str | None:
    """Why the samples of a phase cannot be integrated."""
    time = samples.time_s[start:stop]
    for name, values in (
        ("time", time),
        ("voltage", samples.voltage_v[start:stop]),
        ("current", samples.current_a[start:stop]),
    ):
        if not np.isfinite(values).all():
            return f"a sample without {name}"
    change = np.diff(time)
    if (change < 0).any():
        at = int(np.argmax(change < 0))
        return f"time goes back, from {time[at]:g} to {time[at + 1]:g} s"
    if (change == 0).any():
        return f"two samples at {time[int(np.argmax(change == 0))]:g} s"
    return None


def _is_real(samples: Samples, cycle: Cycle) -> bool:
    """Whether a cycle is more than noise around a rest."""
    voltage = samples.voltage_v[cycle.charge.start : cycle.discharge.stop]
    finite = voltage[np.isfinite(voltage)]
    faulty = cycle.charge.fault or cycle.discharge.fault
    return faulty is not None or (finite.size > 0 and float(np.ptp(finite)) >= LEAST_SWING_V)


def capacity_as_counted(samples: Samples, quantity: str, phase: Phase) -> tuple[float, float]:
    """What the vendor counted in a phase, Ah: as its column is read, and as the sum of its increments.

    The first is the highest value less that before the phase, as for a column that counts on, or from each cycle.
    It misses what a column lost that begins again in the phase; the second holds that too.
    """
    counted = samples.capacities[quantity][phase.start : phase.stop]
    before = samples.capacities[quantity][phase.start - 1] if phase.start else counted[0]
    start = min(before, counted[0])
    steps = np.diff(counted, prepend=start)
    increments = np.where(steps < 0, counted, steps)
    return float(np.max(counted) - start), float(np.sum(increments))
