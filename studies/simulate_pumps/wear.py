"""The lives of all pumps at once in ProgPy's model of a centrifugal pump; the laws of wear are in docs/pumps.md."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlnet.errors import DLNetError
from studies.simulate_pumps.fleet import FACTORS, RATED_FLOW, Load, Pump, type_pump

Array = NDArray[np.float64]
State = dict[str, Array]

INSTALL = "uv pip install -e '.[simulate-pumps]'"

RATED_SPEED = 376.991118431
"""Synchronous speed at 60 Hz with one pair of poles, rad/s."""

RATED_VOLTAGE = 471.2389
"""Phase voltage at the rated speed, V; the drive keeps voltage over speed constant."""

TOP_SPEED = 1.08
"""Highest speed of the drive, over the rated one."""

RATED_SLIP = 0.0145
"""Slip of the motor at the rated torque."""

RATED_TORQUE = 338.0
"""N m."""

SUCTION = 2.4e5
"""Pressure at the inlet, Pa."""

DENSITY, GRAVITY = 998.0, 9.80665
"""Of water, kg/m^3, and m/s^2."""

CHECK_FLOW = 0.075
"""Flow of the daily check of the head, m^3/s, at the rated speed."""

LEAK_COEFFICIENT = -0.0268
"""Flow through the wear ring = coefficient x area x sqrt(pressure): 0.6 sqrt(2 / density). ProgPy gives this flow the
sign of suction minus discharge pressure and subtracts it, which would add to the flow: hence the minus."""

LEAK_AREA = 1.25e-4
"""Open area of a new wear ring, m^2: a gap of 0.2 mm around 0.2 m."""

STEP_S, SHIFT_S = 1.25, 2400.0
"""Time step and simulated time of a day, s. With steps above 1.6 s the speed of a lightly loaded motor oscillates."""

DAY_S = 86400.0
"""Everything wears ``DAY_S / SHIFT_S`` times as fast in the simulated time, which stands for the day."""

COOLER = 2.0
"""Heat from oil to the room, over ProgPy's value: the pumps have an oil cooler."""

WARM_UP = 3
"""Days on the first day's load without wear, so that a life begins at working temperature."""

EROSION = 3.8e-6
"""Loss of ProgPy's impeller coefficient: its wA at the rated speed in ordinary raw water."""

RING = 2.4e-8
"""Growth of the ring's open area, relative to the new area, 1/s, at the rated speed in ordinary raw water."""

RADIAL, THRUST = 0.4e-13, 0.05e-13
"""Growth of the bearings' friction: ProgPy's wRadial and wThrust at the rated load and ``WARM``."""

WARM, DOUBLING = 333.15, 15.0
"""Bearing temperature (K) at which these rates hold, and the rise (K) that doubles them."""

OFF_DESIGN = 0.36
"""Radial force on the impeller away from the rated flow, after Stepanoff: 0.36 |1 - (Q/Qn)^2|."""

IMBALANCE = 5.0
"""Radial force by imbalance, per relative loss of the impeller."""

FREE_PLAY, PLAY = 0.5, 6.0
"""Relative growth of the radial bearing's friction at which its shaft touches the ring, and rub per growth beyond."""

AXIAL = 0.12
"""Axial force by a worn ring, per relative growth of its open area."""

LIFE_EXPONENT = 3.0
"""Bearing life goes with the inverse cube of the load (ISO 281)."""


@dataclass(frozen=True)
class Lives:
    """(pumps, days) true values at the end of each day; ``days`` (pumps,) says how many of them belong to a life."""

    days: NDArray[np.int64]
    head: Array
    """Head at ``CHECK_FLOW`` and the rated speed, m."""
    flow: Array
    """m^3/s."""
    speed: Array
    """rad/s."""
    power: Array
    """Electrical, W."""
    thrust: Array
    """Temperature of the thrust bearing, K."""
    radial: Array
    """Temperature of the radial bearing, K."""
    oil: Array
    """Temperature of the oil, K."""
    ambient: Array
    """Temperature of the room, K."""
    solids: Array
    """Relative to ordinary raw water."""


