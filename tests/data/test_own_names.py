"""Files under the project's own names of columns are read without a mapping, by training, forecast and replay."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from saved_models import save_device_model
from synthetic_cells import cells_table, data_params, write_cells

from dlnet.data.csvfiles import Columns
from dlnet.data.ownnames import own_names
from dlnet.data.sources import load_assets
from dlnet.device.values import device_rows
from dlnet.errors import DataError
from dlnet.firmware.random_model import random_model
from dlnet.forecast import FileLayout, forecast, read_asset
from dlnet.saved import load
from tasks import BATTERY, changed

ROWS = 80
MAPPED = Columns("capacity", "Ah", None, {})
TARGET = BATTERY.target


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """An edge model of cells of 1.1 Ah."""
    made = random_model(hidden=6, quantities=BATTERY)
    return load(save_device_model(tmp_path_factory.mktemp("models") / "edge", made))


def cell(model, nominal=2.0):
    """One cell as in assets.parquet, 2 Ah when new."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"asset": "a", "group": "all", "row": range(ROWS), "nominal": nominal})
    rows["quantity"] = nominal * (1 - 0.001 * np.arange(ROWS))
    return rows.assign(**{name: rng.uniform(0.5, 1.5, ROWS) for name in model.features})


def exported(table):
    """The cell under names with units."""
    soh = table["quantity"] / table["nominal"]
    named = table.rename(columns={"quantity": "capacity_ah", "nominal": "nominal_ah"})
    return named.drop(columns=["asset", "group"]).assign(soh=soh)


def in_mah(table):
    thousand = exported(table).assign(capacity_ah=table["quantity"] * 1000, nominal_ah=table["nominal"] * 1000)
    return thousand.rename(columns={"capacity_ah": "capacity_mah", "nominal_ah": "nominal_mah"})


@pytest.mark.parametrize("form", [cell, exported, in_mah])
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_forecast_and_replay_read_an_exported_cell_without_options(model, tmp_path, form, suffix):
    table, path = cell(model), tmp_path / f"cell{suffix}"
    own = table if form is cell else form(table)
    own.to_csv(path, index=False) if suffix == ".csv" else own.to_parquet(path)
    table.rename(columns={"quantity": "capacity"}).to_csv(tmp_path / "mapped.csv", index=False)
    mapped = FileLayout(nominal=2.0)
    expected = forecast(tmp_path / "mapped.csv", model, mapped)
    found = forecast(path, model)
    assert found.nominal == 2.0
    np.testing.assert_allclose(found.ahead, expected.ahead, rtol=1e-12)
    np.testing.assert_allclose(
        device_rows(path, model).values, device_rows(tmp_path / "mapped.csv", model, mapped).values
    )


def test_what_is_given_counts_before_what_the_file_says(model, tmp_path):
    exported(cell(model)).to_csv(tmp_path / "cell.csv", index=False)
    assert read_asset(tmp_path / "cell.csv", model, FileLayout(nominal=2.5)).nominal == 2.5
    with pytest.raises(DataError, match="no column 'Qd'.*--column 'target=COLUMN'"):
        read_asset(tmp_path / "cell.csv", model, FileLayout(target="Qd"))


def test_training_reads_exported_cells_without_a_mapping(tmp_path):
    for asset, rows in cells_table(count=3).groupby("asset"):
        own = rows.rename(columns={"quantity": "capacity_ah", "nominal": "nominal_ah"})
        own.drop(columns="asset").to_csv(tmp_path / f"{asset}.csv", index=False)
    features = {"slope": "dV/dt"}
    table, record = load_assets(
        data_params("csv", tmp_path, target="capacity", nominal=1.1, features=features), BATTERY
    )
    expected = cells_table(count=3)
    np.testing.assert_array_equal(table["quantity"], expected["quantity"])
    np.testing.assert_array_equal(table["slope"], expected["slope"])
    assert record.nominal == (2.0,)


def test_training_reads_a_table_of_many_assets_under_the_projects_own_names(tmp_path):
    table = cells_table(count=3)
    table.to_parquet(tmp_path / "fleet.parquet")
    read, _ = load_assets(data_params("csv", tmp_path, target="capacity", nominal=1.1), BATTERY)
    assert read["asset"].tolist() == table["asset"].tolist()
    np.testing.assert_array_equal(read["quantity"], table["quantity"])


def test_each_asset_of_a_table_has_its_own_nominal_value(tmp_path):
    table = cells_table(count=2)
    table["nominal"] = np.where(table["asset"] == "c1", 2.5, 2.0)
    table.to_csv(tmp_path / "fleet.csv", index=False)
    read, record = load_assets(data_params("csv", tmp_path, target="capacity", nominal=1.1), BATTERY)
    assert record.nominal == (2.0, 2.5)
    assert read.groupby("asset")["nominal"].first().to_dict() == {"c0": 2.0, "c1": 2.5}


