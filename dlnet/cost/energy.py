"""Energy and CO2 of training, estimated by codecarbon without network access, files or output."""

from __future__ import annotations

import difflib
import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from dlnet.errors import ConfigError, DLNetError
from dlnet.files import write_json

COUNTRIES = Path("data") / "private_infra" / "global_energy_mix.json"  # inside codecarbon: ISO code -> grid
SAMPLE_SECONDS = 5


@dataclass(frozen=True)
class Energy:
    """Energy of a piece of work: kWh, kilograms of CO2e, seconds of wall time. Varies from run to run."""

    energy_kwh: float
    co2_kg: float
    seconds: float
    label: str = "estimated"


class Meter:
    """What ``measure_energy`` yields: ``energy`` is there once the block has ended."""

    _energy: Energy | None = None

    @property
    def energy(self) -> Energy:
        """The estimate.

        Raises:
            RuntimeError: the block has not ended.
        """
        if self._energy is None:
            raise RuntimeError("energy is known only after the measured block has ended")
        return self._energy


@cache
def _grids() -> dict[str, tuple[str, float]]:
    """ISO 3166 alpha-3 code -> country name and g CO2e a kWh, from codecarbon's own data file."""
    spec = find_spec("codecarbon")
    if spec is None or not spec.submodule_search_locations:
        raise DLNetError("codecarbon is not installed; run make repro, or pip install -e .")
    content = json.loads((Path(spec.submodule_search_locations[0]) / COUNTRIES).read_text())
    return {code: (str(row["country_name"]), float(row["carbon_intensity"])) for code, row in content.items()}


def check_country(country: str) -> None:
    """Raise an error for a code that codecarbon would silently replace by the world's average.

    Raises:
        ConfigError: the code is unknown; names similar codes and countries.
    """
    grids = _grids()
    if country in grids:
        return
    hint = ", ".join(f"{code} ({grids[code][0]})" for code in _close(country.strip(), grids))
    raise ConfigError(
        f"params.yaml: cost.country: unknown country {country!r}; use an ISO 3166 code of three capitals"
        + (f", such as {hint}" if hint else ", such as DEU")
    )


def _close(country: str, grids: Mapping[str, tuple[str, float]]) -> list[str]:
    """Codes that may have been meant: the same letters, a country of a similar name, or a similar code."""
    if country.upper() in grids:
        return [country.upper()]
    names = {name.lower(): code for code, (name, _) in grids.items()}
    similar = [names[name] for name in difflib.get_close_matches(country.lower(), names, n=2)]
    return similar or difflib.get_close_matches(country.upper(), grids, n=3, cutoff=0.5)


def grid_intensity(country: str) -> float:
    """Grams of CO2e a kWh of a country's grid, yearly mean.

    Source: the table that comes with codecarbon (Our World in Data, Ember and Energy Institute).

    Raises:
        ConfigError: the code is unknown.
    """
    check_country(country)
    return _grids()[country][1]


@contextmanager
def measure_energy(country: str) -> Iterator[Meter]:
    """Estimate the energy of this process, its children and its share of memory while the block runs.

    Where the machine has power counters (RAPL) they are read; elsewhere, as in most containers, power is CPU load
    x an assumed thermal design power, plus a constant for memory. So the figure is always "estimated".

    Args:
        country: whose grid feeds the machine, as an ISO 3166 alpha-3 code.

    Yields:
        A ``Meter``; its ``energy`` is set when the block has ended without an exception.

    Raises:
        ConfigError: the country is unknown.
        DLNetError: codecarbon could not measure.
    """
    intensity, meter = grid_intensity(country), Meter()
    tracker = _tracker(country, intensity)
    tracker.start()
    start = time.perf_counter()
    try:
        yield meter
    finally:
        seconds = time.perf_counter() - start
        tracker.stop()
    # codecarbon catches its own errors, so a missing result is the only sign of one.
    data = getattr(tracker, "final_emissions_data", None)
    if data is None:
        raise DLNetError("codecarbon gave no result on this machine; `codecarbon detect` shows what it finds")
    meter._energy = Energy(float(data.energy_consumed), float(data.energy_consumed) * intensity / 1000, seconds)


def _tracker(country: str, intensity: float) -> Any:
    """A codecarbon tracker that writes, sends and prints nothing, regardless of the user's own codecarbon settings."""
    from codecarbon import OfflineEmissionsTracker

    # Its level argument takes effect only after it has logged the user's settings.
    logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
    return OfflineEmissionsTracker(
        country_iso_code=country,
        force_carbon_intensity_g_co2e_kwh=intensity,
        electricitymaps_api_token="",  # not None: codecarbon would then look for an older key in the user's settings
        emissions_endpoint=None,
        cloud_provider=None,
        output_dir=".",
        output_methods=[],
        output_handlers=[],
        tracking_mode="process",
        measure_power_secs=SAMPLE_SECONDS,
        allow_multiple_runs=True,
        log_level="critical",
    )


def write_volatile(path: Path, entries: Mapping[str, Energy | float | str]) -> None:
    """Write values that vary from run to run (energy, wall time) as JSON, outside the outputs that DVC hashes.

    Args:
        path: a file that is no output of a DVC stage, or one with ``cache: false`` and not a dependency.
        entries: name -> ``Energy``, or a number or text.
    """
    content = {name: asdict(entry) if isinstance(entry, Energy) else entry for name, entry in entries.items()}
    write_json(path, {"note": "varies from run to run; energy is estimated", "entries": content})
