import hashlib
import json
import os

import numpy as np
import pandas as pd
import pytest

from dlnet.errors import DLNetError, OutputError
from dlnet.files import (
    atomic_dir,
    atomic_file,
    read_json,
    read_tensors,
    sha256,
    write_json,
    write_parquet,
    write_tensors,
    write_text,
)


class PowerCutError(Exception):
    pass


def test_half_written_file_leaves_the_old_one(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(PowerCutError), atomic_file(path) as temporary:
        temporary.write_text("ne")
        raise PowerCutError
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.txt", "old")]


def test_file_appears_only_when_complete(tmp_path):
    path = tmp_path / "sub" / "a.txt"
    with atomic_file(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert [(p.name, p.read_text()) for p in path.parent.iterdir()] == [("a.txt", "new")]


def test_half_written_folder_leaves_the_old_one(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    (path / "a.txt").write_text("old")
    with pytest.raises(PowerCutError), atomic_dir(path) as folder:
        (folder / "a.txt").write_text("new")
        raise PowerCutError
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    assert (path / "a.txt").read_text() == "old"


def test_folder_is_replaced_completely(tmp_path):
    path = tmp_path / "out"
    path.mkdir()
    (path / "old.txt").write_text("old")
    with atomic_dir(path) as folder:
        (folder / "new.txt").write_text("new")
    assert [p.name for p in path.iterdir()] == ["new.txt"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


class Disk:
    """Records what is synced and what is renamed, in order; each still happens."""

    def __init__(self, monkeypatch):
        self.steps = []
        for name in ("fsync", "replace", "rename"):
            monkeypatch.setattr(os, name, self.recorded(name, getattr(os, name)))

    def recorded(self, name, call):
        def record(what, *more):
            self.steps.append((name, os.stat(what).st_ino))  # noqa: PTH116 - a path or a handle
            return call(what, *more)

        return record


def test_a_file_is_synced_before_it_gets_its_name_and_its_folder_after(tmp_path, monkeypatch):
    disk = Disk(monkeypatch)
    write_text(tmp_path / "a.txt", "content")
    file, folder = (path.stat().st_ino for path in (tmp_path / "a.txt", tmp_path))
    assert disk.steps == [("fsync", file), ("replace", file), ("fsync", folder)]


def test_a_folder_is_synced_with_its_files_before_it_gets_its_name_and_the_folder_above_after(tmp_path, monkeypatch):
    disk = Disk(monkeypatch)
    with atomic_dir(tmp_path / "out") as folder:
        (folder / "a.txt").write_text("content")
    file, out, above = (path.stat().st_ino for path in (tmp_path / "out/a.txt", tmp_path / "out", tmp_path))
    assert disk.steps == [("fsync", file), ("fsync", out), ("replace", out), ("fsync", above)]


def test_new_folders_above_a_file_are_synced(tmp_path, monkeypatch):
    disk = Disk(monkeypatch)
    write_text(tmp_path / "one" / "two" / "a.txt", "content")
    synced = {number for step, number in disk.steps if step == "fsync"}
    assert {path.stat().st_ino for path in (tmp_path, tmp_path / "one", tmp_path / "one/two")} <= synced


def test_a_file_above_is_named(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="file is not a folder"):
        write_text(tmp_path / "file" / "a.txt", "content")


def test_other_users_may_read_what_was_written(tmp_path):
    write_text(tmp_path / "a.txt", "x")
    with atomic_dir(tmp_path / "out"):
        pass
    assert ((tmp_path / "a.txt").stat().st_mode & 0o777, (tmp_path / "out").stat().st_mode & 0o777) == (0o644, 0o755)


def test_json_has_no_nan(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"mae": float("nan")})
    assert not list(tmp_path.iterdir())


def test_json_does_not_depend_on_the_order_of_keys(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": [2]})
    write_json(tmp_path / "b.json", {"a": [2], "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert json.loads((tmp_path / "a.json").read_text()) == read_json(tmp_path / "a.json") == {"a": [2], "b": 1}


def test_broken_json_is_named_with_its_line(tmp_path):
    (tmp_path / "a.json").write_text('{\n"a": 1,\n}')
    with pytest.raises(DLNetError, match=r"a\.json:3: not JSON"):
        read_json(tmp_path / "a.json")


def test_json_that_is_not_text_is_named(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(DLNetError, match=r"a\.json"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("read", [read_json, read_tensors])
def test_missing_file_is_named(tmp_path, read):
    with pytest.raises(DLNetError, match=r"none\.x: no such file"):
        read(tmp_path / "none.x")


@pytest.mark.parametrize("content", [b"", b"{}", b"\x08\0\0\0\0\0\0\0{}", b"\xff" * 64])
def test_damaged_tensors_are_named(tmp_path, content):
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(DLNetError, match=r"a\.safetensors: damaged"):
        read_tensors(tmp_path / "a.safetensors")


def test_tensors_round_trip_and_do_not_depend_on_order(tmp_path):
    arrays = {"b": np.arange(6, dtype=np.float32).reshape(2, 3).T, "a": np.array([1, 2], np.int64)}
    write_tensors(tmp_path / "one", arrays)
    write_tensors(tmp_path / "two", dict(reversed(arrays.items())))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    for name, array in read_tensors(tmp_path / "one").items():
        np.testing.assert_array_equal(array, arrays[name], strict=True)


def test_parquet_round_trip_and_same_bytes(tmp_path):
    table = pd.DataFrame({"asset": ["x", "y"], "health": [1.0, 0.1 + 0.2]})
    write_parquet(tmp_path / "one", table)
    write_parquet(tmp_path / "two", table.copy())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "one"), table)


def test_sha256(tmp_path):
    content = bytes(range(256)) * 5000
    (tmp_path / "a").write_bytes(content)
    assert sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()
