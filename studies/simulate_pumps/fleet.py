"""The pumps of the simulated fleet: classes of duty, random variation between pumps, and what each is asked to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RATED_FLOW = 0.09
"""Flow of best efficiency, m^3/s."""

RATED_RISE = 1.1e6
"""Rise of pressure from suction to discharge that a plant needs at the rated flow, Pa."""

STATIC_SHARE = 0.6
"""Share of that rise which does not depend on flow (height and tank pressure); pipe friction is the rest."""

YEAR = 365.0


@dataclass(frozen=True)
class Duty:
    """What the pumps of one group do.

    Flows are shares of ``RATED_FLOW``, temperatures degrees Celsius; ``solids`` is the wear by the fluid's solids
    relative to ordinary raw water. Names with ``season`` are amplitudes of the yearly wave (of solids in the exponent),
    ``campaign`` is the standard deviation of a level of the flow that is drawn anew after ``campaign_days`` on average,
    ``weekend`` what the flow lacks then.
    """

    group: str
    flow: float
    season: float
    campaign: float
    campaign_days: float
    weekend: float
    ambient_c: float
    ambient_season: float
    solids: float
    solids_season: float


DUTIES: tuple[Duty, ...] = (
    Duty("municipal", 0.95, 0.06, 0.03, 120, 0.05, 20, 7, 0.9, 0.5),
    Duty("irrigation", 0.92, 0.18, 0.03, 120, 0.00, 22, 9, 1.1, 0.7),
    Duty("cooling", 0.98, 0.10, 0.03, 120, 0.02, 28, 8, 0.9, 0.5),
    Duty("drainage", 0.90, 0.10, 0.05, 90, 0.00, 22, 6, 1.3, 0.7),
    Duty("process", 0.96, 0.00, 0.06, 120, 0.10, 26, 5, 1.2, 0.3),
)
"""Flows, temperatures and solids were set by hand, to be of the usual size (docs/pumps.md)."""


@dataclass(frozen=True)
class Pump:
    """One pump: its duty, its own factors on ProgPy's parameters and on the rates of wear, and where its test ends.

    ``impeller`` (pressure coefficient), ``passage`` (flow coefficient), ``cooling`` (heat from oil to the room),
    ``radial`` and ``thrust`` (friction of the new bearings) and ``clearance`` (gap of the new wear ring) are factors on
    the type's values; ``erosion``, ``ring``, ``radial_wear`` and ``thrust_wear`` on the rates, ``demand`` on the flow;
    ``end`` is the last head over the nominal one.
    """

    name: str
    seed: int
    duty: Duty
    impeller: float
    passage: float
    cooling: float
    radial: float
    thrust: float
    clearance: float
    erosion: float
    ring: float
    radial_wear: float
    thrust_wear: float
    demand: float
    end: float

    def to_dict(self) -> dict[str, object]:
        """Every number of the pump, as plain JSON."""
        return asdict(self)


FACTORS = (
    "impeller",
    "passage",
    "cooling",
    "radial",
    "thrust",
    "clearance",
    "erosion",
    "ring",
    "radial_wear",
    "thrust_wear",
    "demand",
)
"""The factors among the fields of ``Pump``: all are 1 for the type."""


def type_pump(duty: Duty = DUTIES[0]) -> Pump:
    """A pump exactly as its type, never stopped."""
    return Pump(name="type", seed=0, duty=duty, end=0.0, **dict.fromkeys(FACTORS, 1.0))


@dataclass(frozen=True)
class Load:
    """(pumps, days) what each pump meets on each day."""

    flow: Array
    """Flow asked for, m^3/s."""
    rise: Array
    """Rise of pressure that the plant needs at that flow, Pa."""
    ambient: Array
    """Temperature of the room, K."""
    solids: Array
    """Wear by the fluid's solids, relative to ordinary raw water."""


def draw_fleet(seed: int, per_duty: int) -> list[Pump]:
    """Draw ``per_duty`` pumps for each of ``DUTIES``; the same seed gives the same pumps.

    Factors on geometry and friction are normal (0.8 to 8 %), factors on rates log-normal (a fifth), the end of the test
    is uniform in head; one pump in seven is stopped earlier. A pump depends on the seed and its index only.
    """
    pumps = []
    for index in range(per_duty * len(DUTIES)):
        rng = np.random.default_rng([seed, index])
        early = rng.random() < 1 / 7
        pumps.append(
            Pump(
                name=f"pump-{index + 1:02d}",
                seed=int(rng.integers(2**31)),
                duty=DUTIES[index // per_duty],
                impeller=float(rng.normal(1, 0.008)),
                passage=float(rng.normal(1, 0.01)),
                cooling=float(rng.normal(1, 0.08)),
                radial=float(rng.normal(1, 0.08)),
                thrust=float(rng.normal(1, 0.08)),
                clearance=float(rng.normal(1, 0.08)),
                erosion=float(rng.lognormal(0, 0.22)),
                ring=float(rng.lognormal(0, 0.22)),
                radial_wear=float(rng.lognormal(0, 0.22)),
                thrust_wear=float(rng.lognormal(0, 0.22)),
                demand=float(rng.normal(1, 0.03)),
                end=float(rng.uniform(0.80, 0.86) if early else rng.uniform(0.70, 0.78)),
            )
        )
    return pumps


def draw_load(pumps: list[Pump], days: int) -> Load:
    """Flow, pressure, room temperature and solids of each pump for ``days`` days; from each pump's own seed."""
    flow, ambient, solids = (np.stack(part) for part in zip(*(_days(pump, days) for pump in pumps), strict=True))
    rise = RATED_RISE * (STATIC_SHARE + (1 - STATIC_SHARE) * (flow / RATED_FLOW) ** 2)
    return Load(flow=flow, rise=rise, ambient=ambient, solids=solids)


def _days(pump: Pump, days: int) -> tuple[Array, Array, Array]:
    """(days,) flow in m^3/s, room temperature in K and solids of one pump; the year begins on a random day."""
    rng = np.random.default_rng([pump.seed, 1])
    duty, day = pump.duty, np.arange(days)
    wave = np.sin(2 * np.pi * (day / YEAR + rng.random()))
    weekend = (day + rng.integers(7)) % 7 >= 5
    share = duty.flow * pump.demand * (1 + duty.season * wave - duty.weekend * weekend)
    share += _levels(rng, duty, days) + _wander(rng, days, 0.02, 0.7)
    ambient = duty.ambient_c + duty.ambient_season * wave + _wander(rng, days, 2.0, 0.8)
    solids = duty.solids * np.exp(duty.solids_season * wave + _wander(rng, days, 0.3, 0.9))
    return np.clip(share, 0.55, 1.2) * RATED_FLOW, ambient + 273.15, solids


def _levels(rng: np.random.Generator, duty: Duty, days: int) -> Array:
    """(days,) level of the present campaign, as a share of the rated flow."""
    campaign = np.cumsum(rng.random(days) < 1 / duty.campaign_days)
    return np.asarray(rng.normal(0, duty.campaign, days)[campaign])


def _wander(rng: np.random.Generator, days: int, size: float, memory: float) -> Array:
    """(days,) first-order autoregression of standard deviation ``size``; ``memory`` is its correlation over a day."""
    kicks = rng.normal(0, size * np.sqrt(1 - memory**2), days)
    value, path = float(rng.normal(0, size)), np.empty(days)
    for day, kick in enumerate(kicks):
        path[day] = value
        value = memory * value + kick
    return path
