"""The embedded fleet: coarse lives from PyBaMM expanded to one row for each cycle, with noise; `make simulate`."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.signal import lfilter
from tqdm import tqdm

from dlnet import files
from dlnet.data.documents import TableLabel
from dlnet.data.features import FEATURES, charge_features
from dlnet.data.schema import write_table
from dlnet.errors import DataError, DLNetError
from studies.simulate.ageing import GRID, OPTIONS, POINTS, TOLERANCE, CoarseLife, import_pybamm, simulate_life
from studies.simulate.fleet import (
    FLEET_WINDOW,
    LAM_EXPONENT,
    NOMINAL_AH,
    PROTOCOLS,
    SLOW_C,
    STRETCH,
    Cell,
    draw_fleet,
)

Array = NDArray[np.float64]

GENERATOR = 1
"""Incremented whenever the same seed would give another fleet."""

TABLE, PROVENANCE, FIGURE = (
    Path("data/embedded.parquet"),
    Path("data/embedded.json"),
    Path("docs/img/fleet.png"),
)
CACHE = Path(".cache/simulate")

LABEL = TableLabel(
    task="battery",
    label="embedded fleet (simulated)",
    simulated=True,
    notes=("Simulated with PyBaMM: no figure here was measured on a cell.",),
)

MOST = 115
"""Most simulated cycles of a cell: lives end at ``STRETCH * MOST`` cycles at the latest."""

NOISE = {
    "voltage_v": 0.0005,
    "current_a": 0.001,
    "capacity_soh": 0.0002,
    "chamber_k": 0.4,
    "chamber_memory": 0.95,
    "volt_per_kelvin": -0.0010,
    "soh_per_kelvin": 0.0010,
    "outlier_share": 0.002,
    "outlier_soh": 0.015,
    "sample_s": 10.0,
}
"""Standard deviations of the cycler's noise and of the chamber's slow drift, and the effect of a kelvin."""


def expand(cell: Cell, life: CoarseLife, stretch: int) -> pd.DataFrame:
    """One row a cycle from a coarse life: interpolated over cycles, measured with noise, reduced to features.

    Args:
        cell: gives name, group and the seed of the noise.
        life: n simulated cycles.
        stretch: cycles between two of them.

    Returns:
        (n - 1) * stretch + 1 rows: asset, group, row, nominal, quantity and the 16 features.

    Raises:
        DataError: a curve has no usable CC or CV part; names the cell and the row.
    """
    rng = np.random.default_rng(cell.seed)
    knots = np.arange(len(life.quantity)) * stretch
    cycles = np.arange(knots[-1] + 1)
    capacity, cc_time, cc_voltage, cv_time, cv_current = (
        PchipInterpolator(knots, values)(cycles)
        for values in (life.quantity, life.cc_time_s, life.cc_voltage_v, life.cv_time_s, life.cv_current_a)
    )
    chamber = _drift(rng, cycles.size)
    rows = []
    for row in range(cycles.size):
        clean = (cc_time[row], cc_voltage[row], cv_time[row], cv_current[row])
        curve = _measured(rng, clean, chamber[row] * NOISE["volt_per_kelvin"])
        try:
            rows.append(charge_features(*curve, FLEET_WINDOW))
        except DataError as error:
            raise DataError(f"{cell.name}, row {row}: {error}") from error
    outlier = (rng.random(cycles.size) < NOISE["outlier_share"]) * rng.normal(0, NOISE["outlier_soh"], cycles.size)
    soh_noise = rng.normal(0, NOISE["capacity_soh"], cycles.size) + chamber * NOISE["soh_per_kelvin"] + outlier
    # Seven digits are more than a cycler has, and half the bytes of the file.
    table = pd.DataFrame(rows, columns=list(FEATURES)).astype(np.float32).astype(np.float64)
    measured = (capacity + soh_noise * NOMINAL_AH).astype(np.float32).astype(np.float64)
    heads = pd.DataFrame(
        {
            "asset": cell.name,
            "group": cell.protocol.group,
            "row": cycles.astype(np.int64),
            "nominal": NOMINAL_AH,
            "quantity": measured,
        }
    )
    return pd.concat([heads, table], axis=1)


def _drift(rng: np.random.Generator, count: int) -> Array:
    """(count,) slow wandering of the chamber's temperature, K: a first-order autoregression."""
    memory = NOISE["chamber_memory"]
    start = rng.normal(0, NOISE["chamber_k"])
    kicks = rng.normal(0, NOISE["chamber_k"] * np.sqrt(1 - memory**2), count)
    drift, _ = lfilter([1.0], [1.0, -memory], kicks, zi=[memory * start])
    return np.asarray(drift, dtype=np.float64)


def _measured(
    rng: np.random.Generator, clean: tuple[float, Array, float, Array], offset_v: float
) -> tuple[Array, Array, Array]:
    """Time, voltage and current of a charge as a cycler logs it; ``offset_v`` moves the end of the CC step."""
    cc_time, cc_voltage, cv_time, cv_current = clean
    steps = np.linspace(0, cc_time, cc_voltage.size)
    end_slope = (cc_voltage[-1] - cc_voltage[-9]) / (steps[-1] - steps[-9])
    turn = cc_time - offset_v / end_slope
    time = np.arange(rng.uniform(0, NOISE["sample_s"]), turn + cv_time, NOISE["sample_s"])
    rising = time < turn
    beyond = np.maximum(time - cc_time, 0) * end_slope
    voltage = np.where(rising, np.interp(time, steps, cc_voltage) + beyond + offset_v, FLEET_WINDOW.cutoff_v)
    tail = np.interp(time - turn, np.linspace(0, cv_time, cv_current.size), cv_current)
    current = np.where(rising, SLOW_C * NOMINAL_AH, tail)
    return (
        time,
        voltage + rng.normal(0, NOISE["voltage_v"], time.size),
        current + rng.normal(0, NOISE["current_a"], time.size),
    )


