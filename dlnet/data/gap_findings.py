"""Words about what was not measured: targets between check-ups, and features that rows lack."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlnet.config.quantities import Quantities
from dlnet.data.findings import Finding, Kind, spans

NAMED = 3
"""Features that a finding names one by one, those with most gaps first."""


def not_measured(asset: str, before: int, health: np.ndarray, quantities: Quantities) -> list[Finding]:
    """Which rows of an asset did not measure the target.

    Args:
        before: rows before the first target, which are left out. health: (n,) as measured, of the rows from there on.
    """
    symbol, time = quantities.target.symbol, quantities.time
    found = []
    if before:
        text = f"{symbol} is first measured after {time.count(before)}, which are left out"
        found.append(Finding(asset=asset, rows=((1, before),), kind=Kind.NOT_MEASURED, text=text))
    known = np.isfinite(health)
    if not known.all():
        most = int(np.diff(np.flatnonzero(np.append(known, True))).max()) - 1
        text = (
            f"{symbol} was measured in {known.sum():,} of {time.count(len(health))}, with up to {most} between or "
            "after them; as input the last measured one holds, and no error is counted there"
        )
        found.append(Finding(asset=asset, rows=(), kind=Kind.NOT_MEASURED, text=text))
    return found


def missing_findings(asset: str, measured: np.ndarray, names: Sequence[str], quantities: Quantities) -> list[Finding]:
    """Which rows of an asset lack a feature; ``measured``: (n, F) of the F ``names``."""
    lacks = np.isnan(measured)
    if not lacks.any():
        return []
    counts = lacks.sum(axis=0)
    worst = [i for i in np.argsort(-counts, kind="stable").tolist() if counts[i]]
    named = ", ".join(f"{names[i]} {counts[i]:,}" for i in worst[:NAMED])
    more = f" and {len(worst) - NAMED} more" if len(worst) > NAMED else ""
    odd = lacks.any(axis=1)
    text = (
        f"{odd.sum():,} of {quantities.time.count(len(odd))} lack a feature ({named}{more}): the last value holds, "
        "before a feature's first one its median in training"
    )
    return [Finding(asset=asset, rows=spans(odd), kind=Kind.MISSING, text=text)]
