"""Public sources beside own assets: they train, validate and test nothing, and leave all of the own data as it is."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from synthetic_cells import (
    SOURCE,
    cells_table,
    channels,
    clean_params,
    data_params,
    split_params,
    task_params,
    write_cells,
    write_project,
)

from dlnet.config.data import DataParams
from dlnet.data.documents import PublicSource
from dlnet.data.encode import fit_encoder
from dlnet.data.prepare import prepare
from dlnet.data.public import add_public, as_public, clean_public, matched
from dlnet.data.windows import WindowDataset
from dlnet.errors import ConfigError, DataError
from stages import fetch
from stages import prepare as prepare_stage
from tasks import BATTERY


def other_cells(nominal: float = 4.0) -> pd.DataFrame:
    """Cells of another maker: more capacity, and a slope of another size."""
    table, scale = cells_table(), nominal / 2.0
    table = table[table["asset"] <= "c5"]
    return table.assign(nominal=nominal, quantity=scale * table["quantity"], slope=7.0 - 30.0 * table["slope"])


def public_record(weight: float = 0.25) -> PublicSource:
    return PublicSource(source="hust", label="HUST (measured)", simulated=False, weight=weight, assets=6, rows=1)


def with_public(table: pd.DataFrame, other: pd.DataFrame):
    out = prepare(table, SOURCE, BATTERY, clean_params(), split_params(), task_params())
    public = clean_public(as_public(other, table, "hust"), public_record(), BATTERY, clean_params(), task_params())
    return add_public(out, [public])


def dataset_of(out) -> WindowDataset:
    return WindowDataset.from_tables(*out.all_tables(), out.task)


def test_the_own_rows_and_splits_are_those_without_public_sources():
    table = cells_table()
    alone = prepare(table, SOURCE, BATTERY, clean_params(), split_params(), task_params())
    rows, assets = with_public(table, other_cells()).all_tables()
    pd.testing.assert_frame_equal(rows[: len(alone.rows)], alone.rows)
    pd.testing.assert_frame_equal(assets.loc[: len(alone.assets) - 1, alone.assets.columns], alone.assets)


def test_public_assets_only_train_under_the_name_of_their_source():
    dataset = dataset_of(with_public(cells_table(), other_cells()))
    for split in ("validation", "test"):
        ends = dataset.windows(split, 1)
        assert dataset.own(ends).all()
    train = dataset.windows("train", 1)
    public = {dataset.assets[i] for i in dataset.asset_of(train[~dataset.own(train)])}
    assert public == {f"hust:c{i}" for i in range(6)}


def test_a_window_weighs_what_its_source_says():
    dataset = dataset_of(with_public(cells_table(), other_cells()))
    train = dataset.windows("train", 1)
    weights = dataset.weights(train)
    assert weights is not None
    np.testing.assert_array_equal(weights, np.where(dataset.own(train), 1.0, 0.25))


def test_health_is_relative_to_the_nominal_value_of_the_source():
    out = with_public(cells_table(), other_cells(nominal=4.0))
    own = out.rows[out.rows["asset"] == "c3"]["health"].to_numpy()
    np.testing.assert_allclose(out.public_rows[out.public_rows["asset"] == "hust:c3"]["health"], own, rtol=1e-12)


def test_public_features_get_mean_and_spread_of_the_own_training_rows():
    out = with_public(cells_table(), other_cells())
    training = out.assets.loc[out.assets["used_in_training"], "asset"]
    own = out.rows.loc[out.rows["asset"].isin(training), "slope"]
    assert out.public_rows["slope"].mean() == pytest.approx(own.mean(), rel=1e-9)
    assert out.public_rows["slope"].std(ddof=0) == pytest.approx(own.std(ddof=0), rel=1e-9)


def test_a_public_feature_that_does_not_vary_gets_the_own_mean():
    own = np.array([[1.0], [3.0]])
    np.testing.assert_array_equal(matched(np.full((4, 1), 0.1), own), np.full((4, 1), 2.0))


def test_the_encoder_is_scaled_by_own_windows():
    table = cells_table()
    alone = prepare(table, SOURCE, BATTERY, clean_params(), split_params(), task_params())
    dataset = dataset_of(with_public(table, other_cells()))
    own = fit_encoder(WindowDataset.from_tables(alone.rows, alone.assets, alone.task), task_params())
    both = fit_encoder(dataset, task_params())
    for name in ("center", "scale", "level_mean", "level_scale", "delta_scale", "drop_limit"):
        assert getattr(both, name) == getattr(own, name)


def test_short_public_assets_are_left_out_and_counted():
    other = other_cells()
    other = other[~((other["asset"] == "c2") & (other["row"] >= 29))].reset_index(drop=True)
    out = with_public(cells_table(), other)
    record = out.task.public[0]
    assert record.used == 5
    lengths = out.public_rows.groupby("asset").size()
    assert record.windows == (lengths - 10 - 20 + 1).sum()
    assert "hust:c2" not in lengths
    assert any("Training also saw 5 cells of the public source HUST (measured)" in note for note in out.task.notes)


def test_a_public_source_without_an_own_feature_is_refused():
    with pytest.raises(ConfigError, match=r"data.public: hust has no 'slope', which the own data have"):
        as_public(cells_table().drop(columns="slope"), cells_table(), "hust")


def test_an_own_asset_named_like_a_public_one_is_refused():
    table = cells_table()
    table = table.assign(asset=table["asset"].where(table["asset"] != "c1", "hust:c0"))
    with pytest.raises(DataError, match="'hust:c0' is also the name of an own asset"):
        with_public(table, other_cells())


def test_the_own_source_is_no_public_one():
    content = data_params("mit").model_dump()
    with pytest.raises(ValueError, match="mit is data.source already"):
        DataParams(**content | {"public": {"mit": 0.5}})


@pytest.mark.parametrize("weight", [0.0, -1.0, 1.5])
def test_a_weight_outside_its_range_is_refused(weight):
    content = data_params("csv").model_dump()
    with pytest.raises(ValueError, match=r"public.mit"):
        DataParams(**content | {"public": {"mit": weight}})


def test_own_files_and_the_simulated_fleet_pass_both_stages(tmp_path, monkeypatch):
    features = {"voltage slope": "dV/dt"}
    own = {"target": "Q", "unit": "Ah", "nominal": 2.0, "time": None, "features": features}
    task = {"task.with_target": channels("voltage slope")}
    write_project(
        tmp_path, {"data.source": "csv", "data.path": "cells", "data.csv": own, "data.public": {"embedded": 0.5}} | task
    )
    write_cells(tmp_path / "cells")
    monkeypatch.chdir(tmp_path)
    fleet = other_cells().rename(columns={"slope": "voltage slope"})
    changes = {"source": "embedded", "label": "Fleet (simulated)", "simulated": True, "assets": 6, "rows": len(fleet)}
    record = SOURCE.model_copy(update=changes)
    monkeypatch.setattr("dlnet.data.public.load_assets", lambda data, quantities: (fleet, record))
    fetch.main()
    prepare_stage.main()
    assert (tmp_path / "data/raw/public/embedded.parquet").exists()
    page = (tmp_path / "reports/data/report.md").read_text()
    assert "| Fleet (simulated) | 0.5 | 6 of 6 |" in page
    task = json.loads((tmp_path / "data/windows/task.json").read_text())
    assert task["public"][0]["used"] == 6
    dataset = WindowDataset.load(tmp_path / "data/windows")
    assert set(dataset.public) == {f"embedded:c{i}" for i in range(6)}