class PerPump(np.ndarray[Any, Any]):
    """A plain array by another name.

    Where ProgPy meets exactly ``np.ndarray`` it repeats one leak, from scalar pressures, for all; any other type goes
    through the same formula element by element.
    """


def make_model() -> Any:
    """ProgPy's ``CentrifugalPumpBase``, imported late: it is an optional extra.

    Raises:
        DLNetError: it is not installed; the message has the command that installs it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escape sequences in its strings, when it is compiled first
            from progpy.models import CentrifugalPumpBase
    except ImportError as error:
        raise DLNetError(f"ProgPy is not installed; run: {INSTALL}") from error
    return CentrifugalPumpBase()


class Plant:
    """All pumps of a fleet, with their states; every array is (pumps,)."""

    def __init__(self, pumps: list[Pump]) -> None:
        self.model = make_model()
        base = self.model.parameters
        self.own = {name: np.array([getattr(pump, name) for pump in pumps]) for name in FACTORS}
        start = base["x0"]
        self.new: State = {name: np.full(len(pumps), float(start[name])) for name in start}
        self.new["A"] = self.own["impeller"] * base["A"]
        self.new["rRadial"] = self.own["radial"] * start["rRadial"]
        self.new["rThrust"] = self.own["thrust"] * start["rThrust"]
        self.new["Q"] = np.full(len(pumps), RATED_FLOW)
        self.new["QLeak"] = np.zeros(len(pumps))
        self.state = dict(self.new)
        self.leak_area = self.own["clearance"] * LEAK_AREA
        base["c"] = self.own["passage"] * base["c"]
        base["HOil3"] = COOLER * self.own["cooling"] * base["HOil3"]
        base["cLeak"] = LEAK_COEFFICIENT

    def day(self, load: Load, day: int, running: NDArray[np.bool_]) -> Array:
        """Run all pumps for one day; those not ``running`` no longer wear. Returns the synchronous speed, rad/s."""
        flow, rise = load.flow[:, day], load.rise[:, day]
        speed = self.speed_for(flow, rise)
        given = {
            "Tamb": load.ambient[:, day],
            "V": RATED_VOLTAGE * speed / RATED_SPEED,
            "pdisch": SUCTION + rise,
            "psuc": np.full(len(flow), SUCTION),
            "wsync": speed,
        }
        self._set_wear(load.solids[:, day] * running, running)
        state = dict(self.state)
        for _ in range(round(SHIFT_S / STEP_S)):
            state["A"] = state["A"].view(PerPump)
            state = dict(zip(self.model.states, self.model.next_state(state, given, STEP_S).matrix, strict=True))
        self.state = {name: np.asarray(values) for name, values in state.items()}
        growth = RING * self.own["ring"] * load.solids[:, day] * (state["w"] / RATED_SPEED) ** 2 * self._rub()
        self.leak_area = self.leak_area + running * growth * LEAK_AREA * DAY_S
        return np.asarray(speed)

    def _rub(self) -> Array:
        return 1 + PLAY * np.maximum(self.state["rRadial"] / self.new["rRadial"] - 1 - FREE_PLAY, 0)

    def _set_wear(self, solids: Array, running: NDArray[np.bool_]) -> None:
        """ProgPy's parameters of wear for today, from yesterday's state."""
        state, parameters = self.state, self.model.parameters
        lost = 1 - state["A"] / self.new["A"]
        radial_load = 1 + OFF_DESIGN * np.abs(1 - (state["Q"] / RATED_FLOW) ** 2) + IMBALANCE * lost
        axial_load = 1 + AXIAL * (self.leak_area / (self.own["clearance"] * LEAK_AREA) - 1)
        parameters["ALeak"] = self.leak_area
        parameters["wA"] = DAY_S / SHIFT_S * EROSION * self.own["erosion"] * solids * state["w"] / RATED_SPEED
        parameters["wRadial"] = (
            DAY_S / SHIFT_S * RADIAL * self.own["radial_wear"] * _bearing(radial_load, state["Tr"]) * running
        )
        parameters["wThrust"] = (
            DAY_S / SHIFT_S * THRUST * self.own["thrust_wear"] * _bearing(axial_load, state["Tt"]) * running
        )

    def speed_for(self, flow: Array, rise: Array) -> Array:
        """(pumps,) synchronous speed in rad/s at which ``flow`` comes out against ``rise``, at most the top speed."""
        parameters = self.model.parameters
        inner = flow + self._leak(rise)
        linear, needed = parameters["b"] * inner, rise + (inner / parameters["c"]) ** 2
        area = self.state["A"]
        speed = (np.sqrt(linear**2 + 4 * area * needed) - linear) / (2 * area)
        slip = RATED_SLIP * self._load_torque(speed, flow) / RATED_TORQUE
        return np.minimum(speed / (1 - slip), TOP_SPEED * RATED_SPEED)

    def head(self) -> Array:
        """(pumps,) head in m at ``CHECK_FLOW`` and the rated speed, which depends on the leak and the leak on it."""
        parameters, area = self.model.parameters, np.asarray(self.state["A"])
        rise = np.full(area.shape, 1.4e6)
        for _ in range(60):
            inner = CHECK_FLOW + self._leak(rise)
            rise = area * RATED_SPEED**2 + parameters["b"] * RATED_SPEED * inner - (inner / parameters["c"]) ** 2
        return rise / (DENSITY * GRAVITY)

    def power(self, speed: Array) -> Array:
        """(pumps,) electrical power in W, by the circuit from which ProgPy has the torque; ``speed`` is synchronous."""
        part = self.model.parameters
        slip = (speed - self.state["w"]) / speed
        real, imaginary = part["R1"] + part["R2"] / slip, speed * part["L1"]
        squared = (RATED_VOLTAGE * speed / RATED_SPEED) ** 2 / (real**2 + imaginary**2)
        return np.asarray(part["n"] * squared * real)

    def hot(self) -> NDArray[np.bool_]:
        """(pumps,) whether oil or a bearing is above ProgPy's limit, where a guard stops the pump."""
        events = self.model.threshold_met(self.state)
        return events["PumpOilOverheat"] | events["RadialBearingOverheat"] | events["ThrustBearingOverheat"]

    def _leak(self, rise: Array) -> Array:
        return -LEAK_COEFFICIENT * self.leak_area * np.sqrt(rise)

    def _load_torque(self, speed: Array, flow: Array) -> Array:
        part = self.model.parameters
        return np.asarray(part["a0"] * speed**2 + part["a1"] * speed * flow - part["a2"] * flow**2 + part["r"] * speed)


