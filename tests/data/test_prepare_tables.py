"""Outputs of the prepare stage: cleaned rows, split, counts; and no leak from test cells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from synthetic_cells import SOURCE, cells_table, clean_params, split_params, task_params

from dlnet.data.clean import clean_inputs, clean_targets
from dlnet.data.prepare import prepare
from dlnet.errors import ConfigError, DataError
from tasks import BATTERY


def prepared(table, **split):
    return prepare(table, SOURCE, BATTERY, clean_params(), split_params(**split), task_params())


def test_inputs_look_back_and_targets_look_both_ways():
    table = cells_table()
    out = prepared(table)
    cell = (table["asset"] == "c3").to_numpy()
    soh = table.loc[cell, "quantity"].to_numpy() / 2.0
    rows = out.rows[cell]
    slope = table.loc[cell, ["slope"]].to_numpy()
    inputs, features = clean_inputs(soh, slope, ["slope"], clean_params(), BATTERY, track="with_target")
    targets = clean_targets(soh, clean_params(), BATTERY)
    np.testing.assert_array_equal(rows["health"], inputs)
    np.testing.assert_array_equal(rows["target"], targets)
    np.testing.assert_array_equal(rows["slope"], features[:, 0])
    counts = out.assets.set_index("asset").loc["c3"]
    assert counts["touched_inputs"] == (inputs != soh).sum() > 0
    assert counts["touched_targets"] == (targets != soh).sum() > 0


def test_tables_have_the_documented_columns():
    out = prepared(cells_table())
    assert list(out.rows.columns) == ["asset", "group", "row", "health", "target", "slope"]
    assert list(out.assets.columns) == [
        "asset", "group", "rows", "split", "used_in_training", "touched_inputs", "touched_targets", "touched_features",
    ]  # fmt: skip
    assert out.assets["used_in_training"].dtype == bool


def test_cleaning_uses_no_other_cell():
    table = cells_table()
    alone = table[table["asset"] == "c4"].reset_index(drop=True)
    before = prepared(table).rows
    others = table.assign(quantity=table["quantity"].where(table["asset"] == "c4", 1.0))
    after = prepared(others).rows
    pd.testing.assert_frame_equal(before[before["asset"] == "c4"], after[after["asset"] == "c4"])
    assert len(before[before["asset"] == "c4"]) == len(alone)


def test_changed_test_cells_leave_split_and_training_rows_untouched():
    table = cells_table()
    before = prepared(table)
    test = set(before.assets.loc[before.assets["split"] == "test", "asset"])
    changed = table["asset"].isin(test)
    rng = np.random.default_rng(1)
    noise = pd.Series(rng.normal(1, 0.1, len(table)), index=table.index).where(changed, 1.0)
    after = prepared(table.assign(quantity=table["quantity"] * noise, slope=table["slope"] * noise))
    pd.testing.assert_series_equal(before.assets["split"], after.assets["split"])
    unchanged = ~changed.to_numpy()
    pd.testing.assert_frame_equal(before.rows[unchanged], after.rows[unchanged])


def test_windows_are_counted():
    out = prepared(cells_table())
    for split, stride in (("train", 1), ("validation", 5), ("test", 5)):
        lives = out.assets.loc[out.assets["split"] == split, "rows"]
        windows = sum(len(range(10, rows - 20 + 1, stride)) for rows in lives)
        assert out.task.counts[split].windows == windows


def test_task_holds_source_params_and_features():
    task = prepared(cells_table()).task
    assert task.label == SOURCE.label
    assert task.window == 10
    assert task.features == ("slope",)


def test_a_smaller_share_counts_only_the_cells_in_use():
    counts = prepared(cells_table(), train_share=0.3).task.counts["train"]
    assert counts.assets == 6
    assert counts.assets_used == 2


def test_a_cell_shorter_than_a_window_is_unused():
    table = cells_table()
    shortened = table[(table["asset"] != "c0") | (table["row"] < 29)].reset_index(drop=True)
    cells = prepared(shortened).assets.set_index("asset")
    assert cells.loc["c0", "split"] == "unused"
    assert (cells.drop("c0")["split"] != "unused").all()


def test_only_short_cells_are_an_error_naming_the_longest():
    table = cells_table(rows=15)
    with pytest.raises(DataError, match=r"0 of 10 assets have the 30 rows .* \(the longest, c9, has 24\)"):
        prepared(table)


def test_a_feature_that_is_not_in_the_data_is_named():
    task = task_params(features=("CV Q",))
    with pytest.raises(ConfigError, match=r"task.with_target.features: 'CV Q' is not in the data, which has 'slope'"):
        prepare(cells_table(), SOURCE, BATTERY, clean_params(), split_params(), task)


def test_fewer_rows_than_a_window_and_a_horizon_are_rejected():
    with pytest.raises(ConfigError, match=r"clean.min_rows \(29\) must be at least .* \(10 \+ 20\)"):
        prepare(cells_table(), SOURCE, BATTERY, clean_params(min_rows=29), split_params(), task_params())
