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
from synthetic_cells import cells_table, data_params, write_published

from dlnet.data.download import read_sums
from dlnet.data.features import FEATURES
from dlnet.data.sources import PUBLISHED, SUMS, load_assets
from dlnet.errors import DataError, DownloadError

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
    table, record = load_assets(data_params(source, mirror=mirror), sums=sums)
    assert list(table.columns) == ["cell", "group", "row", "nominal", "quantity", *FEATURES]
    cells = table.groupby("cell", sort=False).agg({"group": "first", "nominal": "first", "row": "count"})
    assert cells["group"].tolist() == GROUPS[source]
    assert cells["nominal"].tolist() == NOMINAL[source]
    assert cells["row"].tolist() == [40 + i for i in range(len(cells))]
    assert record.source == source
    assert record.simulated is False
    assert record.label == PUBLISHED[source].label
    assert record.nominal == tuple(sorted(set(NOMINAL[source])))


def test_values_are_those_of_the_file(tmp_path):
    mirror, sums = synthetic_mirror(tmp_path, "hust")
    table, _ = load_assets(data_params("hust", mirror=mirror), sums=sums)
    file = np.loadtxt(mirror / "10-2.csv", delimiter=",", skiprows=1)
    cell = table[table["cell"] == "10-2"]
    np.testing.assert_array_equal(cell[[*FEATURES, "quantity"]].to_numpy(), file)


def test_the_environment_variable_sets_a_mirror(tmp_path, monkeypatch):
    mirror, sums = synthetic_mirror(tmp_path, "xjtu")
    monkeypatch.setenv("DLNET_DATA_MIRROR", str(mirror))
    table, _ = load_assets(data_params("xjtu"), sums=sums)
    assert table["cell"].nunique() == 3


def test_a_changed_mirror_is_rejected(tmp_path):
    mirror, sums = synthetic_mirror(tmp_path, "mit")
    with (mirror / NAMES["mit"][1]).open("a") as stream:
        stream.write("1\n")
    with pytest.raises(DataError, match=r"2018-04-12_battery-10.csv: SHA-256"):
        load_assets(data_params("mit", mirror=mirror), sums=sums)


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
    read, record = load_assets(data_params("hust", mirror=mirror), sums=sums)
    assert read[read["cell"] == "1-1"]["row"].tolist() == list(range(38))
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
    table, _ = load_assets(data_params("tju"), base_url=upstream, sums=sums)
    assert table["cell"].nunique() == 3
    assert sorted(p.name for p in (tmp_path / ".cache/downloads/tju").rglob("*.csv")) == ["CY25-05_1-#1.csv"] * 3


def test_a_file_missing_upstream_is_named(tmp_path, monkeypatch, upstream):
    _, sums = synthetic_mirror(tmp_path, "mit")
    (tmp_path / "upstream").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DownloadError, match=r"MIT%20data/2017-05-12/2017-05-12_battery-1.csv: the server answered 404"):
        load_assets(data_params("mit"), base_url=upstream, sums=sums)


@pytest.mark.parametrize(("source", "cells"), [("mit", 125), ("hust", 77), ("xjtu", 55), ("tju", 130)])
def test_the_lists_name_every_cell_once(source, cells):
    names = {PUBLISHED[source].cell(PurePosixPath(name)) for name in read_sums(SUMS / f"{source}.sha256")}
    assert len(names) == cells


def test_an_embedded_table_is_unchanged_and_labelled_simulated(tmp_path):
    written = cells_table()
    written.to_parquet(tmp_path / "fleet.parquet", index=False)
    table, record = load_assets(data_params("embedded", tmp_path / "fleet.parquet"))
    pd.testing.assert_frame_equal(table, written)
    assert record.simulated is True
    assert "simulated" in record.label


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
        (lambda t: t.assign(slope=t["slope"].where(t.index != 9)), "row 9, column 'slope': empty"),
        (lambda t: pd.concat([t, t.tail(1)], ignore_index=True), "row 644, column 'cell': the same row of"),
        (lambda t: t[["group", "cell", *t.columns[2:]]], "column 'group': not in its position"),
    ],
    ids=["missing column", "text", "half a row", "negative", "NaN", "row twice", "order of columns"],
)
def test_a_bad_embedded_table_is_named(tmp_path, change, message):
    change(cells_table()).to_parquet(tmp_path / "fleet.parquet", index=False)
    with pytest.raises(DataError) as caught:
        load_assets(data_params("embedded", tmp_path / "fleet.parquet"))
    assert f"fleet.parquet: {message}" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_table_that_is_no_parquet_is_named(tmp_path):
    (tmp_path / "fleet.parquet").write_bytes(b"PAR1 but not quite")
    with pytest.raises(DataError, match=r"fleet.parquet: not a Parquet file; restore it"):
        load_assets(data_params("embedded", tmp_path / "fleet.parquet"))


def test_a_missing_embedded_table_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone.parquet: no such file; restore it"):
        load_assets(data_params("embedded", tmp_path / "gone.parquet"))