def _bearing(load: Array, kelvin: Array) -> Array:
    """Wear of a bearing relative to that at the rated load and ``WARM``."""
    return np.asarray(load**LIFE_EXPONENT * 2 ** ((kelvin - WARM) / DOUBLING))


def nominal_head() -> float:
    """Head of a new pump of this type, m."""
    return float(Plant([type_pump()]).head()[0])


def run_lives(pumps: list[Pump], load: Load, nominal: float) -> Lives:
    """Simulate every pump until its head is below its ``end``, a guard stops it, or the days of ``load`` are over.

    Raises:
        DLNetError: ProgPy is missing.
    """
    plant, ends = Plant(pumps), np.array([pump.end for pump in pumps])
    for _ in range(WARM_UP):
        plant.day(load, 0, np.zeros(len(pumps), dtype=bool))
    running, lived, rows = np.ones(len(pumps), dtype=bool), np.zeros(len(pumps), dtype=np.int64), []
    for day in range(load.flow.shape[1]):
        speed = plant.day(load, day, running)
        state, head = plant.state, plant.head()
        lived += running
        out = np.maximum(state["Q"] - state["QLeak"], 0)
        temperatures = (state["Tt"], state["Tr"], state["To"], load.ambient[:, day])
        rows.append((head, out, state["w"], plant.power(speed), *temperatures, load.solids[:, day]))
        running &= (head > ends * nominal) & ~plant.hot()
        if not running.any():
            break
    return Lives(lived, *(np.stack(part, axis=1) for part in zip(*rows, strict=True)))
