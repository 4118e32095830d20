"""From a coarse life to rows: no PyBaMM needed."""

import dataclasses
import sys

import numpy as np
import pandas as pd
import pytest

from dlnet import files
from dlnet.data.features import FEATURES
from dlnet.errors import DataError, DLNetError
from studies.simulate import simulate
from studies.simulate.ageing import GRID, CoarseLife, import_pybamm
from studies.simulate.fleet import PROTOCOLS, draw_fleet

CELL = draw_fleet(0, 1)[0]
TAU = 600.0


def coarse(count=12, first=5.0, last=4.0):
    """Straight fade; the CC step is a ramp from 3.95 to 4.2 V, the CV step a decay from 2.5 A."""
    share = np.linspace(0, 1, GRID)
    cc_time = np.linspace(2500.0, 2000.0, count)
    return CoarseLife(
        quantity=np.linspace(first, last, count),
        cc_time_s=cc_time,
        cc_voltage_v=np.tile(3.95 + 0.25 * share, (count, 1)),
        cv_time_s=np.full(count, TAU * np.log(25)),
        cv_current_a=np.tile(2.5 * np.exp(-np.log(25) * share), (count, 1)),
    )


@pytest.fixture(scope="module")
def rows():
    return simulate.expand(CELL, coarse(), 20)


def quiet(monkeypatch):
    silent = dict.fromkeys(simulate.NOISE, 0.0) | {"sample_s": 10.0}
    monkeypatch.setattr(simulate, "NOISE", silent)


def test_one_row_a_cycle(rows):
    assert len(rows) == 11 * 20 + 1
    assert list(rows.columns) == ["asset", "group", "row", "nominal", "quantity", *FEATURES]
    assert rows["row"].tolist() == list(range(len(rows)))
    assert set(rows["asset"]) == {CELL.name}


def test_without_noise_capacity_is_the_simulated_one_and_straight_between(monkeypatch):
    quiet(monkeypatch)
    table = simulate.expand(CELL, coarse(), 4)
    assert table["quantity"].to_numpy() == pytest.approx(np.linspace(5, 4, 45), abs=1e-6)


def test_without_noise_features_are_those_of_the_curve(monkeypatch):
    quiet(monkeypatch)
    first = simulate.expand(CELL, coarse(), 4).iloc[0]
    assert first["CC charge time"] == pytest.approx(2500 * 0.195 / 0.25, rel=1e-3)
    assert first["CC Q"] == pytest.approx(2.5 * 2500 * 0.195 / 0.25 / 3600, rel=1e-3)
    # Stored as GRID points with straight lines between: a little above the exponential.
    assert first["CV charge time"] == pytest.approx(TAU * np.log(35 / 9), rel=5e-3)


def test_noise_has_the_stated_size(rows, monkeypatch):
    noisy = rows["quantity"].to_numpy() / 5 - np.linspace(1, 0.8, len(rows))
    white = 1.4826 * np.median(np.abs(np.diff(noisy, 2))) / np.sqrt(6)
    assert white == pytest.approx(simulate.NOISE["capacity_soh"], rel=0.35)


def test_chamber_drifts_slowly():
    drift = simulate._drift(np.random.default_rng(0), 20_000)
    assert np.std(drift) == pytest.approx(simulate.NOISE["chamber_k"], rel=0.1)
    lagged = np.corrcoef(drift[1:], drift[:-1])[0, 1]
    assert lagged == pytest.approx(simulate.NOISE["chamber_memory"], abs=0.01)


def test_same_cell_gives_same_rows_and_another_seed_others(rows):
    pd.testing.assert_frame_equal(simulate.expand(CELL, coarse(), 20), rows)
    other = simulate.expand(dataclasses.replace(CELL, seed=CELL.seed + 1), coarse(), 20)
    assert not np.allclose(other["quantity"], rows["quantity"])


def test_a_curve_without_a_cv_part_names_cell_and_row():
    life = coarse()
    life.cv_current_a[:] = 2.5
    with pytest.raises(DataError, match=r"sim-01, row 0: .*CV part is cut off"):
        simulate.expand(CELL, life, 4)


def test_fleet_is_drawn_anew_from_its_seed():
    assert draw_fleet(3, 2) == draw_fleet(3, 2)
    assert draw_fleet(3, 2) != draw_fleet(4, 2)


def test_cells_do_not_change_with_the_size_of_their_neighbours():
    names = [cell.name for cell in draw_fleet(0, 5)]
    assert len(set(names)) == 5 * len(PROTOCOLS)
    assert {cell.protocol.group for cell in draw_fleet(0, 5)} == {item.group for item in PROTOCOLS}


def test_missing_pybamm_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pybamm", None)
    with pytest.raises(DLNetError, match=r"pip install -e '\.\[simulate\]'"):
        import_pybamm()


def test_a_finished_cell_is_not_simulated_again(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(simulate, "simulate_life", lambda *given: calls.append(given) or coarse())
    monkeypatch.setattr(simulate, "version", lambda _: "0")
    first = simulate.cached_life(CELL, tmp_path, 12)
    second = simulate.cached_life(dataclasses.replace(CELL, seed=1), tmp_path, 12)
    assert len(calls) == 1
    assert np.array_equal(first.cc_voltage_v, second.cc_voltage_v)
    simulate.cached_life(dataclasses.replace(CELL, sei=99.0), tmp_path, 12)
    assert len(calls) == 2


def test_command_makes_table_and_provenance(tmp_path, monkeypatch):
    monkeypatch.setattr(simulate, "import_pybamm", lambda: None)
    monkeypatch.setattr(simulate, "simulate_life", lambda *_: coarse(4))
    monkeypatch.setattr(simulate, "version", lambda _: "0")
    out = tmp_path / "fleet.parquet"
    simulate.main(["--per-protocol", "1", "--out", str(out), "--cache", str(tmp_path / "cache")])
    origin = files.read_json(out.with_suffix(".json"))
    assert origin["sha256"] == files.sha256(out)
    assert len(origin["cells"]) == len(PROTOCOLS)
    assert origin["rows"] == len(pd.read_parquet(out))


def test_plot_is_a_png(tmp_path, rows):
    simulate.plot_fleet(rows, tmp_path / "fleet.png")
    assert (tmp_path / "fleet.png").read_bytes().startswith(b"\x89PNG")


def test_plot_of_a_missing_table_ends_with_one_line(tmp_path):
    with pytest.raises(SystemExit, match=r"none\.parquet: no such file"):
        simulate.main(["--plot", "--out", str(tmp_path / "none.parquet")])
