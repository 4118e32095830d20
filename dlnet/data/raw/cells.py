"""One cell's cycles: capacity and the 16 features of each, and what is odd about its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from dlnet.data.features import FEATURES, ChargeWindow, charge_features
from dlnet.data.findings import Finding, Kind, spans
from dlnet.data.raw import formats
from dlnet.data.raw.cycles import Cycle, Phase, capacity_as_counted, find_cycles
from dlnet.data.raw.join import join
from dlnet.data.raw.samples import Samples, read_samples
from dlnet.errors import DataError

CELL, CYCLE, CAPACITY = "cell", "cycle", "capacity_ah"
"""Columns of the table of cycles, beside the features."""

OFF = 0.01
"""Largest deviation of a vendor's capacity from the integral that is not named, as a share of it."""


@dataclass(frozen=True)
class Source:
    """Files of one cell, or of several where a file has a column that names them.

    Attributes:
        name: of the cell. files: in natural order of their names.
    """

    name: str
    files: tuple[Path, ...]


@dataclass(frozen=True)
class CellCycles:
    """The cycles of one cell.

    Attributes:
        name: of the cell. vendor: of its first file.
        table: ``cell``, ``cycle`` (from 1), ``capacity_ah`` and the features; NaN where a charge gives none.
        findings: what is odd, with rows of ``table`` counted from 1.
    """

    name: str
    vendor: str
    table: pd.DataFrame
    findings: tuple[Finding, ...]


def read_source(source: Source) -> tuple[str, dict[str, Samples], list[Finding]]:
    """Samples of each cell in the files of a source, the vendor's name, and what is odd about the files.

    Raises:
        DataError: a file cannot be read, or one of several holds more than one cell; names it.
    """
    read = [read_samples(path) for path in source.files]
    vendor = read[0][0].name
    if len(read) == 1:
        cells = read[0][1]
        return vendor, {source.name: next(iter(cells.values()))} if len(cells) == 1 else cells, []
    for path, (_, cells) in zip(source.files, read, strict=True):
        if len(cells) > 1:
            raise DataError(f"{path}: {len(cells)} cells in one of several files of {source.name}; split it by cell")
    samples, cut = join([next(iter(cells.values())) for _, cells in read])
    listed = ", ".join(path.name for path in source.files[:5]) + (", ..." if len(source.files) > 5 else "")
    findings = [_finding(source.name, Kind.FILES, f"{len(source.files)} files joined: {listed}.")]
    if cut:
        findings.append(_finding(source.name, Kind.CUT, f"{cut} samples stand in two files; taken once."))
    return vendor, {source.name: samples}, findings


def cycles_of(name: str, vendor: str, samples: Samples, window: ChargeWindow | None) -> CellCycles:
    """Capacity and features of each complete cycle of a cell.

    Args:
        window: the part of a charge that the features describe, None: there is none, and no features.
    """
    cycles = find_cycles(samples)
    findings = [_finding(name, Kind.FILE, note) for note in samples.notes]
    rows: list[dict[str, float]] = []
    whole: list[Cycle] = []
    lost: list[tuple[int, str]] = []
    for number, cycle in enumerate(cycles, start=1):
        if cycle.discharge.fault:
            lost.append((number, cycle.discharge.fault))
            continue
        features, fault = _features(samples, cycle.charge, window)
        if cycle.charge.fault and fault:
            text = f"Cycle {number}: {cycle.charge.fault} in its charge, which gives no features."
            findings.append(_finding(name, Kind.SAMPLES, text, len(rows) + 1))
        rows.append({CYCLE: number, CAPACITY: cycle.discharge.ah, **features})
        whole.append(cycle)
    findings += [
        _finding(name, Kind.SAMPLES, f"Cycle {number}: {why} in its discharge; left out.") for number, why in lost
    ]
    table = pd.DataFrame(rows, columns=[CYCLE, CAPACITY, *FEATURES]).astype(
        {CYCLE: np.int64, **dict.fromkeys((CAPACITY, *FEATURES), np.float64)}
    )
    table.insert(0, CELL, name)
    findings += _partial(name, table, whole)
    findings += _capacities(name, samples, whole)
    findings += _numbers(name, samples, cycles)
    return CellCycles(name, vendor, table, tuple(findings))


def _features(samples: Samples, charge: Phase, window: ChargeWindow | None) -> tuple[dict[str, float], str | None]:
    """Features of a charge, NaN and the reason where it has none."""
    part = slice(charge.start, charge.stop)
    nothing = dict.fromkeys(FEATURES, np.nan)
    if charge.fault or window is None:
        return nothing, charge.fault or "no charge at constant voltage"
    try:
        found = charge_features(samples.time_s[part], samples.voltage_v[part], samples.current_a[part], window)
    except DataError as error:
        return nothing, str(error)
    return found, None


def _partial(name: str, table: pd.DataFrame, cycles: Sequence[Cycle]) -> list[Finding]:
    """The cycles whose charge has no bad sample, and yet no features: it is only a part of a charge."""
    missing = table[list(FEATURES)].isna().all(axis=1).to_numpy() & np.array(
        [cycle.charge.fault is None for cycle in cycles], dtype=bool
    )
    if not missing.any():
        return []
    text = f"{int(missing.sum())} of {len(table)} charges are not whole or not sampled well; they give no features."
    return [Finding(asset=name, rows=spans(missing), kind=Kind.MISSING, text=text)]


def _capacities(name: str, samples: Samples, cycles: Sequence[Cycle]) -> list[Finding]:
    """The vendor's columns of capacity that do not agree with the integral of the current."""
    findings = []
    for quantity in (formats.DISCHARGE_AH, formats.CAPACITY_AH):
        if quantity not in samples.capacities or not cycles:
            continue
        counted = np.array([capacity_as_counted(samples, quantity, cycle.discharge) for cycle in cycles])
        integral = np.array([cycle.discharge.ah for cycle in cycles])
        share = np.abs(counted / integral[:, None] - 1)
        odd = share[:, 0] > OFF
        if not odd.any():
            continue
        again = "it begins again within a discharge" if (share[odd, 1] <= OFF).all() else "check its unit"
        text = (
            f"The discharge capacity that the cycler counted is off by up to {share[odd, 0].max():.1%} from the "
            f"integral of the current in {int(odd.sum())} cycles: {again}. The integral is used."
        )
        findings.append(Finding(asset=name, rows=spans(odd), kind=Kind.CAPACITY, text=text))
    return findings


def _numbers(name: str, samples: Samples, cycles: Sequence[Cycle]) -> list[Finding]:
    """Whether the cycler counted as many cycles."""
    if samples.cycle is None:
        return []
    counted = np.unique(samples.cycle[np.isfinite(samples.cycle)]).size
    if abs(counted - len(cycles)) <= 2:  # one before the first charge, one that is not complete
        return []
    text = f"The cycler counts {counted} cycles, and the current has {len(cycles)} complete ones, which are used."
    return [_finding(name, Kind.RENUMBERED, text)]


def _finding(name: str, kind: Kind, text: str, row: int | None = None) -> Finding:
    short = text if len(text) <= 300 else f"{text[:297]}..."
    return Finding(asset=name, rows=() if row is None else ((row, row),), kind=kind, text=short)
