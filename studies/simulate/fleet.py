"""The cells of the embedded fleet: protocols, and random variation between cells."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dlnet.data.features import ChargeWindow

NOMINAL_AH = 5.0
"""Nominal capacity of the cell of O'Kane et al. 2022 (LG M50, graphite-SiOx / NMC 811), Ah."""

LAM_EXPONENT = 4.0
"""Exponent of stress in the loss of negative material (2 in the source): accelerating loss, which gives a knee."""

SLOW_C = 0.5
"""C-rate of the last constant-current step, the same for all cells; the features are taken from it."""

FLEET_WINDOW = ChargeWindow(
    cutoff_v=4.2,
    below_v=0.2,
    tolerance_v=0.005,
    current_from_a=0.35 * NOMINAL_AH,
    current_to_a=0.09 * NOMINAL_AH,
    sample_s=10.0,
)
"""As the default window, for a cell of 5 Ah charged to 4.2 V and sampled every 10 s. The CV part begins at 0.35 C,
not 0.45 C: just below the cut-off the model's current is nearly flat, and a crossing there would jump."""


STRETCH = 10
"""Cycles that each simulated cycle represents."""


@dataclass(frozen=True)
class Protocol:
    """How a group is cycled, and how fast it ages.

    Rates are factors on those of O'Kane et al. 2022 in a *simulated* cycle; divide by ``STRETCH`` for the
    rate of one cycle. ``lam_negative`` goes with ``LAM_EXPONENT``, and the ratio of stress to critical stress
    that this raises is far below 1: hence its size.
    """

    group: str
    temperature_c: float
    charge_c: float
    discharge_c: float
    sei: float
    plating: float
    lam_negative: float
    lam_positive: float


PROTOCOLS: tuple[Protocol, ...] = (
    Protocol("15C-0.7C", 15, 0.7, 1.0, 120, 0.024, 3_600, 8),
    Protocol("25C-0.7C", 25, 0.7, 1.0, 120, 0.032, 22_400, 16),
    Protocol("25C-1C", 25, 1.0, 1.0, 64, 0.024, 16_800, 16),
    Protocol("25C-1.5C", 25, 1.5, 1.0, 48, 0.024, 16_000, 16),
    Protocol("35C-1C", 35, 1.0, 1.0, 200, 0.048, 76_000, 32),
    Protocol("35C-1.5C", 35, 1.5, 0.7, 160, 0.032, 128_000, 32),
)
"""Ageing rates were set by hand, per protocol, for lives of some hundred cycles (docs/simulated.md)."""


@dataclass(frozen=True)
class Cell:
    """One cell: its protocol, its own factors on the parameters, and where its test ends."""

    name: str
    seed: int
    protocol: Protocol
    area: float
    negative_thickness: float
    negative_radius: float
    resistance_ohm: float
    sei: float
    plating: float
    lam_negative: float
    lam_positive: float
    end_soh: float

    def to_dict(self) -> dict[str, object]:
        """Every number of the cell, as plain JSON."""
        return asdict(self)


def draw_fleet(seed: int, per_protocol: int) -> list[Cell]:
    """Draw ``per_protocol`` cells for each of ``PROTOCOLS``; the same seed gives the same cells.

    Factors on geometry are normal, factors on rates log-normal (a few tenths), the end of the test is
    uniform in SoH. A cell depends on the seed and its index only.
    """
    cells = []
    for index in range(per_protocol * len(PROTOCOLS)):
        protocol = PROTOCOLS[index // per_protocol]
        rng = np.random.default_rng([seed, index])
        cells.append(
            Cell(
                name=f"sim-{index + 1:02d}",
                seed=int(rng.integers(2**31)),
                protocol=protocol,
                area=float(rng.normal(1, 0.006)),
                negative_thickness=float(rng.normal(1, 0.008)),
                negative_radius=float(rng.normal(1, 0.02)),
                resistance_ohm=float(rng.uniform(0.002, 0.008)),
                sei=protocol.sei * float(rng.lognormal(0, 0.25)),
                plating=protocol.plating * float(rng.lognormal(0, 0.3)),
                lam_negative=protocol.lam_negative * float(rng.lognormal(0, 0.25)),
                lam_positive=protocol.lam_positive * float(rng.lognormal(0, 0.25)),
                end_soh=float(rng.uniform(0.74, 0.81)),
            )
        )
    return cells
