"""Pictures: what is chosen to be drawn, names that do not overlap, the same bytes each time."""

from dataclasses import replace
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlnet.plots.axes import LABEL_GAP, apart, in_bytes
from dlnet.plots.style import figure_style
from dlnet.report.plots import PICTURES, SHOWN, draw, origins, ranked_assets, shown_ranks, size, trajectories


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_names_keep_their_order_and_their_distance(heights):
    shares = {str(i): height for i, height in enumerate(heights)}
    moved = apart(shares)
    ordered = sorted(shares, key=shares.get)
    assert all(moved[b] - moved[a] >= LABEL_GAP - 1e-9 for a, b in pairwise(ordered))


def test_names_that_are_far_apart_stay_where_they_are():
    shares = {"a": 0.1, "b": 0.5, "c": 0.9}
    assert apart(shares) == pytest.approx(shares)


def test_crowded_names_move_as_little_as_can_be():
    """Against a search over a fine grid."""
    shares = {"a": 0.5, "b": 0.51, "c": 0.58}
    grid = np.arange(0.40, 0.70, 0.002)
    a, b, c = np.meshgrid(grid, grid, grid, indexing="ij")
    fits = (b - a >= LABEL_GAP - 1e-9) & (c - b >= LABEL_GAP - 1e-9)
    cost = np.where(fits, (a - 0.5) ** 2 + (b - 0.51) ** 2 + (c - 0.58) ** 2, np.inf)
    moved = apart(shares)
    assert sum((moved[name] - shares[name]) ** 2 for name in shares) <= cost.min() + 1e-9


def test_equal_heights_are_told_apart_in_any_order():
    for names in permutations("abc"):
        assert len(set(apart(dict.fromkeys(names, 0.5)).values())) == 3


@pytest.mark.parametrize(("value", "text"), [(0, "0 B"), (880, "880 B"), (2269, "2.27 kB"), (1.5e6, "1.5 MB")])
def test_bytes_in_words(value, text):
    assert in_bytes(value) == text


@pytest.mark.parametrize("count", [1, 2, 5, 6, 7, 24, 125])
def test_the_best_and_the_worst_asset_are_drawn(count):
    ranks = shown_ranks(count)
    assert (ranks[0], ranks[-1], len(ranks)) == (0, count - 1, min(SHOWN, count))


def test_assets_are_ranked_by_their_error(evaluation, summary):
    ranked = ranked_assets(evaluation.cases["test"], evaluation.int8[summary.edge.name])
    assert [error for _, error in ranked] == sorted(error for _, error in ranked)
    assert ranked[-1][0] == summary.edge.worst_asset.asset


def test_drawn_forecasts_are_of_the_asset_and_stand_apart(evaluation):
    cases = evaluation.cases["test"]
    asset = cases.names[cases.asset[0]]
    chosen = origins(cases, asset, 9)
    ends = cases.ends[chosen]
    assert {cases.names[i] for i in cases.asset[chosen]} == {asset}
    assert (np.diff(ends) >= 6).all()  # windows are 3 rows apart, so that 9 rows may miss by one window


def test_a_single_test_asset_can_be_drawn(evaluation, dataset, summary):
    cases, forecast = evaluation.cases["test"], evaluation.int8[summary.edge.name]
    one = cases.asset == cases.asset[0]
    parts = {name: getattr(cases, name)[one] for name in ("ends", "target", "asset", "after")}
    with figure_style():
        figure = trajectories(dataset, replace(cases, **parts), forecast[one], "made")
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_visible()]
    assert len(titles) == 1


def test_what_is_simulated_says_so_in_the_title(summary):
    with figure_style():
        assert "simulated" in size(summary).get_suptitle()


@pytest.mark.slow
def test_all_pictures_are_drawn_with_the_same_bytes_each_time(tmp_path, evaluation, pipeline, dataset, summary):
    for run in ("one", "two"):
        draw(evaluation, pipeline, dataset, summary, tmp_path / run)
    names = sorted(name for _, name in PICTURES)
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == names
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
