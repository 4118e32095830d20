"""Rows that lack a value: targets of check-ups only, features that were not measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from synthetic_cells import clean_params, data_params, split_params, task_params, write_cells

from dlnet.data.clean import clean_inputs, clean_targets, filled
from dlnet.data.findings import Kind
from dlnet.data.gaps import bridged, thinned
from dlnet.data.prepare import Prepared, prepare
from dlnet.data.report import describe, markdown
from dlnet.data.sources import load_assets
from dlnet.data.windows import WindowDataset
from dlnet.errors import ConfigError, DataError
from tasks import BATTERY

EVERY = 17  # rows from one check-up to the next
FIRST = 3  # row of the first one


def gapped(folder, *, check_up=True, missing=0.3, **csv):
    """A fleet whose target only check-ups measure, and whose feature some rows lack, as fetch reads it."""
    write_cells(folder, count=8, rows=90)
    rng = np.random.default_rng(5)
    for path in folder.glob("*.csv"):
        table = pd.read_csv(path)
        if check_up:
            table.loc[(table.index - FIRST) % EVERY != 0, "Q"] = np.nan
        table.loc[rng.random(len(table)) < missing, "dV/dt"] = np.nan
        table.to_csv(path, index=False)
    return load_assets(data_params("csv", folder, **({"labels": "check_up"} if check_up else {}) | csv), BATTERY)


def prepared(folder, **changes) -> Prepared:
    return prepare(*gapped(folder, **changes), BATTERY, clean_params(), split_params(), task_params())


def dataset_of(ready: Prepared, *, allow_test=False) -> WindowDataset:
    return WindowDataset.from_tables(ready.rows, ready.assets, ready.task, allow_test=allow_test)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory) -> Prepared:
    return prepared(tmp_path_factory.mktemp("fleet") / "cells")


def test_an_empty_target_is_an_error_that_names_the_setting(tmp_path):
    folder = write_cells(tmp_path / "cells")
    table = pd.read_csv(folder / "cell-2.csv")
    table.assign(Q=table["Q"].where(table.index != 4)).to_csv(folder / "cell-2.csv", index=False)
    with pytest.raises(DataError, match=r"cell-2.csv: line 6 .*set data.csv.labels: check_up"):
        load_assets(data_params("csv", folder), BATTERY)


def test_an_asset_without_any_check_up_is_refused(tmp_path):
    folder = write_cells(tmp_path / "cells")
    table = pd.read_csv(folder / "cell-2.csv")
    table.assign(Q=np.nan).to_csv(folder / "cell-2.csv", index=False)
    with pytest.raises(DataError, match=r"cell-2.csv: column 'Q': empty in every row"):
        load_assets(data_params("csv", folder, labels="check_up"), BATTERY)


def test_a_value_out_of_range_is_refused_among_check_ups_too(tmp_path):
    folder = write_cells(tmp_path / "cells")
    table = pd.read_csv(folder / "cell-2.csv")
    table.assign(Q=table["Q"].where(table.index % 5 == 0)).replace({"Q": {table["Q"][5]: 1900}}).to_csv(
        folder / "cell-2.csv", index=False
    )
    with pytest.raises(DataError, match=r"cell-2.csv: line 7 .* is 950 x the nominal"):
        load_assets(data_params("csv", folder, labels="check_up"), BATTERY)


def test_targets_are_those_of_check_ups_and_the_input_holds_the_last_of_them(fleet):
    one = fleet.rows[fleet.rows["asset"] == "cell-1"].reset_index(drop=True)
    known = one["target"].notna().to_numpy()
    assert one["row"].iloc[0] == FIRST
    assert np.flatnonzero(known).tolist() == list(range(0, len(one), EVERY))
    measured = fleet.raw[(fleet.rows["asset"] == "cell-1").to_numpy()]
    assert np.array_equal(one["health"], pd.Series(measured).ffill())
    assert np.array_equal(one["target"][known], measured[known])


def test_a_feature_holds_its_last_value_and_at_first_the_median_of_training(tmp_path):
    folder = tmp_path / "cells"
    table, source = gapped(folder, check_up=False, missing=0)
    late = (table["asset"] == "cell-1") & (table["row"] < 20)
    alone = (table["asset"] == "cell-2") & table["row"].between(30, 33)
    table.loc[late | alone, "slope"] = np.nan
    ready = prepare(table, source, BATTERY, clean_params(), split_params(), task_params())
    used = ready.assets.loc[ready.assets["used_in_training"], "asset"]
    median = table.loc[table["asset"].isin(used), "slope"].median()
    assert ready.task.typical == {"slope": median}
    assert (ready.rows.loc[late.to_numpy()[: len(ready.rows)], "slope"].iloc[:17] == median).all()
    second = ready.rows[ready.rows["asset"] == "cell-2"].set_index("row")["slope"]
    assert second[30:33].nunique() == 1


def test_a_feature_without_any_value_in_training_is_named(tmp_path):
    table, source = gapped(tmp_path / "cells", check_up=False)
    with pytest.raises(ConfigError, match="'slope' has no value in any training asset"):
        prepare(table.assign(slope=np.nan), source, BATTERY, clean_params(), split_params(), task_params())


def test_findings_count_the_rows_of_the_asset_and_not_those_that_are_left(tmp_path):
    table, source = gapped(tmp_path / "cells", missing=0)
    table.loc[(table["asset"] == "cell-1") & table["row"].isin([10, 11, 20]), "slope"] = np.nan
    ready = prepare(table, source, BATTERY, clean_params(), split_params(), task_params())
    found = [one for one in ready.task.findings if one.kind is Kind.MISSING]
    assert [(one.asset, one.rows) for one in found] == [("cell-1", ((11, 12), (21, 21)))]
    assert found[0].text.startswith("3 of 88 cycles lack a feature (slope 3): ")


def test_the_longest_stretch_without_a_target_is_named(fleet):
    text = next(one.text for one in fleet.task.findings if one.kind is Kind.NOT_MEASURED and not one.rows)
    assert f"with up to {EVERY - 1} between or after them" in text


def test_without_gaps_nothing_is_found(tmp_path):
    kinds = {one.kind for one in prepared(tmp_path / "cells", check_up=False, missing=0).task.findings}
    assert not kinds & {Kind.MISSING, Kind.NOT_MEASURED}


def test_without_gaps_nothing_is_filled():
    values = np.random.default_rng(0).normal(size=(30, 2))
    assert filled(values, np.zeros(2)) is values


def test_filling_looks_back_only():
    values = np.array([[np.nan], [2.0], [np.nan], [np.nan], [5.0]])
    assert filled(values, np.array([9.0]))[:, 0].tolist() == [9, 2, 2, 2, 5]


@pytest.mark.parametrize("track", ["with_target", "sensors_only"])
def test_cleaning_of_a_row_does_not_depend_on_later_ones(track):
    rng = np.random.default_rng(3)
    health, features = np.linspace(1, 0.8, 60), rng.normal(size=(60, 1))
    health[1:][rng.random(59) < 0.8] = np.nan
    features[rng.random(60) < 0.5] = np.nan
    given = {"track": track, "typical": {"slope": 0.0}}
    whole = clean_inputs(health, features, ["slope"], clean_params(), BATTERY, **given)
    for end in (1, 7, 30, 59):
        part = clean_inputs(health[:end], features[:end], ["slope"], clean_params(), BATTERY, **given)
        assert all(np.array_equal(a, b[:end]) for a, b in zip(part, whole, strict=True))


def test_a_target_that_was_not_measured_stays_unknown():
    health = np.where(np.arange(40) % 4 == 0, np.linspace(1, 0.9, 40), np.nan)
    assert np.array_equal(np.isnan(clean_targets(health, clean_params(), BATTERY)), np.isnan(health))


def test_windows_without_a_measured_target_ahead_are_no_evaluation_windows(fleet):
    dataset = dataset_of(fleet, allow_test=True)
    far = replace(dataset, measured=dataset.measured & (np.arange(len(dataset.measured)) % (3 * EVERY) == 0))
    ends = far.windows("train", 1)
    assert 0 < len(ends) < len(dataset.windows("train", 1, labelled=False))
    assert all(far.measured[end : end + far.horizon].any() for end in ends)


def test_the_number_of_windows_in_the_record_is_that_of_the_dataset(fleet):
    dataset = dataset_of(fleet, allow_test=True)
    for split, stride in (("train", 1), ("validation", 5), ("test", 5)):
        assert fleet.task.counts[split].windows == len(dataset.windows(split, stride))


def test_errors_count_measured_rows_only(fleet):
    dataset = dataset_of(fleet)
    ends = dataset.windows("validation", 5)
    target = dataset.targets(ends)
    known = np.isfinite(target)
    assert 0 < known.mean() < 0.2
    absurd = np.where(known, target + 0.01, 99.0)
    found = dataset.errors(absurd, ends)
    assert found.mae == pytest.approx(0.01 * dataset.unit_size, rel=1e-4)
    assert found.worst_asset.mae == pytest.approx(0.01 * dataset.unit_size, rel=1e-4)


def test_targets_of_test_assets_stay_hidden_between_check_ups_too(fleet):
    dataset = dataset_of(fleet)
    with pytest.raises(DataError, match="read only by"):
        dataset.targets(dataset.windows("test", 5))


def test_hidden_rows_hold_the_last_complete_one_of_the_same_asset(fleet):
    dataset = dataset_of(fleet)
    half = thinned(dataset, 0.5)
    changed = (half.features != dataset.features).any(axis=1)
    assert 0.3 < changed.mean() < 0.5
    assert np.array_equal(half.health, dataset.health)
    starts = np.searchsorted(dataset.asset_index, np.arange(len(dataset.assets)))
    typical = dataset.task.typical["slope"]
    for row in np.flatnonzero(changed):
        before = typical if row in starts else half.features[row - 1, 0]
        assert half.features[row, 0] == before
    assert thinned(dataset, 1.0) is dataset


def test_fewer_complete_rows_hide_those_hidden_before_and_more(fleet):
    dataset = dataset_of(fleet)
    numbered = replace(dataset, features=np.arange(len(dataset.health), dtype=float)[:, None])
    most, few = ((thinned(numbered, share).features == numbered.features)[:, 0] for share in (0.75, 0.25))
    assert most[few].all()
    assert 0.2 < few.mean() < 0.3


def test_bridges_are_straight_and_flat_at_the_ends():
    assert bridged(np.array([np.nan, 1.0, np.nan, 3.0, np.nan])).tolist() == [1, 1, 2, 3, 3]


def test_as_much_is_hidden_in_training_as_is_missing(fleet, tmp_path):
    assert 0.2 < fleet.task.channels.drop < 0.4
    assert prepared(tmp_path / "cells", check_up=False, missing=0).task.channels.drop == 0


def test_the_data_report_says_what_was_not_measured(fleet, tmp_path):
    def page(ready):
        return markdown(describe(ready, clean_params(), split_params()), BATTERY, ())

    text = page(fleet)
    measured = int(fleet.rows["target"].notna().sum())
    assert f"SoH was measured in {measured} of {len(fleet.rows)} cycles" in text
    assert f"| target not measured | cell-1 | 1-{FIRST} | SoH is first measured after {FIRST} cycles" in text
    assert "| missing values | cell-1 |" in text
    assert "| slope | 3" in text
    assert "## Gaps" not in page(prepared(tmp_path / "cells", check_up=False, missing=0))
