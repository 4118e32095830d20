"""Data of other tasks: rising targets, other units, columns that do not fit the task, and pasts that nobody has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic_cells import (
    LABEL,
    SOURCE,
    cells_table,
    clean_params,
    data_params,
    split_params,
    task_params,
    write_cells,
    write_embedded,
)  # fmt: skip

from dlnet.config.quantities import load_quantities
from dlnet.data.prepare import prepare
from dlnet.data.sources import load_assets
from dlnet.data.windows import WindowDataset
from dlnet.errors import ConfigError, DataError
from tasks import changed

PROJECT = Path(__file__).parents[2]
OWN = {"over_nominal": False, "end_of_life": None, "quantity": "depth", "symbol": "wear"}
FALLING = changed(target=OWN | {"unit": "mm", "other_units": {"um": 1e-3}, "range": (0, 29)})
RISING = changed(target=OWN | {"unit": "um", "other_units": {"mm": 1e3}, "range": (0, 29_000), "direction": "rising"},
                 cleaning={"target": 0.006 * 20_000, "features": {}})  # fmt: skip
FALLING = FALLING.model_copy(update={"cleaning": RISING.cleaning.model_copy(update={"target": 0.006 * 20})})
LIFE = changed(target=OWN | {"unit": "cycles", "other_units": {}, "range": (0, 1e4), "quantity": "remaining life"})


def table_of(values):
    """The synthetic cells with other values of the quantity, which is no share."""
    return cells_table().assign(quantity=values, nominal=1.0)


def prepared(table, quantities, **task):
    return prepare(table, SOURCE, quantities, clean_params(), split_params(), task_params(**task))


@pytest.fixture(scope="module")
def mirrored():
    """The same lives as material left, in mm, and as material lost, in um."""
    left = 20 * cells_table()["quantity"].to_numpy() / 2 + 5
    return prepared(table_of(left), FALLING), prepared(table_of((29 - left) * 1000), RISING)


def test_a_rising_target_is_the_mirror_image_of_a_falling_one(mirrored):
    falling, rising = mirrored
    for column in ("health", "target"):
        np.testing.assert_allclose(rising.rows[column], falling.rows[column], rtol=0, atol=1e-12)
    assert (falling.raw != falling.rows["health"]).sum() > 0, "cleaning matters here"
    pd.testing.assert_frame_equal(rising.assets, falling.assets)
    ends = rising.rows.groupby("asset")["health"].agg(["first", "last"])
    assert (ends["first"] > ends["last"]).all()


def test_errors_of_a_dataset_are_in_the_unit_of_the_target(mirrored):
    found = []
    for one in mirrored:
        dataset = WindowDataset.from_tables(one.rows, one.assets, one.task)
        windows = dataset.windows("validation", 5)
        forecast = dataset.targets(windows) + np.linspace(-0.02, 0.03, len(windows) * 20).reshape(-1, 20)
        found.append((dataset.errors(forecast, windows), np.nanmean(np.abs(forecast - dataset.targets(windows)))))
    for (errors, health), size in zip(found, (29 / 1.45, 29_000 / 1.45), strict=True):
        assert errors.mae == pytest.approx(size * health, rel=1e-9)
    (falling, _), (rising, _) = found
    for name in ("mae", "rmse", "asset_mae"):
        assert getattr(rising, name) == pytest.approx(1000 * getattr(falling, name), rel=1e-5)
    assert rising.worst_asset.asset == falling.worst_asset.asset


def test_files_in_another_unit_give_the_same_table(tmp_path):
    folder, read = write_cells(tmp_path / "cells"), []
    mapping = {"nominal": None, "features": {"slope": "dV/dt"}}
    for unit, factor in (("um", 1.0), ("mm", 1e-3)):
        for path in sorted(folder.iterdir()):
            one = pd.read_csv(path)
            one.assign(Q=one["Q"] * factor).to_csv(path, index=False)
        read.append(load_assets(data_params("csv", folder, unit=unit, **mapping), RISING))
    (first, record), (second, other) = read
    np.testing.assert_allclose(first["quantity"], second["quantity"], rtol=1e-12)
    assert (first["nominal"] == 1.0).all()
    assert (record.nominal, other.nominal) == ((), ())
    assert (record.columns.unit, other.columns.unit) == ("um", "mm")


def test_a_column_without_a_unit_is_in_that_of_the_task(tmp_path):
    record = load_assets(data_params("csv", write_cells(tmp_path / "cells"), unit=None, nominal=None), RISING)[1]
    assert record.columns.unit == "um"


@pytest.mark.parametrize(
    ("quantities", "columns", "message"),
    [
        (
            RISING,
            {"unit": "in", "nominal": None},
            "data.csv.unit: 'in' is no unit of depth in tasks/battery.yaml, which has um, mm",
        ),
        (RISING, {"unit": "um", "nominal": 2.0}, "data.csv.nominal: wear is no share of a nominal value; write null"),
        (
            changed(),
            {"unit": "Ah", "nominal": None},
            "data.csv.nominal: SoH is capacity over that of a new cell; give that, in Ah",
        ),
        (
            RISING,
            {"unit": "um", "nominal": None, "features": {"wear": "dV/dt"}},
            "data.csv.features: the name 'wear' is reserved; choose another for that feature",
        ),
    ],
    ids=["unit", "nominal of no share", "no nominal", "feature named as the target"],
)
def test_columns_that_do_not_fit_the_task_are_named_before_any_file_is_read(tmp_path, quantities, columns, message):
    with pytest.raises(ConfigError) as caught:
        load_assets(data_params("csv", tmp_path / "no such folder", **columns), quantities)
    assert str(caught.value) == f"params.yaml: {message}"


def test_a_value_out_of_range_is_named_with_the_unit_that_fits(tmp_path):
    folder = write_cells(tmp_path / "cells")
    quantities = changed(target=OWN | {"unit": "um", "other_units": {"mm": 1e3}, "range": (1000, 3000)})
    with pytest.raises(DataError) as caught:
        load_assets(data_params("csv", folder, unit="um", nominal=None), quantities)
    parts = "cell-1.csv: line 2 (data row 1), column 'Q': a depth of ", " um is outside 1000-3000; is the column in mm?"
    for part in (*parts, "then set data.csv.unit: mm (params.yaml)"):
        assert part in str(caught.value)


def test_a_target_that_is_no_share_may_be_zero_or_negative(tmp_path):
    (tmp_path / "a.csv").write_text("Q,dV/dt\n-1,0.1\n0,0.1\n1,0.1\n")
    quantities = changed(target=OWN | {"unit": "um", "other_units": {}, "range": (-2, 2)})
    table, _ = load_assets(data_params("csv", tmp_path, unit="um", nominal=None), quantities)
    assert table["quantity"].tolist() == [-1, 0, 1]


def test_features_without_a_stated_unit_are_noted(tmp_path):
    folder = write_cells(tmp_path / "cells")
    features = {"slope": "dV/dt", "CV Q": "dV/dt", "bend": "dV/dt"}
    notes = load_assets(data_params("csv", folder, features=features), changed())[1].notes
    assert notes == ("tasks/battery.yaml states no unit of slope, bend: firmware and cards show '?'.",)
    assert load_assets(data_params("csv", folder, features={"CV Q": "dV/dt"}), changed())[1].notes == ()


@pytest.mark.parametrize("name", ["health", "target", "time", "SoH"])
def test_a_reserved_name_of_an_embedded_table_is_refused(tmp_path, name):
    path = write_embedded(tmp_path / "fleet.parquet", cells_table().rename(columns={"slope": name}))
    with pytest.raises(ConfigError, match=f"fleet.parquet: the name '{name}' is reserved; choose another"):
        load_assets(data_params("embedded", path), changed())


def test_an_embedded_table_with_nominal_values_of_no_share_is_refused(tmp_path):
    path = write_embedded(tmp_path / "fleet.parquet", table_of(100.0).assign(nominal=2.0), task=LABEL.task)
    with pytest.raises(DataError, match="row 0, column 'nominal': not 1, though wear is no share of a nominal value"):
        load_assets(data_params("embedded", path), RISING)


def test_the_generic_task_takes_all_features_of_the_data(tmp_path):
    generic, folder = load_quantities("generic", PROJECT / "tasks"), write_cells(tmp_path / "cells", count=6)
    features = {"slope": "dV/dt", "bend": "dV/dt"}
    table, source = load_assets(data_params("csv", folder, unit=None, features=features), generic)
    chosen = {"features": "task", "relative": "task", "quantiles": 0, "noise": 0.1}
    for track in ("with_target", "sensors_only"):
        task = task_params(name="generic", track=track, **{track: chosen})
        record = prepare(table, source, generic, clean_params(), split_params(), task).task
        assert record.features == record.channels.features == record.channels.relative == ("slope", "bend")
        assert record.channels.noise == 0.1


def counting_down(step=1.0, first=200.0):
    return table_of(first - step * cells_table()["row"].to_numpy())


AFTER_FAILURE = LIFE.model_copy(update={"target": LIFE.target.model_copy(update={"known": "after failure"})})


def test_a_target_known_only_after_failure_is_no_input():
    table = table_of(np.linspace(9000, 10, len(cells_table())))
    with pytest.raises(ConfigError) as caught:
        prepared(table, AFTER_FAILURE)
    assert str(caught.value) == (
        "params.yaml: task.track: wear is known only after failure (tasks/battery.yaml: target.known), so its past "
        "cannot be an input; choose task.track sensors_only (params.yaml)"
    )
    assert prepared(table, AFTER_FAILURE, track="sensors_only").task.track == "sensors_only"


@pytest.mark.parametrize("step", [1.0, 0.1, 3.0])
def test_remaining_life_is_no_input_though_the_task_does_not_say_so(step):
    quantities = LIFE.model_copy(update={"time": LIFE.time.model_copy(update={"step": step})})
    with pytest.raises(ConfigError) as caught:
        prepared(counting_down(step), quantities)
    assert str(caught.value) == (
        "params.yaml: task.track: remaining life falls by exactly one step of time a row on every cell: remaining "
        "life, which is known only after failure; choose task.track sensors_only (params.yaml)"
    )
    assert prepared(counting_down(step), quantities, track="sensors_only").task.track == "sensors_only"


def test_a_measured_target_is_an_input_however_straight_it_falls():
    assert prepared(counting_down(1.01), LIFE).task.track == "with_target", "another step than that of time"
    noisy = counting_down()
    noisy.loc[5, "quantity"] += 0.01
    assert prepared(noisy, LIFE).task.track == "with_target", "one value off the line"


def test_a_relative_feature_that_is_no_input_is_named():
    table = cells_table().assign(bend=1.0)
    channels = {"features": ["slope"], "relative": "task", "quantiles": 0, "noise": 0.0}
    assert prepared(table, changed(), with_target=channels).task.channels.relative == ()
    task = task_params()
    own = task.with_target.model_copy(update={"relative": ["bend"]})
    with pytest.raises(
        ConfigError, match=r"task.with_target.relative: 'bend' is not among the track's features, which"
    ):
        prepare(table, SOURCE, changed(), clean_params(), split_params(), task.model_copy(update={"with_target": own}))


def test_sensors_only_needs_a_feature():
    with pytest.raises(ConfigError, match=r"task.track: sensors_only needs at least one feature; choose with_target"):
        prepared(cells_table(), changed(), track="sensors_only", features=())
