"""The committed fleet: whole, small, labelled, and worth forecasting."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import curve_fit

from dlnet.data.features import FEATURES

DATA = Path(__file__).parents[2] / "data"
TABLE = DATA / "embedded.parquet"


@pytest.fixture(scope="module")
def table():
    return pd.read_parquet(TABLE)


@pytest.fixture(scope="module")
def origin():
    return json.loads((DATA / "embedded.json").read_text())


@pytest.fixture(scope="module")
def lives(table):
    soh = table["quantity"] / table["nominal"]
    return {name: part.to_numpy() for name, part in soh.groupby(table["asset"], sort=False)}


def test_columns_are_those_of_raw_cells(table):
    assert list(table.columns) == ["asset", "group", "row", "nominal", "quantity", *FEATURES]
    assert table["row"].dtype == np.int64
    assert all(table[name].dtype == np.float64 for name in table.columns[3:])


def test_small_enough_to_commit():
    assert TABLE.stat().st_size < 3_000_000


def test_enough_cells_and_rows(table, lives):
    assert len(lives) >= 24
    assert len(table) >= 12_000
    assert min(map(len, lives.values())) >= 250


def test_rows_count_up_within_each_cell(table):
    for _, part in table.groupby("asset", sort=False):
        assert (part["row"].to_numpy() == np.arange(len(part))).all()


def test_every_value_is_finite_and_positive_where_it_must_be(table):
    assert np.isfinite(table[["quantity", *FEATURES]].to_numpy()).all()
    positive = [
        "voltage mean",
        "voltage std",
        "CC Q",
        "CC charge time",
        "CV Q",
        "CV charge time",
        "current mean",
    ]
    assert (table[["quantity", "nominal", *positive]] > 0).all(axis=None)


def test_varied_protocols(origin):
    protocols = {cell["protocol"]["group"]: cell["protocol"] for cell in origin["cells"]}
    assert len(protocols) >= 4
    assert len({protocol["temperature_c"] for protocol in protocols.values()}) >= 3
    assert len({protocol["charge_c"] for protocol in protocols.values()}) >= 3


def test_labelled_simulated_with_its_own_checksum(origin, table):
    assert origin["simulated"] is True
    assert "simulated" in origin["label"]
    assert origin["sha256"] == hashlib.sha256(TABLE.read_bytes()).hexdigest()
    assert [cell["name"] for cell in origin["cells"]] == list(table["asset"].unique())
    assert {"pybamm", "seed", "generator"} <= origin.keys()


def test_lives_begin_near_one_and_end_worn(lives):
    first = [np.median(soh[:10]) for soh in lives.values()]
    last = [np.median(soh[-5:]) for soh in lives.values()]
    assert 0.94 < min(first) <= max(first) < 1.03
    assert max(last) < 0.88
    assert min(last) > 0.7


def test_noise_is_that_of_a_cycler(lives):
    # Robust deviation from second differences: a slow curve has none, white noise s gives sqrt(6) s.
    for soh in lives.values():
        noise = 1.4826 * np.median(np.abs(np.diff(soh, 2))) / np.sqrt(6)
        assert 1e-4 < noise < 1e-3


def two_lines(cycle, level, slope, more, knee):
    """A line whose slope changes once, after Bacon and Watts."""
    return level + slope * cycle - more * np.maximum(cycle - knee, 0)


def bends(soh):
    """How many times steeper the second of two fitted lines is, and where in life they meet."""
    cycle = np.linspace(0, 1, soh.size)
    start = (soh[0], -0.1, 0.2, 0.75)
    limits = ([0.5, -2, -2, 0.1], [1.5, 0, 5, 0.95])
    (_, slope, more, knee), _ = curve_fit(two_lines, cycle, soh, p0=start, bounds=limits)
    return (slope - more) / slope, knee


def test_several_knees_within_life(lives):
    found = [bends(soh) for soh in lives.values()]
    knees = [place for steeper, place in found if steeper > 2 and 0.3 < place < 0.93]
    assert len(knees) >= 6


def test_features_tell_health(table):
    # Rank correlation within cells: a feature that does not move with capacity would be of no use.
    strength = {
        name: np.median([abs(part[name].corr(part["quantity"], method="spearman")) for part in cells])
        for name in FEATURES
        for cells in [[part for _, part in table.groupby("asset")]]
    }
    assert sum(value > 0.8 for value in strength.values()) >= 5, strength
