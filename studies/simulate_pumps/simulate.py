"""The pump fleet: lives from ProgPy measured once a day, with noise; `make simulate-pumps`."""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from dlnet import files
from dlnet.config.quantities import load_quantities
from dlnet.data.documents import TableLabel
from dlnet.data.schema import write_table
from dlnet.errors import DataError, DLNetError
from studies.simulate_pumps import wear
from studies.simulate_pumps.fleet import DUTIES, Pump, draw_fleet, draw_load

Array = NDArray[np.float64]

GENERATOR = 1
"""Incremented whenever the same seed would give another fleet."""

TABLE, FIGURE = Path("data/pump.parquet"), Path("docs/img/pumps.png")

MOST = 700
"""Most days of a test."""

UNITS = load_quantities("pump").features
"""The features, and their units."""

RAW_SOLIDS = 60.0
"""Suspended solids of ordinary raw water, mg/l."""

NOISE = {
    "head_share": 0.005,
    "outlier_share": 0.003,
    "outlier_size": 0.04,
    "flow": 2.0,
    "speed": 2.0,
    "power": 0.5,
    "thrust bearing temperature": 0.5,
    "radial bearing temperature": 0.5,
    "oil temperature": 0.5,
    "ambient temperature": 0.5,
    "solids": 5.0,
}
"""Standard deviations of a day's reading, in the units of the features; of the head as a share of the nominal one.
Three days in a thousand have a wrong head."""

DIGITS = {"quantity": 2, "flow": 1, "speed": 0, "power": 1}
"""Digits after the point; temperatures have one."""

LABEL = "pump fleet (simulated)"
NOTE = "Simulated with ProgPy {version}: no figure here was measured on a pump."


def measure(pump: Pump, lives: wear.Lives, index: int, nominal: float) -> pd.DataFrame:
    """Readings of one pump, a row a day, with noise from the pump's own seed.

    Args:
        pump: gives name, group and seed.
        lives: true values of all pumps.
        index: of the pump in ``lives``.
        nominal: head of a new pump, m.

    Returns:
        asset, group, row, nominal (m), quantity (measured head, m) and the features of ``UNITS``.
    """
    rng, days = np.random.default_rng([pump.seed, 2]), int(lives.days[index])
    true = _features(lives, index)
    outlier = (rng.random(days) < NOISE["outlier_share"]) * rng.normal(0, NOISE["outlier_size"], days)
    share = rng.normal(0, NOISE["head_share"], days) + outlier
    measured = {"quantity": lives.head[index, :days] + share * nominal}
    measured |= {name: values[:days] + rng.normal(0, NOISE[name], days) for name, values in true.items()}
    heads = {
        "asset": pump.name,
        "group": pump.duty.group,
        "row": np.arange(days, dtype=np.int64),
        "nominal": np.full(days, nominal),
    }
    return pd.DataFrame(heads | {name: np.round(values, DIGITS.get(name, 1)) for name, values in measured.items()})


def _features(lives: wear.Lives, index: int) -> dict[str, Array]:
    """(days,) true values of each feature, in the units of ``UNITS``."""
    return {
        "flow": lives.flow[index] * 3600,
        "speed": lives.speed[index] * 30 / np.pi,
        "power": lives.power[index] / 1000,
        "thrust bearing temperature": lives.thrust[index] - 273.15,
        "radial bearing temperature": lives.radial[index] - 273.15,
        "oil temperature": lives.oil[index] - 273.15,
        "ambient temperature": lives.ambient[index] - 273.15,
        "solids": lives.solids[index] * RAW_SOLIDS,
    }


def build(pumps: list[Pump], most: int = MOST) -> pd.DataFrame:
    """Simulate ``pumps`` for at most ``most`` days and measure them.

    Raises:
        DLNetError: ProgPy is missing.
    """
    nominal = round(wear.nominal_head(), 2)
    lives = wear.run_lives(pumps, draw_load(pumps, most), nominal)
    return pd.concat([measure(pump, lives, index, nominal) for index, pump in enumerate(pumps)], ignore_index=True)


