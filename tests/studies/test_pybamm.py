"""A few real cycles in PyBaMM; skipped where it is not installed."""

import dataclasses
import importlib.util

import numpy as np
import pytest

from dlnet.data.features import FEATURES
from studies.simulate import simulate
from studies.simulate.fleet import draw_fleet

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("pybamm") is None,
        reason="PyBaMM is not installed: pip install -e '.[simulate]'",
    ),
    # PyBaMM's own imports; nothing of ours warns.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]

# Aged eight times faster still: the fade of three cycles is far above noise and the solver's tolerance.
BASE = draw_fleet(0, 1)[2]
CELL = dataclasses.replace(BASE, end_soh=0.5, sei=8 * BASE.sei, plating=8 * BASE.plating)
STRETCH, CYCLES = 40, 3


def made(folder):
    table = simulate.build([CELL], folder / "cell.parquet", folder / "cache", STRETCH, CYCLES)
    return table, (folder / "cell.parquet").read_bytes()


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    return made(tmp_path_factory.mktemp("one")), made(tmp_path_factory.mktemp("two"))


def test_capacity_falls(twice):
    soh = twice[0][0]["quantity"].to_numpy() / 5
    assert len(soh) == STRETCH * (CYCLES - 1) + 1
    assert 0.003 < soh[:10].mean() - soh[-10:].mean() < 0.3


def test_features_are_finite_and_in_range(twice):
    table = twice[0][0]
    assert np.isfinite(table[list(FEATURES)].to_numpy()).all()
    assert table["voltage mean"].between(4.0, 4.2).all()
    assert table["current mean"].between(0.45, 1.75).all()


def test_same_seed_gives_the_same_bytes(twice):
    assert twice[0][1] == twice[1][1]
