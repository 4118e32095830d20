"""The published sources with small synthetic files, from a mirror and over HTTP, and the embedded table."""

from __future__ import annotations

import threading
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
import pytest
from synthetic_cells import LABEL, cells_table, data_params, write_embedded, write_published

from dlnet.data.download import read_sums
from dlnet.data.features import FEATURES
from dlnet.data.published import PUBLISHED
from dlnet.data.schema import METADATA
from dlnet.data.sources import SUMS, load_assets
from dlnet.errors import ConfigError, DataError, DownloadError
from dlnet.files import write_parquet
from tasks import BATTERY, changed

NAMES = {
    "mit": ["2017-05-12/2017-05-12_battery-1.csv", "2018-04-12/2018-04-12_battery-10.csv"],
    "hust": ["1-1.csv", "10-2.csv"],
    "xjtu": ["2C_battery-1.csv", "R2.5_battery-3.csv", "Sim_satellite_battery-8.csv"],
    "tju": [
        "Dataset_1_NCA_battery/CY25-05_1-#1.csv",
        "Dataset_2_NCM_battery/CY25-05_1-#1.csv",
        "Dataset_3_NCM_NCA_battery/CY25-05_1-#1.csv",
    ],
}
GROUPS = {
    "mit": ["2017-05-12", "2018-04-12"],
    "hust": ["all", "all"],
    "xjtu": ["2C", "R2.5", "Sim_satellite"],
    "tju": ["NCA", "NCM", "NCM_NCA"],
}
NOMINAL = {"mit": [1.1] * 2, "hust": [1.1] * 2, "xjtu": [2.0] * 3, "tju": [3.5, 3.5, 2.5]}


@pytest.fixture(autouse=True)
def _no_mirror_from_outside(monkeypatch):
    monkeypatch.delenv("DLNET_DATA_MIRROR", raising=False)


def synthetic_mirror(tmp_path, source):
    mirror = tmp_path / source
    return mirror, write_published(mirror, NAMES[source], NOMINAL[source][-1])


@pytest.mark.parametrize("source", NAMES)
def test_a_mirror_gives_the_table(tmp_path, source):
    mirror, sums = synthetic_mirror(tmp_path, source)
    table, record = load_assets(data_params(source, mirror=mirror), BATTERY, sums=sums)
    assert list(table.columns) == ["asset", "group", "row", "nominal", "quantity", *FEATURES]
    cells = table.groupby("asset", sort=False).agg({"group": "first", "nominal": "first", "row": "count"})
    assert cells["group"].tolist() == GROUPS[source]
    assert cells["nominal"].tolist() == NOMINAL[source]
    assert cells["row"].tolist() == [40 + i for i in range(len(cells))]
    assert record.source == source
    assert record.simulated is False
    assert record.label == PUBLISHED[source].label
    assert record.nominal == tuple(sorted(set(NOMINAL[source])))


def test_values_are_those_of_the_file(tmp_path):
    mirror, sums = synthetic_mirror(tmp_path, "hust")
    table, _ = load_assets(data_params("hust", mirror=mirror), BATTERY, sums=sums)
    file = np.loadtxt(mirror / "10-2.csv", delimiter=",", skiprows=1)
    cell = table[table["asset"] == "10-2"]
    np.testing.assert_array_equal(cell[[*FEATURES, "quantity"]].to_numpy(), file)


def test_the_environment_variable_sets_a_mirror(tmp_path, monkeypatch):
    mirror, sums = synthetic_mirror(tmp_path, "xjtu")
    monkeypatch.setenv("DLNET_DATA_MIRROR", str(mirror))
    table, _ = load_assets(data_params("xjtu"), BATTERY, sums=sums)
    assert table["asset"].nunique() == 3


def test_a_changed_mirror_is_rejected(tmp_path):
    mirror, sums = synthetic_mirror(tmp_path, "mit")
    with (mirror / NAMES["mit"][1]).open("a") as stream:
        stream.write("1\n")
    with pytest.raises(DataError, match=r"2018-04-12_battery-10.csv: SHA-256"):
        load_assets(data_params("mit", mirror=mirror), BATTERY, sums=sums)


def test_unusable_published_rows_are_left_out_and_noted(tmp_path):
    mirror = tmp_path / "hust"
    write_published(mirror, ["1-1.csv", "1-2.csv"], 1.1)
    table = pd.read_csv(mirror / "1-1.csv")
    table.loc[4, "CC Q"] = np.inf
    table.loc[7, "capacity"] = np.nan
    table.to_csv(mirror / "1-1.csv", index=False)
    digest = sha256((mirror / "1-1.csv").read_bytes()).hexdigest()
    sums = tmp_path / "sums"
    lines = (sums / "hust.sha256").read_text().splitlines()
    (sums / "hust.sha256").write_text(f"{digest}  1-1.csv\n{lines[1]}\n")
    read, record = load_assets(data_params("hust", mirror=mirror), BATTERY, sums=sums)
    assert read[read["asset"] == "1-1"]["row"].tolist() == list(range(38))
    assert record.notes[-1] == "1-1: 2 published rows with unusable values left out."


