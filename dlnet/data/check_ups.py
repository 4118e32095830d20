"""Words about check-ups: rows that left the level of the target, and were left out."""

from __future__ import annotations

from dlnet.config.quantities import Quantities, Track
from dlnet.data.clean import LONGEST, Levels
from dlnet.data.findings import Finding, Kind, spans


def held_note(off: int, quantities: Quantities) -> str:
    """What a forecast says of a file whose last ``off`` rows are off the level."""
    symbol, time = quantities.target.symbol, quantities.time
    return (
        f"held: the last {time.count(off)} left the level of {symbol}, as a check-up does; the forecast rests on those "
        f"before. After {LONGEST} such {time.many} it follows the new level."
    )


def check_up_findings(asset: str, levels: Levels, quantities: Quantities, track: Track) -> list[Finding]:
    """Which rows of an asset are check-ups, and where it came to a new level instead."""
    symbol, time = quantities.target.symbol, quantities.time
    found = []
    check_ups, late = levels.check_ups, (levels.off > 0) & ~levels.check_ups
    if check_ups.any():
        blocks = int((levels.off[check_ups] == 1).sum())
        end = f"; the last {time.count(int(levels.off[-1]))} may be a new level" if levels.off[-1] else ""
        times = "once" if blocks == 1 else f"{blocks} times"
        rows, parts = time.count(int(check_ups.sum())), "inputs and targets" if track == "with_target" else "targets"
        text = f"{symbol} left its level {times} and came back, {rows} in all: left out of {parts}{end}"
        found.append(Finding(asset=asset, rows=spans(check_ups), kind=Kind.CHECK_UP, text=text))
    if late.any() and track == "with_target":
        text = f"{symbol} came to a new level; inputs held the old one for these {time.many}, as a device does"
        found.append(Finding(asset=asset, rows=spans(late), kind=Kind.CHECK_UP, text=text))
    return found
