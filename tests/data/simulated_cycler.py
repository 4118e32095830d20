"""A cell on a cycler, in closed form: capacity of each discharge known by construction; exports of three vendors."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

NOMINAL = 1.1
REST, CC, CV, DISCHARGE = "R", "CC Chg", "CV Chg", "CC DChg"


@dataclass(frozen=True)
class Life:
    """Samples of a simulated life. capacity: (cycles,) Ah of each discharge, as it was set."""

    table: pd.DataFrame
    capacity: np.ndarray


def life(cycles=6, discharge_first=False, step_s=10.0, noise_a=0.0, seed=0):
    """CC to 3.6 V, CV with a decaying current, rest, discharge at 1.1 A, rest; the capacity falls by 1 % a cycle.

    Each step is sampled at its beginning and its end too, and the current is that of the step at both.
    """
    steps, now, number = [], 0.0, 0
    capacity = NOMINAL * 0.99 ** np.arange(cycles)

    def step(state, seconds, current, voltage, cycle):
        nonlocal now, number
        number += 1
        within = np.append(np.arange(0.0, seconds, step_s), seconds)
        within = within[np.append(np.diff(within) > 1e-6, True)]
        steps.append(
            pd.DataFrame(
                {
                    "time": now + within, "step_time": within, "current": current(within), "voltage": voltage(within),
                    "cycle": cycle, "step": number, "state": state,
                }
            )
        )  # fmt: skip
        now += seconds + 1.0  # a second passes between two steps

    def charge(ah, cycle):
        tau = 300.0
        tail = NOMINAL * tau * (1 - np.exp(-4)) / 3600
        seconds = (ah - tail) / NOMINAL * 3600
        step(CC, seconds, lambda t: 0 * t + NOMINAL, lambda t: 3.0 + 0.6 * (t / seconds) ** 2, cycle)
        step(CV, 4 * tau, lambda t: NOMINAL * np.exp(-t / tau), lambda t: 0 * t + 3.6, cycle)

    def discharge(ah, cycle):
        seconds = ah / NOMINAL * 3600
        step(DISCHARGE, seconds, lambda t: 0 * t - NOMINAL, lambda t: 3.4 - 1.2 * (t / seconds) ** 3, cycle)

    def rest(cycle):
        step(REST, 300.0, lambda t: 0 * t, lambda t: 0 * t + 3.2, cycle)

    if discharge_first:
        discharge(NOMINAL, 1)
    for cycle, ah in enumerate(capacity, start=1):
        rest(cycle)
        charge(ah, cycle)
        rest(cycle)
        discharge(ah, cycle)
    table = pd.concat(steps, ignore_index=True)
    table["current"] += noise_a * np.random.default_rng(seed).standard_normal(len(table))
    return Life(table, capacity)


def counted(table, over, sign):
    """What a cycler counts of charge (+1) or discharge (-1), Ah, anew in each group of ``over`` (None: never)."""
    interval = table["time"].diff().where(table["step"].diff() == 0, 0.0).fillna(0.0)
    ah = (sign * table["current"]).clip(lower=0) * interval / 3600
    return ah.cumsum() if over is None else ah.groupby(over).cumsum()


def arbin(table):
    """A, Ah counted for each cycle, positive while charging."""
    return pd.DataFrame(
        {
            "Data_Point": np.arange(1, len(table) + 1), "Test_Time(s)": table["time"], "Step_Index": table["step"],
            "Cycle_Index": table["cycle"], "Current(A)": table["current"], "Voltage(V)": table["voltage"],
            "Charge_Capacity(Ah)": counted(table, table["cycle"], 1),
            "Discharge_Capacity(Ah)": counted(table, table["cycle"], -1),
        }
    )  # fmt: skip


def neware(table):
    """mA, mAh counted for each step, negative while discharging."""
    return pd.DataFrame(
        {
            "DataPoint": np.arange(1, len(table) + 1), "Cycle Index": table["cycle"], "Step Index": table["step"],
            "Step Type": table["state"], "Time": table["step_time"], "Total Time(min)": table["time"] / 60,
            "Current(mA)": table["current"] * 1000, "Voltage(V)": table["voltage"],
            "Chg. Cap.(mAh)": counted(table, table["step"], 1) * 1000,
            "DChg. Cap.(mAh)": counted(table, table["step"], -1) * 1000,
        }
    )  # fmt: skip


def maccor(table):
    """A without a sign, and the state of each row; Ah counted for each step."""
    state = table["state"].map({REST: "R", CC: "C", CV: "C", DISCHARGE: "D"})
    return pd.DataFrame(
        {
            "Rec#": np.arange(1, len(table) + 1), "Cyc#": table["cycle"], "Step": table["step"],
            "TestTime": table["time"].map(clock), "Amps": table["current"].abs(), "Volts": table["voltage"],
            "Amp-hr": counted(table, table["step"], 1) + counted(table, table["step"], -1), "State": state,
        }
    )  # fmt: skip


def biologic(table):
    """Its header, tabs; mA, mA.h counted for ever."""
    return pd.DataFrame(
        {
            "Ns": table["step"], "time/s": table["time"], "Ecell/V": table["voltage"], "<I>/mA": table["current"] * 1e3,
            "Q discharge/mA.h": counted(table, None, -1) * 1e3, "cycle number": table["cycle"],
        }
    )  # fmt: skip


def bdf(table):
    return pd.DataFrame(
        {
            "Test Time / s": table["time"], "Voltage / V": table["voltage"], "Current / A": table["current"],
            "Cycle Count / 1": table["cycle"], "Discharging Capacity / Ah": counted(table, table["cycle"], -1),
        }
    )  # fmt: skip


EXPORTS = {"Arbin": arbin, "Neware": neware, "Maccor": maccor, "BioLogic": biologic, "BDF": bdf}


def clock(seconds):
    """Time as Maccor writes it, to a hundredth of a second."""
    whole, rest = divmod(round(seconds * 100), 100)
    days, whole = divmod(whole, 86400)
    return f"{days}d {whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{rest:02d}"


def plain(table):
    """Columns under plain names: time_s, current_a, voltage_v."""
    return table[["time", "current", "voltage"]].set_axis(["time_s", "current_a", "voltage_v"], axis=1)
