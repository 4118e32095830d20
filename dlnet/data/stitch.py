"""Puts the parts of one asset together: in order, numbers that begin again continued, overlaps used once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dlnet.data.csvfiles import QUANTITY, TIME
from dlnet.data.findings import Finding, Kind
from dlnet.data.identity import twins
from dlnet.data.order import shown
from dlnet.errors import DataError

NAMED = 5
"""Files that a finding names one by one."""

SEAM = 5
"""Rows either side of a seam whose medians are compared."""


@dataclass(frozen=True)
class Part:
    """Rows of one asset in one file.

    Attributes:
        rows: float64, the index is the line in the file.
        cycle: number or time of each row, rising; None: rows stand in order.
        nominal: quantity of the asset when new. dated: its times were dates.
        excluded: numbers of rows that are no ageing cycles, and so no gap.
    """

    path: Path
    rows: pd.DataFrame
    cycle: pd.Series | None
    nominal: float
    dated: bool = False
    excluded: tuple[float, ...] = ()

    @property
    def place(self) -> pd.Series | None:
        """What orders rows: the cycle, else the time; None: nothing does."""
        if self.cycle is not None:
            return self.cycle
        return self.rows.get(TIME)

    @property
    def where(self) -> pd.Series:
        """Where a message finds each row."""
        return pd.Series([f"{self.path}: line {line}" for line in self.rows.index])


@dataclass(frozen=True)
class Stitched:
    """All rows of one asset.

    Attributes:
        cycle: numbers or times of the rows, rising, None: rows stand in order. dated: the times of rows were dates.
    """

    rows: pd.DataFrame
    cycle: pd.Series | None
    findings: tuple[Finding, ...]
    dated: bool = False


def stitch(asset: str, parts: Sequence[Part], largest_step: float) -> Stitched:
    """All rows of an asset, oldest first.

    Args:
        parts: one or more, in natural order of their files' names.
        largest_step: of the quantity, where numbers that begin again are continued.

    Raises:
        DataError: parts have numbers and times, or rows of the same number that differ, or numbers that begin again
            in an order that is not clear; names both files, lines and the remedy.
    """
    first = parts[0]
    for part in parts[1:]:
        if part.dated != first.dated:
            raise DataError(
                f"{part.path}: dates, where {first.path} has numbers, or the other way round, though both are parts of "
                f"{asset!r}; write the same in both"
            )
        if part.nominal != parts[0].nominal:
            raise DataError(
                f"{part.path}: a nominal value of {part.nominal:g}, but {parts[0].path}, a part of {asset!r} too, has "
                f"{parts[0].nominal:g}; correct one of them"
            )
    if len(parts) == 1:
        return Stitched(parts[0].rows.reset_index(drop=True), _plain(parts[0].cycle), (), parts[0].dated)
    ordered, findings = _ordered(asset, parts, largest_step)
    whole = _Whole(ordered[0])
    for part in ordered[1:]:
        findings += whole.add(asset, part)
    files = _listed([f"{part.path.name} ({len(part.rows)} rows)" for part in ordered])
    how = "" if ordered[0].place is not None else ", in the order of their names, for no column orders them"
    text = f"stitched from {len(ordered)} files{how}: {files}"
    return Stitched(whole.rows, whole.cycle, (_finding(asset, Kind.FILES, text), *findings), first.dated)


def _plain(cycle: pd.Series | None) -> pd.Series | None:
    return None if cycle is None else cycle.reset_index(drop=True)


def _longer(values: pd.Series | None, more: pd.Series | None, kept: np.ndarray) -> pd.Series | None:
    return None if values is None or more is None else pd.concat([values, more[kept]], ignore_index=True)


def _finding(asset: str, kind: Kind, text: str) -> Finding:
    return Finding(asset=asset, rows=(), kind=kind, text=text)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _ordered(asset: str, parts: Sequence[Part], largest_step: float) -> tuple[list[Part], list[Finding]]:
    """Parts by their first number or time, and numbers that begin again continued."""
    first = parts[0].place
    if first is None:
        _check_apart(parts)
        return list(parts), []
    for part in parts[1:]:
        if part.place is not None and part.place.dtype != first.dtype:
            raise DataError(
                f"{part.path}: times, where {parts[0].path} has numbers, though both are parts of {asset!r}; "
                "write the same in both"
            )
    if _begins_again(asset, parts):
        return _continued(asset, parts, largest_step)
    return sorted(parts, key=_first), []


def _check_apart(parts: Sequence[Part]) -> None:
    pair = twins([part.rows for part in parts], QUANTITY)
    if pair is not None:
        raise DataError(
            f"{parts[pair.second].path}: {pair.rows} of its rows stand in {parts[pair.first].path} too, and no column "
            "says which; name one that orders rows in data.csv.cycle (params.yaml), and they are used once"
        )


def _first(part: Part) -> Any:
    """Number or time of the first row; 0 where nothing orders rows."""
    return 0 if part.place is None else part.place.iloc[0]


def _begins_again(asset: str, parts: Sequence[Part]) -> bool:
    """Whether each part has cycle numbers of its own: all begin at the same 0 or 1, with other values."""
    begins = [None if part.cycle is None else part.cycle.iloc[0] for part in parts]
    if begins[0] not in (0, 1) or any(begin != begins[0] for begin in begins):
        return False
    first = _values(parts[0])[0]
    same = [np.array_equal(_values(part)[0], first, equal_nan=True) for part in parts[1:]]
    if any(same) and not all(same):
        raise DataError(
            f"{parts[1:][same.index(False)].path}: begins at {begins[0]:g} like {parts[0].path}, with other values, "
            f"while another part of {asset!r} has the same; leave out what stands there twice"
        )
    return not any(same)


def _values(part: Part) -> np.ndarray:
    return part.rows.drop(columns=TIME, errors="ignore").to_numpy()


def _continued(asset: str, parts: Sequence[Part], largest_step: float) -> tuple[list[Part], list[Finding]]:
    ordered = _clear_order(asset, parts)
    out, findings, last = [ordered[0]], [], 0.0
    for before, part in pairwise(ordered):
        _check_seam(asset, before, part, largest_step)
        begin, last = float(_first(part)), last + _length(before)
        out.append(replace(part, cycle=None if part.cycle is None else part.cycle + last))
        text = f"numbers of {part.path.name} begin at {begin:g} again: continued from {begin + last:g}"
        findings.append(_finding(asset, Kind.RENUMBERED, text))
    return out, findings


def _length(part: Part) -> float:
    """How many numbers a part spans, those that are left out too."""
    return 0.0 if part.cycle is None else float(part.cycle.iloc[-1] - part.cycle.iloc[0]) + 1.0


def _clear_order(asset: str, parts: Sequence[Part]) -> list[Part]:
    """Parts by time, if there is one; else by names that differ in their numbers alone."""
    if TIME in parts[0].rows:
        ordered = sorted(parts, key=lambda part: part.rows[TIME].iloc[0])
        if all(before.rows[TIME].iloc[-1] < after.rows[TIME].iloc[0] for before, after in pairwise(ordered)):
            return ordered
    elif len({re.sub(r"\d+", "0", part.path.stem) for part in parts}) == 1:
        return list(parts)
    raise DataError(
        f"{parts[1].path}: the numbers begin again at {shown(_first(parts[1]))} as in {parts[0].path}, and it is "
        f"not clear which part of {asset!r} comes first; number the files' names (part1, part2), or name a column "
        "that rises over all of them in data.csv.cycle (params.yaml)"
    )


def _check_seam(asset: str, before: Part, after: Part, largest_step: float) -> None:
    if QUANTITY not in before.rows:
        return
    last = float(before.rows[QUANTITY].dropna().tail(SEAM).median())
    first = float(after.rows[QUANTITY].dropna().head(SEAM).median())
    if abs(first - last) > largest_step:
        raise DataError(
            f"{after.path}: the numbers begin again, and so does the quantity: {first:.6g} after {last:.6g} at the end "
            f"of {before.path}, over {largest_step:.3g} apart; if this is no part of {asset!r}, correct "
            "data.csv.parts (params.yaml), else rename the files in their order"
        )


class _Whole:
    """The rows so far, with the place in the files of each."""

    def __init__(self, part: Part) -> None:
        self.rows = part.rows.reset_index(drop=True)
        self.cycle = _plain(part.cycle)
        self.place = _plain(part.place)
        self.where = part.where

    def add(self, asset: str, part: Part) -> list[Finding]:
        """Append a part that begins at a row of the whole or later; rows that stand in both are used once."""
        cut = np.zeros(len(part.rows), dtype=bool)
        if self.place is not None and part.place is not None:
            cut = self._overlap(part, self.place, part.place.reset_index(drop=True))
        kept = part.rows[~cut].reset_index(drop=True)
        self._check_time(kept, part.where[~cut])
        self.rows = pd.concat([self.rows, kept], ignore_index=True)
        self.where = pd.concat([self.where, part.where[~cut]], ignore_index=True)
        self.cycle, self.place = _longer(self.cycle, part.cycle, ~cut), _longer(self.place, part.place, ~cut)
        if not cut.any():
            return []
        first, last = (part.rows.index[i] for i in np.flatnonzero(cut)[[0, -1]])
        text = f"{cut.sum()} rows of {part.path.name} (lines {first}-{last}) stand in an earlier part too: used once"
        return [_finding(asset, Kind.CUT, text)]

    def _overlap(self, part: Part, place: pd.Series, new: pd.Series) -> np.ndarray:
        """(rows of the part,) whether a row stands in the whole too, with the same values."""
        cut = (new <= place.iloc[-1]).to_numpy()
        own = ((place >= new.iloc[0]) & (place <= new.iloc[-1])).to_numpy()
        if set(place[own]) != set(new[cut]):
            odd = min(set(place[own]) ^ set(new[cut]))
            raise DataError(
                f"{part.path}: {shown(new.iloc[0])} to {shown(new[cut].iloc[-1])} overlap with {self._file(own)}, but "
                f"{shown(odd)} stands in one of them alone; if they are of two assets, correct data.csv.parts or "
                "data.csv.asset (params.yaml), else delete one"
            )
        names = [name for name in part.rows if name in self.rows]
        mine, theirs = self.rows.loc[own, names].to_numpy(), part.rows.loc[cut, names].to_numpy()
        differs = ~((mine == theirs) | (np.isnan(mine) & np.isnan(theirs))).all(axis=1)
        if differs.any():
            i = int(differs.argmax())
            number, here, there = shown(new[cut].iloc[i]), part.where[cut].iloc[i], self.where[own].iloc[i]
            raise DataError(
                f"{here}: {number} has other values than at {there}; delete one of the two rows, or, if they "
                "are of two assets, correct data.csv.parts or data.csv.asset (params.yaml)"
            )
        return cut

    def _file(self, own: np.ndarray) -> str:
        among = self.where[own] if own.any() else self.where
        return str(among.iloc[-1]).rpartition(": line ")[0]

    def _check_time(self, kept: pd.DataFrame, where: pd.Series) -> None:
        if TIME in kept and len(kept) and kept[TIME].iloc[0] <= self.rows[TIME].iloc[-1]:
            raise DataError(
                f"{where.iloc[0]}: time {kept[TIME].iloc[0]:.12g} is not after {self.rows[TIME].iloc[-1]:.12g} at "
                f"{self.where.iloc[-1]}; times must rise over all parts of an asset"
            )
