"""Energy of training: without output, network access or files; unknown countries are errors."""

import json
import socket
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

import dlnet.cost.energy as energy_module
from dlnet.cost.energy import Energy, check_country, grid_intensity, measure_energy, write_volatile
from dlnet.errors import ConfigError, DLNetError


def work(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        sum(range(1000))


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def hostile_settings(monkeypatch, tmp_path):
    """Settings of a user that would make codecarbon write, send and print."""
    for key, value in {
        "OUTPUT_METHODS": "csv,api",
        "OUTPUT_DIR": "/nonexistent",
        "ELECTRICITYMAPS_API_TOKEN": "token",
        "CO2_SIGNAL_API_TOKEN": "token",
        "EMISSIONS_ENDPOINT": "http://localhost:1",
        "LOG_LEVEL": "debug",
        "TRACKING_MODE": "machine",
        "CLOUD_PROVIDER": "gcp",
        "CLOUD_REGION": "nowhere",
        "FORCE_CARBON_INTENSITY_G_CO2E_KWH": "1",
    }.items():
        monkeypatch.setenv(f"CODECARBON_{key}", value)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def measured(seconds: float = 0.3, country: str = "DEU") -> Energy:
    with measure_energy(country) as meter:
        work(seconds)
    return meter.energy


def test_energy_is_plausible_for_a_busy_processor():
    energy = measured(1.0)
    watts = energy.energy_kwh * 3.6e6 / energy.seconds
    assert 0.1 < watts < 2000


def test_seconds_are_those_of_the_block():
    assert measured(0.3).seconds == pytest.approx(0.3, abs=0.2)


def test_co2_is_energy_times_grid():
    energy = measured()
    assert energy.co2_kg == pytest.approx(energy.energy_kwh * grid_intensity("DEU") / 1000)


def test_it_is_labelled_an_estimate():
    assert measured().label == "estimated"


def test_several_measures_in_one_process():
    energies = [measured(0.3) for _ in range(3)]
    assert max(e.energy_kwh for e in energies) < 10 * min(e.energy_kwh for e in energies)


def test_no_network_no_file_no_output(no_network, hostile_settings, capfd):
    measured()
    assert not list(hostile_settings.iterdir())
    assert capfd.readouterr() == ("", "")


def test_an_error_inside_passes_through():
    with pytest.raises(ZeroDivisionError), measure_energy("DEU"):
        _ = 1 / 0


def test_energy_is_unavailable_before_the_end():
    with measure_energy("DEU") as meter, pytest.raises(RuntimeError, match="after the measured block"):
        _ = meter.energy


def test_a_tracker_without_a_result_is_an_error(monkeypatch):
    broken = SimpleNamespace(start=lambda: None, stop=lambda: None)
    monkeypatch.setattr(energy_module, "_tracker", lambda *_: broken)
    with pytest.raises(DLNetError, match="codecarbon gave no result"):
        measured(0.0)


def test_grid_is_what_codecarbon_uses():
    from codecarbon.core.emissions import Emissions
    from codecarbon.core.units import Energy as Amount
    from codecarbon.external.geography import GeoMetadata
    from codecarbon.input import DataSource

    france = GeoMetadata(country_iso_code="FRA", country_name="France")
    kilograms = Emissions(DataSource()).get_private_infra_emissions(Amount.from_energy(kWh=1.0), france)
    assert grid_intensity("FRA") == pytest.approx(kilograms * 1000)


@pytest.mark.parametrize(
    ("country", "hint"),
    [
        ("DE", "DEU .Germany."),
        ("deu", "DEU .Germany."),
        ("Germany", "DEU .Germany."),
        ("Frnce", "FRA .France."),
        ("", "such as DEU"),
        ("QQQ", "such as DEU"),
    ],
)
def test_an_unknown_country_is_an_error_with_a_hint(country, hint):
    with pytest.raises(ConfigError, match=f"params.yaml: cost.country: unknown country '{country}'.*{hint}"):
        check_country(country)


def test_measuring_rejects_an_unknown_country():
    with pytest.raises(ConfigError, match=r"cost\.country"), measure_energy("XYZ"):
        pass


def test_volatile_file_holds_numbers_and_label(tmp_path):
    energy = Energy(energy_kwh=2.0, co2_kg=0.7, seconds=3600.0)
    write_volatile(tmp_path / "energy.json", {"teach": energy, "distill": replace(energy, seconds=1.0), "wall_s": 5.0})
    entries = json.loads((tmp_path / "energy.json").read_text())["entries"]
    assert entries["teach"] == {"energy_kwh": 2.0, "co2_kg": 0.7, "seconds": 3600.0, "label": "estimated"}
    assert entries["wall_s"] == 5.0
