"""Windows against a brute force, and no leak of test cells into the encoder."""

import json

import numpy as np
import pytest
import synthetic_dataset
from pydantic import TypeAdapter

from dlnet.data.encode import Encoder, fit_encoder
from dlnet.data.windows import WindowDataset
from dlnet.errors import DataError

WITH_TARGET, SENSORS_ONLY = (synthetic_dataset.task(track) for track in ("with_target", "sensors_only"))


def dataset_of(rows, cells, task=WITH_TARGET, **options):
    return WindowDataset.from_tables(rows, cells, synthetic_dataset.described(task), **options)


@pytest.fixture
def tables():
    return synthetic_dataset.tables()


@pytest.mark.parametrize("stride", [1, 3])
def test_windows_are_those_of_a_brute_force_cell_by_cell(tables, stride):
    rows, cells = tables
    expected, start = [], 0
    for cell, split in zip(cells["asset"], cells["split"], strict=True):
        count = int((rows["asset"] == cell).sum())
        if split == "train":
            expected += [start + t for t in range(12, count - 10 + 1, stride)]
        start += count
    assert dataset_of(rows, cells).windows("train", stride).tolist() == expected


def test_a_training_cell_outside_the_share_gives_no_window(tables):
    rows, cells = tables
    left_out = cells.index[cells["split"] == "train"][0]
    cells.loc[left_out, "used_in_training"] = False
    dataset = dataset_of(rows, cells)
    used = set(rows["asset"].unique()[dataset.asset_index[dataset.windows("train", 1)]])
    assert used == set(cells.loc[(cells["split"] == "train") & cells["used_in_training"], "asset"])
    assert cells.loc[left_out, "asset"] not in used


def test_no_window_reaches_into_another_cell(tables):
    dataset = dataset_of(*tables)
    ends = dataset.windows("train", 1)
    first, last = dataset.asset_index[ends - 12], dataset.asset_index[ends + 9]
    assert (first == last).all()


def test_targets_of_test_cells_are_hidden(tables):
    dataset = dataset_of(*tables)
    with pytest.raises(DataError, match="test assets"):
        dataset.targets(dataset.windows("test", 1))


def test_targets_of_test_cells_are_read_where_allowed(tables):
    dataset = dataset_of(*tables, allow_test=True)
    ends = dataset.windows("test", 1)
    assert dataset.targets(ends)[0].tolist() == pytest.approx(tables[0]["target"].to_numpy()[ends[0] : ends[0] + 10])


@pytest.mark.parametrize("track", ["with_target", "sensors_only"])
def test_changing_test_cells_changes_neither_scalers_nor_training_windows(tables, track):
    rows, cells = tables
    changed = rows.copy()
    test = changed["asset"].isin(cells.loc[cells["split"] == "test", "asset"])
    changed.loc[test, ["health", "target", *synthetic_dataset.FEATURES]] *= 3.7
    task = synthetic_dataset.task(track)
    datasets = [dataset_of(table, cells, task) for table in (rows, changed)]
    encoders = [fit_encoder(dataset, task) for dataset in datasets]
    assert json.dumps(encoders[0].to_json()) == json.dumps(encoders[1].to_json())
    encoded = [
        encoder.encode(dataset, dataset.windows("train", 1))
        for encoder, dataset in zip(encoders, datasets, strict=True)
    ]
    assert encoded[0].tobytes() == encoded[1].tobytes()


def test_encoding_is_block_means_scaled_one_by_one(tables):
    dataset = dataset_of(*tables, SENSORS_ONLY)
    encoder = fit_encoder(dataset, SENSORS_ONLY)
    end = int(dataset.windows("train", 1)[5])
    z = encoder.encode(dataset, np.array([end]))[0]
    for step in range(6):
        rows = range(end - 12 + 2 * step, end - 12 + 2 * step + 2)
        for i, name in enumerate(synthetic_dataset.FEATURES):
            mean = sum(dataset.features[row, i] for row in rows) / 2
            assert z[step, i] == pytest.approx((mean - encoder.center[i]) / encoder.scale[i], abs=1e-4), name


def test_quantiles_map_as_interpolation_does(tables):
    dataset = dataset_of(*tables)
    encoder = fit_encoder(dataset, WITH_TARGET)
    ends = dataset.windows("train", 7)
    blocks = dataset.feature_history(ends, ["charge"])[:, -2:, 0].mean(axis=1)
    scores = np.linspace(-np.sqrt(3), np.sqrt(3), len(encoder.quantiles[0]))
    expected = np.interp(blocks, encoder.quantiles[0], scores)
    assert encoder.encode(dataset, ends)[:, -1, 2] == pytest.approx(expected, abs=1e-5)


def test_a_step_of_missing_rows_in_a_window_is_limited_to_the_usual_drop(tables):
    dataset = dataset_of(*tables)
    encoder = fit_encoder(dataset, WITH_TARGET)
    history = np.full((1, 12), 0.95)
    history[:, :6] = 1.05
    z = encoder.encode_history(history, np.zeros((1, 12, 3)))[0, :, 0]
    assert z[-1] == pytest.approx(0, abs=1e-6)
    assert z[0] == pytest.approx(encoder.drop_limit, abs=1e-5)


def test_encoder_json_round_trip(tables):
    encoder = fit_encoder(dataset_of(*tables), WITH_TARGET)
    assert TypeAdapter(Encoder).validate_json(json.dumps(encoder.to_json()), strict=True) == encoder


def test_a_feature_the_data_lack_is_named(tables):
    with pytest.raises(DataError, match="resistance"):
        dataset_of(*tables).columns(["resistance"])
