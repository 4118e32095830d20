"""Finds assets that stand in the data twice. What counts is what was measured, not names, line ends or formats.

Two assets are the same where either

- a stretch of rows stands in both, number for number, that holds at least ``BITS`` of surprise: a row's surprise is
  ``log2(1 + |second difference| / resolution)``. So a longer export, one without its first rows, and one that overlaps
  are found, and a straight line or the slow steps of a coarse instrument, which two assets can share, say nothing; or
- all rows of one are the first rows of the other, with ``LEVELS`` different values of the quantity or more; or
- such a stretch stands in both once the values of the finer one are rounded to the steps of the coarser.

Numbers are compared to ``DIGITS`` significant digits. The quantity is compared alone, and together with the features.
The time is that of sorting all rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

BITS = 64.0
"""Chance of 2^-64 for one stretch; 2,000 lives of 500 rows have under 2^37 pairs of stretches."""

LEVELS = 30
DIGITS = 7  # what float32 holds of a number
LENGTHS = tuple(16 << i for i in range(8))  # rows of the stretches that are looked up
LATTICE = 1e-3  # distance from a whole number of steps, in steps, at which a value counts as on it

Hashes = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

_P = np.uint64(0x9E3779B97F4A7C15)  # odd, so it has an inverse modulo 2^64
_INVERSE = np.uint64(pow(int(_P), -1, 1 << 64))


@dataclass(frozen=True)
class Twins:
    """Two assets that hold the same measurements: their positions, first equal row of each (from 0), and how many."""

    first: int
    second: int
    starts: tuple[int, int]
    rows: int


def twins(tables: Sequence[pd.DataFrame], quantity: str) -> Twins | None:
    """The first two assets that are the same; None: all differ.

    Args:
        tables: rows of each asset, float64, as measured, with the same columns. quantity: name of the main column.
    """
    if len(tables) < 2:
        return None
    values = [table.to_numpy(np.float64) for table in tables]
    own = list(tables[0].columns).index(quantity)
    for columns in ([own], range(len(tables[0].columns))):
        lives = _Lives([_digits(life[:, columns]) for life in values], [_surprise(life[:, columns]) for life in values])
        found = next(lives.stretches(), None)
        if found is not None:
            return found
    pair = lives.beginning([len(np.unique(life[:, own])) for life in values])
    return pair or next(_rounded_copies([life[:, own] for life in values]), None)


def _rounded_copies(values: Sequence[Floats]) -> Iterator[Twins]:
    """Pairs of which one is the other in fewer decimals, whichever way halves were rounded."""
    powers = [_decimal_step(life) for life in values]
    for power in sorted(set(powers))[1:]:  # nothing is finer than the finest
        for to_even in (True, False):
            steps = [life / 10.0**power for life in values]
            rounded = [np.rint(step.round(3)) if to_even else np.floor(step.round(3) + 0.5) for step in steps]
            keys = [life[:, None] for life in rounded]
            yield from _Lives([_digits(key) for key in keys], [_surprise(key) for key in keys]).stretches()


def _decimal_step(column: Floats) -> int:
    """Power of ten of the steps that the values of a column move in."""
    step = _resolution(column)
    return math.floor(math.log10(step) + LATTICE) if step > 0 else -DIGITS


class _Lives:
    """Hashes of the rows of all assets, one after the other."""

    def __init__(self, keys: Sequence[npt.NDArray[np.int64]], surprise: Sequence[Floats]) -> None:
        self.keys = keys
        lengths = np.array([len(key) for key in keys])
        self.ends = np.cumsum(lengths)
        self.starts = self.ends - lengths
        self.life = np.repeat(np.arange(len(keys)), lengths)
        rows = _row_hashes(np.concatenate(keys))
        with np.errstate(over="ignore"):  # arithmetic modulo 2^64
            self.powers = np.cumprod(np.concatenate([[np.uint64(1)], np.full(len(rows), _INVERSE)]))
            weights = np.cumprod(np.concatenate([[np.uint64(1)], np.full(len(rows) - 1, _P)]))
            self.sums = np.concatenate([[np.uint64(0)], np.cumsum(rows * weights)])
        self.bits = np.concatenate([[0.0], np.cumsum(np.concatenate(surprise))])

    def hashes(self, first: npt.NDArray[np.intp], last: npt.NDArray[np.intp]) -> Hashes:
        """Hash of the rows ``first`` to ``last`` (exclusive) of the whole."""
        with np.errstate(over="ignore"):
            return (self.sums[last] - self.sums[first]) * self.powers[first]

    def stretches(self) -> Iterator[Twins]:
        """Pairs of assets that share a stretch with enough surprise; shorter stretches first."""
        for length in LENGTHS:
            first = np.flatnonzero(np.arange(len(self.life)) + length <= self.ends[self.life])
            if not len(first):
                return
            windows = self.hashes(first, first + length)
            block = first[(first - self.starts[self.life[first]]) % length == 0]
            half = length // 2
            bits = self.bits[block + length] - self.bits[block + 2]  # the first two have no second difference
            second = self.bits[block + length] - self.bits[block + half + 2]
            halves = np.maximum(self.bits[block + half] - self.bits[block + 2], second)
            new = (bits >= BITS) & ((length == LENGTHS[0]) | (halves < BITS))
            yield from self._shared(block[new], length, first, windows)

    def _shared(
        self, blocks: npt.NDArray[np.intp], length: int, first: npt.NDArray[np.intp], windows: Hashes
    ) -> Iterator[Twins]:
        """Assets in which the rows of a block of another asset stand too."""
        order = np.argsort(windows, kind="stable")
        ranked, wanted = windows[order], self.hashes(blocks, blocks + length)
        low, high = np.searchsorted(ranked, wanted, "left"), np.searchsorted(ranked, wanted, "right")
        for block, start, end in zip(blocks[high - low > 1], low[high - low > 1], high[high - low > 1], strict=True):
            for place in first[order[start:end]]:
                pair = self._pair(int(block), int(place))
                if pair is not None and pair.rows >= length:
                    yield pair

    def _pair(self, one: int, other: int) -> Twins | None:
        """The whole stretch of equal rows around two places, if they are of two assets."""
        lives = self.life[one], self.life[other]
        if lives[0] == lives[1]:
            return None
        i, j = (place - self.starts[life] for place, life in zip((one, other), lives, strict=True))
        back = min(i, j)
        a, b = self.keys[lives[0]][i - back :], self.keys[lives[1]][j - back :]
        common = min(len(a), len(b))
        equal = (a[:common] == b[:common]).all(axis=1)
        unequal = np.flatnonzero(~equal)
        begin = int(unequal[unequal < back].max() + 1) if (unequal < back).any() else 0
        end = int(unequal[unequal >= back].min()) if (unequal >= back).any() else common
        return _twins(lives, (i - back + begin, j - back + begin), end - begin)

    def beginning(self, levels: Sequence[int]) -> Twins | None:
        """Two assets of which one is the beginning of the other, or all of it."""
        first, whole = self.starts[self.life], np.arange(1, len(self.life) + 1)
        prefixes = self.hashes(first, whole)
        own: dict[np.uint64, int] = {}
        for life, end in enumerate(self.ends):
            if levels[life] >= LEVELS:
                own.setdefault(prefixes[end - 1], life)
        for place in np.flatnonzero(np.isin(prefixes, np.array(list(own), dtype=np.uint64))):
            shorter, longer = own[prefixes[place]], self.life[place]
            rows = len(self.keys[shorter])
            if longer != shorter and np.array_equal(self.keys[longer][:rows], self.keys[shorter]):
                return _twins((shorter, longer), (0, 0), rows)
        return None


def _twins(lives: tuple[int, int], starts: tuple[int, int], rows: int) -> Twins:
    (first, start), (second, other) = sorted(zip(map(int, lives), map(int, starts), strict=True))
    return Twins(first, second, (start, other), rows)


def _digits(values: Floats) -> npt.NDArray[np.int64]:
    """(n, 2 F) the first ``DIGITS`` digits of each number, and its power of ten; a missing number is one of its own."""
    with np.errstate(divide="ignore", invalid="ignore"):
        power = np.floor(np.log10(np.abs(values)))
    power = np.where(np.isfinite(power), power, 0.0)
    digits = np.rint(values * 10.0 ** (DIGITS - 1 - power))
    digits = np.where(np.isfinite(values), digits, np.iinfo(np.int64).min)
    return np.concatenate([digits, power], axis=1).astype(np.int64)


def _row_hashes(keys: npt.NDArray[np.int64]) -> Hashes:
    out = np.zeros(len(keys), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for column in keys.T:
            out = (out ^ pd.util.hash_array(np.ascontiguousarray(column)).astype(np.uint64)) * _P
            out ^= out >> np.uint64(29)
    return out


def _surprise(values: Floats) -> Floats:
    """(n,) bits of each row: the most of its columns."""
    bits = np.zeros(len(values))
    for column in values.T:
        bend = np.abs(np.diff(column, 2))
        step = _resolution(column)
        if step > 0 and len(bend):
            with np.errstate(invalid="ignore"):
                bend = np.where(np.isfinite(bend) & (bend > step / 2), bend / step, 0.0)
            bits[2:] = np.maximum(bits[2:], np.log2(1.0 + bend))
    return bits


def _resolution(column: Floats) -> float:
    """Step of which all differences of a column are multiples, a power of ten, or the last of ``DIGITS`` digits."""
    finite = column[np.isfinite(column)]
    if not len(finite):
        return 0.0
    last = float(np.abs(finite).max()) * 10.0 ** (1 - DIGITS)
    distances = np.diff(np.unique(finite))
    distances = distances[distances > last]
    if not len(distances):
        return last
    away = finite - finite[0]
    for step in (float(distances.min()), *(10.0**-power for power in range(DIGITS + 1))):
        if step > last and (np.abs(away / step - np.rint(away / step)) <= LATTICE).all():
            return step
    return last