def test_a_mapped_column_is_read_though_the_projects_own_stands_beside_it():
    assert own_names(["capacity", "capacity_ah", "quantity"], MAPPED, TARGET) == MAPPED


def test_a_column_with_a_unit_in_its_name_is_in_that_unit():
    assert own_names(["capacity_mah"], MAPPED, TARGET).unit == "mAh"
    assert own_names(["quantity"], Columns("Q", "mAh", None, {}), TARGET) == Columns("quantity", "Ah", None, {})


def test_a_task_of_another_quantity_has_its_own_names():
    wear = changed(target={"over_nominal": False, "quantity": "tool wear", "unit": "um", "other_units": {"mm": 1e3}})
    assert own_names(["tool_wear_mm"], MAPPED, wear.target) == Columns("tool_wear_mm", "mm", None, {})


@pytest.mark.parametrize(
    ("nominal", "words"),
    [([2.0] * 40 + [3.0] * 40, "2, but 3 on line 42; write one value"), (-1.0, "'-1' is no quantity of a new")],
)
def test_a_nominal_value_that_cannot_be_is_named(model, tmp_path, nominal, words):
    exported(cell(model)).assign(nominal_ah=nominal).to_csv(tmp_path / "cell.csv", index=False)
    for read in (read_asset, device_rows):
        with pytest.raises(DataError, match=words):
            read(tmp_path / "cell.csv", model)


def test_a_nominal_column_beside_a_mapped_target_is_the_users_own(tmp_path):
    folder = write_cells(tmp_path / "cells", count=1)
    rows = pd.read_csv(folder / "cell-1.csv")
    rows.assign(nominal=7.0).to_csv(folder / "cell-1.csv", index=False)
    assert load_assets(data_params("csv", folder), BATTERY)[1].nominal == (2.0,)


def test_a_capacity_in_mah_gets_the_option_of_the_command_that_read_it(model, tmp_path):
    thousand = cell(model).assign(capacity=lambda rows: rows["quantity"] * 550).drop(columns="quantity")
    thousand.to_csv(tmp_path / "cell.csv", index=False)
    with pytest.raises(DataError, match=r"is the column in mAh\? then give --unit mAh$|more lines like it"):
        read_asset(tmp_path / "cell.csv", model)
    with pytest.raises(DataError, match=r"give --unit mAh"):
        read_asset(tmp_path / "cell.csv", model)


def test_a_nominal_value_in_the_unit_of_the_column_is_asked_for_in_that_of_the_task(tmp_path):
    folder = write_cells(tmp_path / "cells", count=1)
    rows = pd.read_csv(folder / "cell-1.csv")
    rows.assign(Q=rows["Q"] * 1000).to_csv(folder / "cell-1.csv", index=False)
    with pytest.raises(DataError, match=r"or is data.csv.nominal in mAh\? then give it in Ah: 2 "):
        load_assets(data_params("csv", folder, unit="mAh", nominal=2000), BATTERY)


@pytest.mark.parametrize("form", ["CR", "UTF-16", "semicolons and decimal commas", "Excel"])
def test_a_cell_in_another_form_has_the_same_forecast(model, tmp_path, form):
    table = exported(cell(model)).round(9)
    table.to_csv(tmp_path / "cell.csv", index=False)
    expected, path = forecast(tmp_path / "cell.csv", model), tmp_path / "other.csv"
    match form:
        case "CR":
            path.write_bytes((tmp_path / "cell.csv").read_bytes().replace(b"\n", b"\r"))
        case "UTF-16":
            path.write_text((tmp_path / "cell.csv").read_text(), encoding="utf-16")
        case "semicolons and decimal commas":
            table.to_csv(path, sep=";", decimal=",", index=False)
        case "Excel":
            path = path.with_suffix(".xlsx")
            table.to_excel(path, index=False)
    assert forecast(path, model).ahead.tobytes() == expected.ahead.tobytes()
    assert device_rows(path, model).values.tobytes() == device_rows(tmp_path / "cell.csv", model).values.tobytes()


@pytest.mark.parametrize(("name", "size"), [("soh", 1.0), ("soh_percent", 100.0)])
def test_a_file_of_health_alone_is_read_as_such(model, tmp_path, name, size):
    table = cell(model)
    features = table[list(model.features)]
    features.assign(**{name: table["quantity"] / 2.0 * size}).to_csv(tmp_path / "share.csv", index=False)
    features.assign(capacity=table["quantity"]).to_csv(tmp_path / "mapped.csv", index=False)
    expected = read_asset(tmp_path / "mapped.csv", model, FileLayout(nominal=2.0)).target
    np.testing.assert_allclose(read_asset(tmp_path / "share.csv", model).target, expected, rtol=1e-12)


def test_a_unit_that_yaml_takes_for_a_number_is_its_text():
    assert data_params("csv", unit=1).csv.unit == "1"
