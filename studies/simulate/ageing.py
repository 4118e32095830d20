"""A coarse simulation of one cell's life in PyBaMM: each simulated cycle ages the cell as much as several cycles."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlnet.errors import DLNetError
from studies.simulate.fleet import FLEET_WINDOW, LAM_EXPONENT, NOMINAL_AH, SLOW_C, Cell

Array = NDArray[np.float64]

GRID = 129
"""Points of a stored charge step, evenly spaced in time."""

CHUNK = 4
"""Simulated cycles between two checks of the capacity."""

OPTIONS = {
    "SEI": "solvent-diffusion limited",
    "SEI film resistance": "average",
    "SEI porosity change": "true",
    "lithium plating": "irreversible",
    "lithium plating porosity change": "true",
    "particle mechanics": "swelling only",
    "loss of active material": "stress-driven",
}
"""Options of PyBaMM's SPMe (single particle model with electrolyte)."""

POINTS = {"x_n": 5, "x_s": 5, "x_p": 5, "r_n": 20, "r_p": 20}
STEPS = 4
TOLERANCE = {"rtol": 1e-5, "atol": 1e-6}


@dataclass(frozen=True)
class CoarseLife:
    """Stored results of n simulated cycles."""

    quantity: Array
    """(n,) charge of the discharge, Ah."""
    cc_time_s: Array
    """(n,) duration of the last constant-current step, s."""
    cc_voltage_v: Array
    """(n, GRID) voltage over that step, V."""
    cv_time_s: Array
    """(n,) duration of the constant-voltage step, s."""
    cv_current_a: Array
    """(n, GRID) current over that step, A."""


def import_pybamm() -> Any:
    """PyBaMM, imported late: it is an optional extra.

    Raises:
        DLNetError: it is not installed; the message has the command that installs it.
    """
    os.environ.setdefault("PYBAMM_DISABLE_TELEMETRY", "true")
    try:
        import pybamm
    except ImportError as error:
        raise DLNetError("PyBaMM is not installed; run: pip install -e '.[simulate]'") from error
    return pybamm


def simulate_life(cell: Cell, most: int) -> CoarseLife:
    """Cycle one cell until its capacity is below ``cell.end_soh`` or ``most`` cycles are simulated.

    Args:
        cell: protocol and parameters.
        most: upper bound of simulated cycles.

    Raises:
        DLNetError: PyBaMM is missing, or its solver fails before the end of life.
    """
    pybamm = import_pybamm()
    pybamm.set_logging_level("CRITICAL")
    simulation = _simulation(pybamm, cell, min(CHUNK, most))
    kept: list[tuple[float, float, Array, float, Array]] = []
    state = None
    while len(kept) < most and not _worn(kept, cell):
        try:
            solution = simulation.solve(starting_solution=state, calc_esoh=False)
        except pybamm.SolverError as error:
            raise DLNetError(f"{cell.name}: PyBaMM failed after {len(kept)} simulated cycles: {error}") from error
        # The first "cycle" of a continued run is only the state it continues from.
        whole = [cycle for cycle in solution.cycles if len(cycle.steps) == STEPS]
        for cycle in whole:
            if not _worn(kept, cell):
                kept.append(_reduced(cycle))
        if len(whole) < min(CHUNK, most) and not _worn(kept, cell):
            raise DLNetError(f"{cell.name}: PyBaMM stopped after {len(kept)} simulated cycles")
        state = solution.last_state
    capacity, cc_time, cc_voltage, cv_time, cv_current = zip(*kept[:most], strict=True)
    return CoarseLife(*(np.asarray(part) for part in (capacity, cc_time, cc_voltage, cv_time, cv_current)))


def _worn(kept: list[tuple[float, float, Array, float, Array]], cell: Cell) -> bool:
    return bool(kept) and kept[-1][0] < cell.end_soh * NOMINAL_AH


def _simulation(pybamm: Any, cell: Cell, cycles: int) -> Any:
    protocol, window = cell.protocol, FLEET_WINDOW
    steps = (
        f"Charge at {protocol.charge_c}C until {window.cutoff_v - window.below_v} V (60 second period)",
        f"Charge at {SLOW_C}C until {window.cutoff_v} V (20 second period)",
        f"Hold at {window.cutoff_v} V until C/25 (20 second period)",
        f"Discharge at {protocol.discharge_c}C until 2.5 V (60 second period)",
    )
    return pybamm.Simulation(
        pybamm.lithium_ion.SPMe(OPTIONS),
        parameter_values=_parameters(pybamm, cell),
        experiment=pybamm.Experiment([steps] * cycles),
        solver=pybamm.IDAKLUSolver(**TOLERANCE, options={"num_threads": 1}),
        var_pts=POINTS,
    )


def _parameters(pybamm: Any, cell: Cell) -> Any:
    values = pybamm.ParameterValues("OKane2022")
    kelvin = 273.15 + cell.protocol.temperature_c
    factors = {
        "SEI solvent diffusivity [m2.s-1]": cell.sei,
        "Lithium plating kinetic rate constant [m.s-1]": cell.plating,
        "Negative electrode LAM constant proportional term [s-1]": cell.lam_negative,
        "Positive electrode LAM constant proportional term [s-1]": cell.lam_positive,
        "Electrode width [m]": cell.area,
        "Negative electrode thickness [m]": cell.negative_thickness,
        "Negative particle radius [m]": cell.negative_radius,
    }
    values.update({name: values[name] * factor for name, factor in factors.items()})
    values.update(
        {
            "Ambient temperature [K]": kelvin,
            "Initial temperature [K]": kelvin,
            "Contact resistance [Ohm]": cell.resistance_ohm,
            "Negative electrode LAM constant exponential term": LAM_EXPONENT,
        }
    )
    values.set_initial_state(0.0)
    return values


def _reduced(cycle: Any) -> tuple[float, float, Array, float, Array]:
    _, rise, hold, discharge = cycle.steps
    drawn = discharge["Discharge capacity [A.h]"].entries
    cc_time, voltage = _even(rise, "Voltage [V]")
    cv_time, current = _even(hold, "Current [A]")
    return float(drawn[-1] - drawn[0]), cc_time, voltage, cv_time, -current


def _even(step: Any, variable: str) -> tuple[float, Array]:
    time, values = step["Time [s]"].entries, step[variable].entries
    grid = np.linspace(time[0], time[-1], GRID)
    return float(time[-1] - time[0]), np.interp(grid, time, values)