def write(table: pd.DataFrame, out: Path) -> None:
    """Write the table with its label."""
    note = NOTE.format(version=version("progpy"))
    write_table(out, table, TableLabel(task="pump", label=LABEL, simulated=True, notes=(note,)))


def provenance(pumps: list[Pump], table: pd.DataFrame, seed: int, out: Path) -> dict[str, object]:
    """All that the fleet was made from, with the SHA-256 of the table at ``out``."""
    days = table.groupby("asset", sort=False).size()
    return {
        "simulated": True,
        "label": LABEL,
        "generator": GENERATOR,
        "seed": seed,
        "sha256": files.sha256(out),
        "rows": len(table),
        "unit_of_time": "day",
        "unit_of_quantity": "m",
        "units": UNITS,
        "nominal": float(table["nominal"].iloc[0]),
        "noise": NOISE,
        "progpy": version("progpy"),
        "model": "CentrifugalPumpBase",
        "wear": constants(),
        "pumps": [{**pump.to_dict(), "days": int(days[pump.name])} for pump in pumps],
    }


def constants() -> dict[str, float]:
    """Every number of the laws of wear, by its name in ``wear``."""
    return {name: value for name, value in vars(wear).items() if name.isupper() and isinstance(value, float | int)}


def plot_fleet(table: pd.DataFrame, out: Path) -> None:
    """Draw the head and five features (means of 14 days) of every pump, one colour a group, to a PNG."""
    table = table.assign(head=table["quantity"] / table["nominal"])
    panels = {"head": "head / nominal"}
    panels |= {
        name: f"{name} ({UNITS[name]})"
        for name in UNITS
        if name not in ("ambient temperature", "power", "oil temperature")
    }
    figure = Figure(figsize=(12, 7), layout="constrained")
    colours = {group: f"C{index}" for index, group in enumerate(table["group"].unique())}
    for axes, (name, label) in zip(figure.subplots(2, 3).flat, panels.items(), strict=True):
        for _, pump in table.groupby("asset", sort=False):
            shown = pump[name] if name == "head" else pump[name].rolling(14).mean()
            axes.plot(pump["row"], shown, color=colours[pump["group"].iloc[0]], linewidth=0.5)
        axes.set(xlabel="day", ylabel=label)
        axes.grid(alpha=0.3)
    handles = [Line2D([], [], color=colour, label=group) for group, colour in colours.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    figure.suptitle(
        f"Pump fleet: {table['asset'].nunique()} simulated pumps (ProgPy), not measured; features: means of 14 days"
    )
    with files.atomic_file(out) as temporary:
        figure.savefig(temporary, dpi=85, metadata={"Software": None})


def main(arguments: list[str] | None = None) -> None:
    """``python -m studies.simulate_pumps.simulate``: make table and provenance, or only the figure (``--plot``)."""
    parser = argparse.ArgumentParser(prog="python -m studies.simulate_pumps.simulate", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="seed of pumps, loads and noise (default 0)")
    parser.add_argument("--per-duty", type=int, default=12, help=f"pumps for each of {len(DUTIES)} duties (default 12)")
    parser.add_argument("--days", type=int, default=MOST, help=f"most days of a test (default {MOST})")
    parser.add_argument("--out", type=Path, default=TABLE, help=f"table to write (default {TABLE})")
    parser.add_argument("--plot", action="store_true", help=f"only draw the table to {FIGURE}")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.plot:
            plot_fleet(_stored(chosen.out), FIGURE)
            return
        pumps = draw_fleet(chosen.seed, chosen.per_duty)
        table = build(pumps, chosen.days)
        write(table, chosen.out)
        files.write_json(chosen.out.with_suffix(".json"), provenance(pumps, table, chosen.seed, chosen.out))
    except DLNetError as error:
        sys.exit(f"error: {error}")


def _stored(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise DataError(f"{path}: no such file; run: python -m studies.simulate_pumps.simulate")
    return pd.read_parquet(path)


if __name__ == "__main__":
    main()