def cached_life(cell: Cell, cache: Path, most: int) -> CoarseLife:
    """``simulate_life``, or the result of an earlier run with the same cell, model and PyBaMM from ``cache``."""
    parts: dict[str, object] = {**cell.to_dict(), **_model(), "most": most}
    # Neither changes the physics, so a renamed cell or other noise keeps its simulation.
    del parts["name"], parts["seed"]
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    path = cache / f"{cell.name}-{key}.safetensors"
    if path.exists():
        return CoarseLife(**files.read_tensors(path))
    life = simulate_life(cell, most)
    files.write_tensors(path, vars(life))
    return life


def _model() -> dict[str, object]:
    return {
        "pybamm": version("pybamm"),
        "model": "SPMe",
        "parameters": "OKane2022",
        "options": OPTIONS,
        "points": POINTS,
        "solver": {"name": "IDAKLU", "num_threads": 1, **TOLERANCE},
        "lam_exponent": LAM_EXPONENT,
        "grid": GRID,
        "slow_c": SLOW_C,
        "cutoff_v": FLEET_WINDOW.cutoff_v,
        "below_v": FLEET_WINDOW.below_v,
    }


def build(cells: list[Cell], out: Path, cache: Path, stretch: int = STRETCH, most: int = MOST) -> pd.DataFrame:
    """Simulate ``cells`` one by one (each is stored in ``cache``) and write the table to ``out``.

    Raises:
        DLNetError: PyBaMM is missing or fails.
    """
    import_pybamm()
    bar = tqdm(cells, desc="simulate", unit="cell")
    tables = [expand(cell, cached_life(cell, cache, most), stretch) for cell in bar]
    table = pd.concat(tables, ignore_index=True)
    write_table(out, table, LABEL)
    return table


def provenance(cells: list[Cell], table: pd.DataFrame, seed: int, out: Path) -> dict[str, object]:
    """All that the fleet was made from, with the SHA-256 of the table at ``out``."""
    lives = table.groupby("asset", sort=False)["quantity"]
    return {
        **LABEL.model_dump(mode="json", include={"simulated", "label"}),
        "generator": GENERATOR,
        "seed": seed,
        "sha256": files.sha256(out),
        "rows": len(table),
        "nominal": NOMINAL_AH,
        "stretch": STRETCH,
        "noise": NOISE,
        "window": asdict(FLEET_WINDOW),
        **_model(),
        "cells": [
            {
                **cell.to_dict(),
                "cycles": int(lives.size()[cell.name]),
                "first_ah": float(lives.first()[cell.name]),
            }
            for cell in cells
        ],
    }


def plot_fleet(table: pd.DataFrame, out: Path) -> None:
    """Draw SoH and three features of every cell over its cycles, one colour a protocol, to a PNG."""
    panels = {
        "SoH": "SoH",
        "CC Q": "CC Q (Ah)",
        "CV charge time": "CV charge time (s)",
        "voltage std": "voltage std (V)",
    }
    table = table.assign(SoH=table["quantity"] / table["nominal"])
    figure = Figure(figsize=(11, 7), layout="constrained")
    colours = {group: f"C{index}" for index, group in enumerate(table["group"].unique())}
    for axes, (name, label) in zip(figure.subplots(2, 2).flat, panels.items(), strict=True):
        for _, cell in table.groupby("asset", sort=False):
            axes.plot(cell["row"], cell[name], color=colours[cell["group"].iloc[0]], linewidth=0.7)
        axes.set(xlabel="cycle", ylabel=label)
        axes.grid(alpha=0.3)
    handles = [Line2D([], [], color=colour, label=group) for group, colour in colours.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    figure.suptitle(f"Embedded fleet: {table['asset'].nunique()} simulated cells (PyBaMM), not measured")
    with files.atomic_file(out) as temporary:
        figure.savefig(temporary, dpi=110, metadata={"Software": None})


def main(arguments: list[str] | None = None) -> None:
    """``python -m studies.simulate.simulate``: make the table and its provenance, or only the figure (``--plot``)."""
    parser = argparse.ArgumentParser(prog="python -m studies.simulate.simulate", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="seed of cells and noise (default 0)")
    parser.add_argument("--per-protocol", type=int, default=5, help=f"cells for each of {len(PROTOCOLS)} protocols")
    parser.add_argument("--out", type=Path, default=TABLE, help=f"table to write (default {TABLE})")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of finished cells, to resume from")
    parser.add_argument("--plot", action="store_true", help=f"only draw the table to {FIGURE}")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.plot:
            plot_fleet(_stored(chosen.out), FIGURE)
            return
        cells = draw_fleet(chosen.seed, chosen.per_protocol)
        table = build(cells, chosen.out, chosen.cache)
        files.write_json(chosen.out.with_suffix(".json"), provenance(cells, table, chosen.seed, chosen.out))
    except DLNetError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped; run the same command to continue after the last finished cell")


def _stored(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise DataError(f"{path}: no such file; run: python -m studies.simulate.simulate")
    return pd.read_parquet(path)


if __name__ == "__main__":
    main()
