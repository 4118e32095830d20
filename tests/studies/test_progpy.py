"""A few real days in ProgPy; skipped where it is not installed."""

import dataclasses
import importlib.util

import numpy as np
import pytest

from studies.simulate_pumps import simulate, wear
from studies.simulate_pumps.fleet import RATED_FLOW, Load, draw_fleet, draw_load, type_pump

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("progpy") is None,
        reason="ProgPy is not installed: pip install -e '.[simulate-pumps]'",
    ),
]


@pytest.fixture(autouse=True)
def short_days(monkeypatch):
    """A ninth of the time steps; a day still wears as a day."""
    monkeypatch.setattr(wear, "SHIFT_S", 400.0)


UNWORN = {"erosion": 0.0, "ring": 0.0, "radial_wear": 0.0, "thrust_wear": 0.0}


def steady(days, flow=RATED_FLOW, kelvin=293.15, solids=1.0, rise=1.1e6, pumps=1):
    return Load(*(np.full((pumps, days), value) for value in (flow, rise, kelvin, solids)))


def lived(days=15, pump=None, **load):
    return wear.run_lives([pump or type_pump()], steady(days, **load), wear.nominal_head())


def test_a_pump_that_does_not_wear_keeps_its_head():
    lives = lived(4, dataclasses.replace(type_pump(), **UNWORN))
    assert lives.head[0] == pytest.approx(np.full(4, wear.nominal_head()), rel=1e-12)
    assert lives.power[0, -1] == pytest.approx(lives.power[0, 0], rel=0.01)


def test_the_head_is_the_one_at_which_progpys_own_pump_comes_to_rest():
    """Held at the rated speed against that head, ProgPy's dynamics settle at the flow of the check."""
    plant = wear.Plant([type_pump()])
    plant.model.parameters["I"] = 1e15  # the speed stays
    plant.model.parameters["ALeak"] = plant.leak_area
    rise = plant.head() * wear.DENSITY * wear.GRAVITY
    given = {
        "Tamb": np.array([293.15]),
        "V": np.array([471.2]),
        "pdisch": wear.SUCTION + rise,
        "psuc": np.array([wear.SUCTION]),
        "wsync": np.array([wear.RATED_SPEED * 1.01]),
    }
    state = dict(plant.state)
    for _ in range(600):
        state["A"] = np.asarray(state["A"]).view(wear.PerPump)
        state = dict(zip(plant.model.states, plant.model.next_state(state, given, 0.5).matrix, strict=True))
    assert state["w"] == pytest.approx(wear.RATED_SPEED, rel=1e-6)
    assert state["QLeak"] > 0
    assert state["Q"] - state["QLeak"] == pytest.approx(wear.CHECK_FLOW, rel=1e-4)


def test_the_drive_delivers_the_flow_that_is_asked_for():
    lives = lived(6, dataclasses.replace(type_pump(), **UNWORN), flow=0.08, rise=1.0e6)
    assert lives.flow[0, -1] == pytest.approx(0.08, rel=0.01)


def test_a_lightly_loaded_motor_runs_steadily():
    lives = lived(5, dataclasses.replace(type_pump(), **UNWORN), flow=0.05, rise=0.8e6)
    assert lives.power[0] == pytest.approx(np.full(5, lives.power[0, -1]), rel=1e-3)


def test_bearings_settle_at_the_temperatures_of_the_heat_balance():
    """The closed form: zero heat into oil and both bearings, three linear equations."""
    lives = lived(32, dataclasses.replace(type_pump(), **UNWORN))
    part = wear.make_model().parameters
    heat = lives.speed[0, -1] ** 2
    matrix = [
        [part["HThrust1"] + part["HThrust2"], 0, -part["HThrust2"]],
        [0, part["HRadial1"] + part["HRadial2"], -part["HRadial2"]],
        [-part["HOil1"], -part["HOil2"], part["HOil1"] + part["HOil2"] + wear.COOLER * part["HOil3"]],
    ]
    given = [1.4e-6 * heat + part["HThrust1"] * 293.15, 1.8e-6 * heat + part["HRadial1"] * 293.15,
             wear.COOLER * part["HOil3"] * 293.15]  # fmt: skip
    assert [lives.thrust[0, -1], lives.radial[0, -1], lives.oil[0, -1]] == pytest.approx(
        np.linalg.solve(matrix, given), abs=0.15
    )


def test_what_wears_more_loses_more_head_and_a_hot_room_wears_the_bearings():
    """Four pumps side by side: ordinary, more solids, more flow, a hot room."""
    cases = [{}, {"solids": 2.0}, {"flow": 1.15 * RATED_FLOW}, {"kelvin": 313.15}]
    parts = [vars(steady(12, **case)) for case in cases]
    load = Load(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    plant = wear.Plant([type_pump()] * 4)
    for day in range(12):
        plant.day(load, day, np.ones(4, dtype=bool))
    lost = wear.nominal_head() - plant.head()
    assert 0 < 1.05 * lost[0] < min(lost[1], lost[2])
    friction = plant.state["rRadial"] / plant.new["rRadial"] - 1
    assert 0 < 1.5 * friction[0] < friction[3]


def test_a_pump_ends_at_its_own_head():
    end = 0.998
    lives = lived(25, dataclasses.replace(type_pump(), end=end))
    days = lives.days[0]
    assert 1 < days < 25
    assert lives.head[0, days - 2] > end * wear.nominal_head() >= lives.head[0, days - 1]


def test_same_seed_gives_the_same_bytes(tmp_path):
    for name in ("one.parquet", "two.parquet"):
        simulate.main(["--per-duty", "1", "--days", "3", "--out", str(tmp_path / name)])
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_pumps_do_not_depend_on_their_neighbours():
    pumps = draw_fleet(0, 1)
    alone = wear.run_lives(pumps[2:3], draw_load(pumps[2:3], 4), 145.0)
    among = wear.run_lives(pumps, draw_load(pumps, 4), 145.0)
    assert alone.head[0] == pytest.approx(among.head[2], rel=1e-9)
    assert alone.oil[0] == pytest.approx(among.oil[2], rel=1e-9)
