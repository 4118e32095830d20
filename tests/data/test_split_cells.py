"""Properties of the split: disjoint, in proportion, the same for a seed, independent of the order of the table."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_cells import split_params

from dlnet.data.split import split_assets
from dlnet.errors import DataError

MIN_ROWS = 100
groups = st.lists(st.lists(st.integers(50, 400), min_size=5, max_size=18), min_size=1, max_size=3)
seeds = st.integers(0, 1000)


def cells_of(lives):
    return pd.DataFrame(
        [
            {"asset": f"g{g}-{i}", "group": f"g{g}", "rows": rows}
            for g, group in enumerate(lives)
            for i, rows in enumerate(group)
        ]
    )


def enough(lives):
    return sum(rows >= MIN_ROWS for group in lives for rows in group) >= 10


@settings(max_examples=25, deadline=None)
@given(groups.filter(enough), seeds)
def test_short_cells_are_unused_and_all_others_assigned(lives, seed):
    assigned = split_assets(cells_of(lives), split_params(seed=seed), MIN_ROWS)
    short = assigned["rows"] < MIN_ROWS
    assert (assigned.loc[short, "split"] == "unused").all()
    assert assigned.loc[~short, "split"].isin(["train", "validation", "test"]).all()


@settings(max_examples=25, deadline=None)
@given(groups.filter(enough), seeds)
def test_each_fifth_of_a_group_by_life_is_split_three_one_one(lives, seed):
    assigned = split_assets(cells_of(lives), split_params(seed=seed), MIN_ROWS)
    for _, group in assigned[assigned["split"] != "unused"].groupby("group"):
        if len(group) < 5:
            continue
        ordered = group.sort_values(["rows", "asset"])["split"].tolist()
        for start in range(0, len(ordered) - 4, 5):
            assert sorted(ordered[start : start + 5]) == ["test", "train", "train", "train", "validation"]


@settings(max_examples=25, deadline=None)
@given(groups.filter(enough), seeds)
def test_the_order_of_the_table_does_not_matter(lives, seed):
    cells = cells_of(lives)
    once = split_assets(cells, split_params(seed=seed, train_share=0.5), MIN_ROWS)
    again = split_assets(cells.sample(frac=1, random_state=1), split_params(seed=seed, train_share=0.5), MIN_ROWS)
    pd.testing.assert_frame_equal(once, again.sort_index())


@pytest.mark.parametrize("parts", [(0.7, 0.15, 0.15), (0.8, 0.1, 0.1), (0.5, 0.25, 0.25), (0.6, 0.3, 0.1)])
@pytest.mark.parametrize("count", [23, 40, 117])
def test_other_fractions_are_met_within_a_stratum(parts, count):
    train, validation, test = parts
    params = split_params(train=train, validation=validation, test=test)
    assigned = split_assets(cells_of([list(range(200, 200 + count))]), params, MIN_ROWS)["split"].value_counts()
    for name, part in zip(("train", "validation", "test"), parts, strict=True):
        assert abs(assigned[name] - part * count) <= 2


def test_another_seed_gives_another_split():
    cells = cells_of([list(range(200, 240))])
    first, second = (split_assets(cells, split_params(seed=seed), MIN_ROWS)["split"] for seed in (0, 1))
    assert (first != second).any()


def test_tiny_groups_are_split_together():
    cells = cells_of([[200], [201], [202], [203], [204]])
    assert sorted(split_assets(cells, split_params(), MIN_ROWS)["split"]) == [
        "test",
        "train",
        "train",
        "train",
        "validation",
    ]


@settings(max_examples=25, deadline=None)
@given(groups.filter(enough), seeds)
def test_a_smaller_share_keeps_a_subset_of_the_training_cells(lives, seed):
    cells = cells_of(lives)
    kept = {}
    for share in (0.1, 0.3, 1.0):
        assigned = split_assets(cells, split_params(seed=seed, train_share=share), MIN_ROWS)
        kept[share] = set(assigned.loc[assigned["used_in_training"], "asset"])
        train = set(assigned.loc[assigned["split"] == "train", "asset"])
        assert len(kept[share]) == max(2, round(share * len(train)))
    assert kept[0.1] <= kept[0.3] <= kept[1.0] == train


def test_too_few_long_cells_are_named_with_the_longest():
    cells = cells_of([[50, 60, 90, 120, 130, 140, 150]])
    with pytest.raises(DataError, match=r"4 of 7 assets .* clean.min_rows .* \(the longest, g0-6, has 150\)"):
        split_assets(cells, split_params(), MIN_ROWS)


def test_a_split_that_would_stay_empty_is_named():
    params = split_params(train=0.98, validation=0.01, test=0.01)
    with pytest.raises(DataError, match=r"split.validation: 0.01 of 6 usable assets leaves 0"):
        split_assets(cells_of([[200] * 6]), params, MIN_ROWS)
