"""What the values of an asset show that is odd for a life, though they can be used. All limits are stated here."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from dlnet.config.quantities import Quantities
from dlnet.data.clean import MAD_TO_SIGMA, health_floor
from dlnet.data.findings import Finding, Kind, counted, spans

JUMP = 5.0
"""A step of the cleaned target between two rows over this many floors of cleaning is a jump."""

MANY = 5
"""More jumps than this mean that rows are not in order."""

ABOVE, BELOW = 1.2, 0.8
"""First share of the nominal value beyond which that is probably wrong, or the asset was not new."""

FIRST = 10
"""Rows at the beginning that can be special, such as formation cycles; as many after them are their measure."""

FORMATION = 2.0
"""In floors: distance of special first rows."""

RISE = 1.0
"""In floors: rise above the beginning that is named."""

SMOOTH = 11
"""Rows of the running median in which a rise is looked for."""

SIGMAS = 3.0
"""Robust deviations of the steps between measured rows that are their floor, where the task's is not used."""

CONSTANT = 20
"""Rows of one and the same value that are a constant stretch."""

Floats = npt.NDArray[np.float64]


def oddities(asset: str, raw: Floats, cleaned: Floats, features: Floats, quantities: Quantities) -> list[Finding]:
    """Findings about the values of one asset.

    Args:
        raw: (n,) health as measured. cleaned: (n,) with both sides of a row known. Where NaN, nothing was measured.
        features: (n, F) as measured.
    """
    cleaned = np.where(np.isfinite(raw), cleaned, np.nan)
    beginning = _beginning(raw, quantities)
    special = max((rows[0][1] for kind, rows, _ in beginning if kind is Kind.FORMATION), default=0)
    found = [
        *_jumps(cleaned, special, quantities),
        *_nominal(cleaned, quantities),
        *beginning,
        *_repeated(raw, features),
        *_constant(raw, quantities),
    ]
    return [Finding(asset=asset, rows=rows, kind=kind, text=text) for kind, rows, text in found]


_Found = list[tuple[Kind, tuple[tuple[int, int], ...], str]]


def _size(health: float, quantities: Quantities) -> str:
    """A difference of health in the unit of the target."""
    return f"{health * quantities.target.size:.3g}"


def _floor(measured: Floats, quantities: Quantities) -> tuple[float, float]:
    """Deviation of measured rows (m,) that is nothing odd, and usual wear from one to the next.

    Where only check-ups measure, the task's floor is not used in cleaning (it is the whole range): then the floor is
    what their steps scatter by.
    """
    target, floor, steps = quantities.target, health_floor(quantities), np.diff(measured)
    usual = float(np.median(steps)) if len(steps) else 0.0
    low, high = target.range
    if quantities.cleaning.target >= high - low:
        scatter = float(np.median(np.abs(steps - usual))) if len(steps) else 0.0
        floor = max(SIGMAS * MAD_TO_SIGMA * scatter, target.noise_floor / target.size)
    return floor, max(-usual, 0.0)


def _jumps(cleaned: Floats, special: int, quantities: Quantities) -> _Found:
    """Steps between rows after the ``special`` first ones, which are a finding of their own."""
    known = np.flatnonzero(np.isfinite(cleaned))
    bound, symbol = JUMP * max(_floor(cleaned[known], quantities)), quantities.target.symbol
    steps = np.abs(np.diff(cleaned[known]))
    odd = np.zeros(len(cleaned), dtype=bool)
    odd[known[1:][steps > bound]] = True
    odd[: special + 1] = False
    found: _Found = []
    if odd.any():
        largest, over = _size(float(steps.max()), quantities), _size(bound, quantities)
        text = f"{symbol} jumps by over {over} at {counted(odd.sum(), 'row')}, by up to {largest}"
        if odd.sum() > MANY:
            text += "; rows are probably not in order: name the column that orders them in data.csv.cycle"
        found.append((Kind.ORDER if odd.sum() > MANY else Kind.JUMP, spans(odd), text))
    return found + _backwards(cleaned[known], quantities)