@pytest.fixture
def upstream(tmp_path):
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / "upstream")
    handler.log_message = None
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_download_is_cached_with_hash_signs_in_names(tmp_path, monkeypatch, upstream):
    mirror, sums = synthetic_mirror(tmp_path, "tju")
    (tmp_path / "upstream").mkdir()
    mirror.rename(tmp_path / "upstream" / "TJU data")
    monkeypatch.chdir(tmp_path)
    table, _ = load_assets(data_params("tju"), BATTERY, base_url=upstream, sums=sums)
    assert table["asset"].nunique() == 3
    assert sorted(p.name for p in (tmp_path / ".cache/downloads/tju").rglob("*.csv")) == ["CY25-05_1-#1.csv"] * 3


def test_a_file_missing_upstream_is_named(tmp_path, monkeypatch, upstream):
    _, sums = synthetic_mirror(tmp_path, "mit")
    (tmp_path / "upstream").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DownloadError, match=r"MIT%20data/2017-05-12/2017-05-12_battery-1.csv: the server answered 404"):
        load_assets(data_params("mit"), BATTERY, base_url=upstream, sums=sums)


@pytest.mark.parametrize(("source", "cells"), [("mit", 125), ("hust", 77), ("xjtu", 55), ("tju", 130)])
def test_the_lists_name_every_cell_once(source, cells):
    names = {PUBLISHED[source].cell(PurePosixPath(name)) for name in read_sums(SUMS / f"{source}.sha256")}
    assert len(names) == cells


def test_an_embedded_table_is_unchanged_and_labelled_simulated(tmp_path):
    written = cells_table()
    path = write_embedded(tmp_path / "fleet.parquet", written)
    table, record = load_assets(data_params("embedded", path), BATTERY)
    pd.testing.assert_frame_equal(table, written)
    assert (record.task, record.source, record.simulated) == ("battery", "embedded", True)
    assert (record.label, record.notes, record.nominal) == (LABEL.label, LABEL.notes, (2.0,))
    assert (record.assets, record.rows) == (10, len(written))


def test_what_an_embedded_table_is_stands_in_its_label(tmp_path):
    path = write_embedded(tmp_path / "mine.parquet", cells_table(), label="measured", simulated=False, notes=())
    record = load_assets(data_params("embedded", path), BATTERY)[1]
    assert (record.label, record.simulated, record.notes) == ("measured", False, ())


def test_an_embedded_table_without_or_with_a_wrong_label_is_named(tmp_path):
    path = tmp_path / "fleet.parquet"
    cells_table().to_parquet(path, index=False)
    with pytest.raises(DataError, match=r"fleet.parquet: no key 'dlnet' in its metadata, which names task and origin"):
        load_assets(data_params("embedded", path), BATTERY)
    write_parquet(path, cells_table(), {METADATA: b'{"task": "battery"}'})
    with pytest.raises(
        DataError, match=r"fleet.parquet: its key 'dlnet' is not a label of a table: label: Field required"
    ) as caught:
        load_assets(data_params("embedded", path), BATTERY)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", ["embedded", "mit", "hust", "xjtu", "tju"])
def test_a_source_of_another_task_is_refused_by_name(tmp_path, source):
    path = write_embedded(tmp_path / "fleet.parquet", cells_table(), task="battery")
    expected = (
        f"params.yaml: {path if source == 'embedded' else f'data.source {source}'} holds quantities of task 'battery', "
        "and task.name is 'other'; choose the one or the other"
    )
    with pytest.raises(ConfigError) as caught:
        load_assets(data_params(source, path), changed(name="other"))
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="row"), "column 'row': missing"),
        (lambda t: t.assign(slope="steep"), "row 0, column 'slope': not numbers"),
        (lambda t: t.assign(row=t["row"] + 0.5), "column 'row': not whole numbers"),
        (
            lambda t: t.assign(quantity=t["quantity"].where(t.index != 7, -1.0)),
            "row 7, column 'quantity': zero or negative",
        ),
        (
            lambda t: t.assign(quantity=t["quantity"].where(t.index != 7, 2000.0)),
            "row 7, column 'quantity': SoH outside 0.05-1.5",
        ),
        (lambda t: t.assign(quantity=t["quantity"].where(t.index != 9)), "row 9, column 'quantity': empty"),
        (lambda t: pd.concat([t, t.tail(1)], ignore_index=True), "row 644, column 'asset': the same row of"),
        (lambda t: t[["group", "asset", *t.columns[2:]]], "column 'group': not in its position"),
    ],
    ids=["missing column", "text", "half a row", "negative", "other unit", "NaN", "row twice", "order of columns"],
)
def test_a_bad_embedded_table_is_named(tmp_path, change, message):
    write_embedded(tmp_path / "fleet.parquet", change(cells_table()))
    with pytest.raises(DataError) as caught:
        load_assets(data_params("embedded", tmp_path / "fleet.parquet"), BATTERY)
    assert f"fleet.parquet: {message}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_that_is_no_parquet_is_named(tmp_path):
    (tmp_path / "fleet.parquet").write_bytes(b"PAR1 but not quite")
    with pytest.raises(DataError, match=r"fleet.parquet: not a Parquet file; restore it"):
        load_assets(data_params("embedded", tmp_path / "fleet.parquet"), BATTERY)


def test_a_missing_embedded_table_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone.parquet: no such file; restore it"):
        load_assets(data_params("embedded", tmp_path / "gone.parquet"), BATTERY)
