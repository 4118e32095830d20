"""Several files of one cell as one: by date where all have one, else by the clock of the test, else in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dlnet.data.raw.samples import Array, Samples


def join(parts: Sequence[Samples]) -> tuple[Samples, int]:
    """Join samples of one cell, given in the natural order of their files' names.

    A part that repeats samples of those before it, as a longer export does, gives only its new ones.

    Returns:
        The samples, and how many were left out because an earlier file holds them.
    """
    if all(part.date_s is not None and np.isfinite(part.date_s).all() for part in parts):
        return _by_date(parts)
    joined, cut = parts[0], 0
    for part in parts[1:]:
        start = _repeated(joined, part)
        cut += start
        rest = part.at(slice(start, None))
        if start == 0 and rest.time_s.size and joined.time_s.size and not rest.time_s[0] > joined.time_s[-1]:
            shift = np.nanmax(joined.time_s) - np.nanmin(rest.time_s) + 1.0  # its clock began anew
            rest = replace(rest, time_s=rest.time_s + shift)
        joined = _appended(joined, rest)
    return joined, cut


def _by_date(parts: Sequence[Samples]) -> tuple[Samples, int]:
    ordered = sorted(parts, key=lambda part: _dates(part)[0] if part.time_s.size else np.inf)
    joined, cut = ordered[0], 0
    for part in ordered[1:]:
        new = np.ones(part.time_s.size, dtype=bool)
        if joined.time_s.size:
            new = _dates(part) > _dates(joined)[-1]
        cut += int(np.sum(~new))
        rest = part.at(new)
        if rest.time_s.size and joined.time_s.size:  # the clock of the test is finer than the dates
            apart = _dates(rest)[0] - _dates(joined)[-1]
            rest = replace(rest, time_s=rest.time_s - rest.time_s[0] + joined.time_s[-1] + apart)
        joined = _appended(joined, rest)
    return joined, cut


def _dates(part: Samples) -> Array:
    return np.zeros(part.time_s.size) if part.date_s is None else part.date_s


def _repeated(joined: Samples, part: Samples) -> int:
    """How many samples at the start of a part stand in those before it, with the same time, voltage and current."""
    if not (part.time_s.size and joined.time_s.size):
        return 0
    before, after = (np.stack([one.time_s, one.voltage_v, one.current_a], axis=1) for one in (joined, part))
    first = np.flatnonzero((before == after[0]).all(axis=1))
    if not first.size:
        return 0
    length = min(len(before) - int(first[0]), len(after))
    same = (before[first[0] : int(first[0]) + length] == after[:length]).all(axis=1)
    return length if same.all() else 0


def _appended(joined: Samples, part: Samples) -> Samples:
    names = joined.capacities.keys() & part.capacities.keys()

    def both(left: Array | None, right: Array | None) -> Array | None:
        return None if left is None or right is None else np.concatenate([left, right])

    return Samples(
        np.concatenate([joined.time_s, part.time_s]),
        np.concatenate([joined.current_a, part.current_a]),
        np.concatenate([joined.voltage_v, part.voltage_v]),
        {name: np.concatenate([joined.capacities[name], part.capacities[name]]) for name in sorted(names)},
        both(joined.cycle, part.cycle),
        both(joined.step, part.step),
        both(joined.date_s, part.date_s),
        tuple(dict.fromkeys((*joined.notes, *part.notes))),
    )