def _backwards(known: Floats, quantities: Quantities) -> _Found:
    """The end of a life is above its beginning: perhaps the newest row stands first."""
    if len(known) < 4 * FIRST:
        return []
    tenth = len(known) // 10
    gain = float(np.median(known[-tenth:]) - np.median(known[:tenth]))
    if gain <= JUMP * _floor(known, quantities)[0]:
        return []
    text = (
        f"{quantities.target.symbol} is better at the end than at the beginning, by {_size(gain, quantities)}: does "
        "the newest row stand first? Name the column that orders rows in data.csv.cycle"
    )
    return [(Kind.ORDER, (), text)]


def _nominal(cleaned: Floats, quantities: Quantities) -> _Found:
    target, known = quantities.target, cleaned[np.isfinite(cleaned)]
    if not target.over_nominal or not len(known):
        return []
    first = float(np.median(target.from_health(known[:FIRST])))
    if BELOW <= first <= ABOVE:
        return []
    what = "is the nominal value right?" if first > ABOVE else "was it new, and is the nominal value right?"
    return [(Kind.NOMINAL, (), f"begins at {first:.3g} x the nominal {target.quantity}; {what}")]


def _beginning(raw: Floats, quantities: Quantities) -> _Found:
    known = np.flatnonzero(np.isfinite(raw))
    values, symbol = raw[known], quantities.target.symbol
    if len(values) < 2 * FIRST + SMOOTH:
        return []
    floor, wear = _floor(values, quantities)
    away = np.abs(values - _line_back(values)) > FORMATION * max(floor, wear)
    special = int(np.argmin(away)) if not away.all() else len(away)
    if 0 < special <= FIRST:
        rows = ((int(known[0]) + 1, int(known[special - 1]) + 1),)
        text = f"{special} first rows differ by over {_size(FORMATION * floor, quantities)} from those after them"
        return [(Kind.FORMATION, rows, f"{text} (formation?); leave them out of the file if they are no ageing")]
    smooth = pd.Series(values).rolling(SMOOTH, center=True).median().dropna().to_numpy()
    top = int(np.argmax(smooth))
    rise = float(smooth[top] - smooth[0])
    if rise <= RISE * floor:
        return []
    best = int(known[top + SMOOTH // 2]) + 1
    text = f"{symbol} gets better by {_size(rise, quantities)} until row {best} before it gets worse"
    return [(Kind.RISING, ((1, best),), text)]


def _line_back(values: Floats) -> Floats:
    """(n,) the line through rows 11 to 20 and 21 to 30, so that steady wear is nothing special."""
    near, far = np.median(values[FIRST : 2 * FIRST]), np.median(values[2 * FIRST : 3 * FIRST])
    middle = 1.5 * FIRST - 0.5
    return np.asarray(near + (far - near) / FIRST * (np.arange(len(values)) - middle))


def _repeated(raw: Floats, features: Floats) -> _Found:
    """Complete rows whose every value stands in an earlier one; a target alone repeats too easily to say anything."""
    if not features.shape[1]:
        return []
    values = np.column_stack([raw, features])
    odd = pd.DataFrame(values).duplicated().to_numpy() & np.isfinite(values).all(axis=1)
    if not odd.any():
        return []
    text = f"{odd.sum()} rows repeat an earlier one, value for value: the same rows twice, or very coarse values"
    return [(Kind.REPEATED, spans(odd), text)]


def _constant(raw: Floats, quantities: Quantities) -> _Found:
    change = np.flatnonzero(np.diff(raw) != 0) + 1  # NaN differs from everything
    starts, ends = np.append(0, change), np.append(change, len(raw))
    odd = np.zeros(len(raw), dtype=bool)
    for start, end in zip(starts, ends, strict=True):
        odd[start:end] = end - start >= CONSTANT
    if not odd.any():
        return []
    longest = int((ends - starts).max())
    text = (
        f"{quantities.target.symbol} stays exactly the same over {CONSTANT} rows and more, {odd.sum()} rows in all, "
        f"up to {longest} at a stretch: very coarse values, or values filled in"
    )
    return [(Kind.CONSTANT, spans(odd), text)]
