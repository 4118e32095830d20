"""From true lives to the table of the pump fleet, and the committed table: no ProgPy needed."""

import dataclasses
import sys

import numpy as np
import pandas as pd
import pytest

from dlnet import files
from dlnet.data.schema import read_label
from dlnet.errors import DLNetError
from studies.simulate_pumps import simulate, wear
from studies.simulate_pumps.fleet import DUTIES, RATED_FLOW, draw_fleet, draw_load

ROOT = simulate.Path(__file__).parents[2]
PUMP = draw_fleet(0, 1)[0]
NOMINAL, DAYS = 150.0, 40_000
COLUMNS = ["asset", "group", "row", "nominal", "quantity", *simulate.UNITS]


@pytest.fixture(scope="module")
def lives():
    """One pump whose head falls straight from 150 to 120 m; all else is constant."""
    level = np.ones((1, DAYS))
    return wear.Lives(
        days=np.array([DAYS]), head=np.linspace(150, 120, DAYS)[None], flow=0.08 * level, speed=377 * level,
        power=1e5 * level, thrust=330 * level, radial=320 * level, oil=310 * level, ambient=293.15 * level,
        solids=2 * level,
    )  # fmt: skip


@pytest.fixture(scope="module")
def rows(lives):
    return simulate.measure(PUMP, lives, 0, NOMINAL)


@pytest.fixture(scope="module")
def committed():
    return pd.read_parquet(ROOT / simulate.TABLE)


def test_features_have_the_stated_units(rows):
    means = rows[list(simulate.UNITS)].mean()
    expected = [288, 3600, 100, 56.85, 46.85, 36.85, 20, 120]
    assert means.to_numpy() == pytest.approx(expected, rel=2e-3)


def test_noise_has_the_stated_size(rows):
    share = rows["quantity"].to_numpy() / NOMINAL - np.linspace(1, 0.8, DAYS)
    white = 1.4826 * np.median(np.abs(share - np.median(share)))
    assert white == pytest.approx(simulate.NOISE["head_share"], rel=0.1)
    # Normal noise has none beyond 0.03 (six deviations); outliers, of deviation 0.04, have 45 % there.
    expected = DAYS * simulate.NOISE["outlier_share"] * 0.453
    assert (np.abs(share) > 0.03).sum() == pytest.approx(expected, abs=4 * np.sqrt(expected))
    for name in simulate.UNITS:
        assert rows[name].std() == pytest.approx(simulate.NOISE[name], rel=0.1), name


def test_same_pump_gives_same_rows_and_another_seed_others(rows, lives):
    pd.testing.assert_frame_equal(simulate.measure(PUMP, lives, 0, NOMINAL), rows)
    other = simulate.measure(dataclasses.replace(PUMP, seed=1), lives, 0, NOMINAL)
    assert not np.allclose(other["quantity"], rows["quantity"])


def test_fleet_is_drawn_anew_from_its_seed():
    assert draw_fleet(3, 2) == draw_fleet(3, 2)
    assert draw_fleet(3, 2) != draw_fleet(4, 2)
    assert {pump.duty for pump in draw_fleet(0, 2)} == set(DUTIES)


def test_a_pump_meets_the_same_days_alone_and_among_others():
    pumps = draw_fleet(0, 2)
    alone, among = draw_load(pumps[3:4], 50), draw_load(pumps, 50)
    assert np.array_equal(alone.flow[0], among.flow[3])
    assert np.array_equal(alone.solids[0], among.solids[3])


def test_loads_are_of_the_size_their_duty_says():
    duty = dataclasses.replace(DUTIES[0], season=0.0, campaign=0.0, weekend=0.0, ambient_season=0.0, solids_season=0.0)
    load = draw_load([dataclasses.replace(PUMP, duty=duty, demand=1.0)], 40_000)
    assert load.flow.mean() == pytest.approx(duty.flow * RATED_FLOW, rel=0.01)
    assert load.ambient.mean() - 273.15 == pytest.approx(duty.ambient_c, abs=0.2)
    assert np.log(load.solids / duty.solids).std() == pytest.approx(0.3, rel=0.05)
    daily = np.log(load.solids[0])
    assert np.corrcoef(daily[1:], daily[:-1])[0, 1] == pytest.approx(0.9, abs=0.01)


def test_missing_progpy_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "progpy.models", None)
    monkeypatch.setitem(sys.modules, "progpy", None)
    with pytest.raises(DLNetError, match=r"pip install -e '\.\[simulate-pumps\]'"):
        wear.make_model()


def test_same_table_gives_same_bytes(tmp_path, rows, monkeypatch):
    monkeypatch.setattr(simulate, "version", lambda _: "0")
    for name in ("one", "two"):
        simulate.write(rows, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "one"), rows)


def test_plot_is_a_png(tmp_path, rows):
    simulate.plot_fleet(rows, tmp_path / "pumps.png")
    assert (tmp_path / "pumps.png").read_bytes().startswith(b"\x89PNG")


def test_plot_of_a_missing_table_ends_with_one_line(tmp_path):
    with pytest.raises(SystemExit, match=r"none\.parquet: no such file"):
        simulate.main(["--plot", "--out", str(tmp_path / "none.parquet")])


def test_committed_table_has_the_schema(committed):
    assert list(committed.columns) == COLUMNS
    assert committed["row"].dtype == np.int64
    assert {str(committed[name].dtype) for name in COLUMNS[3:]} == {"float64"}
    assert np.isfinite(committed[COLUMNS[3:]].to_numpy()).all()
    for _, pump in committed.groupby("asset"):
        assert pump["row"].tolist() == list(range(len(pump)))
        assert pump["group"].nunique() == 1
    share = committed["quantity"] / committed["nominal"]
    assert share.between(0.3, 1.2).all()


def test_committed_table_says_that_it_is_simulated(committed):
    label = read_label(ROOT / simulate.TABLE)
    origin = files.read_json(ROOT / simulate.TABLE.with_suffix(".json"))
    assert (label.task, label.label, label.simulated) == ("pump", simulate.LABEL, True)
    assert label.notes == (simulate.NOTE.format(version=origin["progpy"]),)
    assert origin["sha256"] == files.sha256(ROOT / simulate.TABLE)
    assert [pump["name"] for pump in origin["pumps"]] == committed["asset"].unique().tolist()


def test_committed_pumps_are_those_of_the_seed():
    origin = files.read_json(ROOT / simulate.TABLE.with_suffix(".json"))
    drawn = [pump.to_dict() for pump in draw_fleet(origin["seed"], len(origin["pumps"]) // len(DUTIES))]
    assert [{key: pump[key] for key in drawn[0]} for pump in origin["pumps"]] == drawn
    assert origin["noise"] == simulate.NOISE
    assert origin["wear"] == simulate.constants()
