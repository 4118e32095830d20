"""A folder that a command replaces: only its own earlier result, and only where nothing else can be lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dlnet.errors import OutputError
from dlnet.outputs import added_files, replaced_dir
from dlnet.outputs.marker import MARKER, files_of

COMMAND = "dlnet fetch"


def write(out, content="new", command=COMMAND, inputs=()):
    with replaced_dir(out, command, inputs) as folder:
        (folder / "sub").mkdir()
        (folder / "a.txt").write_text(content)
        (folder / "sub/b.txt").write_text(content)


def content(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(out, words, **more):
    """The call is refused with these words in one line, and everything around it stays as it was."""
    before = content(out.parent)
    with pytest.raises(OutputError, match=words) as caught:
        write(out, "newer", **more)
    assert "\n" not in str(caught.value)
    assert content(out.parent) == before


@pytest.fixture
def out(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "place" / "out"


@pytest.fixture
def earlier(out):
    write(out, "old")
    return out


def test_an_absent_folder_is_made(out):
    write(out)
    assert files_of(out) == ["a.txt", "sub/b.txt"]
    assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert out.stat().st_mode & 0o777 == 0o755


def test_an_empty_folder_is_filled(out):
    out.mkdir(parents=True)
    write(out)
    assert files_of(out) == ["a.txt", "sub/b.txt"]


def test_an_earlier_result_is_replaced_as_a_whole(earlier):
    with replaced_dir(earlier, COMMAND) as folder:
        (folder / "c.txt").write_text("new")
    assert files_of(earlier) == ["c.txt"]
    assert [path.name for path in earlier.parent.iterdir()] == ["out"]


def test_a_failure_leaves_the_earlier_result(earlier):
    before = content(earlier.parent)
    with pytest.raises(ZeroDivisionError), replaced_dir(earlier, COMMAND) as folder:
        (folder / "a.txt").write_text("half")
        raise ZeroDivisionError
    assert content(earlier.parent) == before


def test_a_folder_of_the_user_is_refused(out):
    out.mkdir(parents=True)
    (out / "thesis.tex").write_text("mine")
    refused(out, r"out/thesis\.tex: not a result of dlnet fetch")


@pytest.mark.parametrize("name", ["notes.txt", ".hidden", "sub/notes.txt", "deep/er/notes.txt"])
def test_a_file_that_came_since_is_named(earlier, name):
    (earlier / name).parent.mkdir(parents=True, exist_ok=True)
    (earlier / name).write_text("mine")
    refused(earlier, f"out/{name}: not a result")


def test_a_file_that_changed_since_is_named(earlier):
    (earlier / "sub/b.txt").write_text("mine")
    refused(earlier, r"out/sub/b\.txt: not a result of dlnet fetch, or changed since")


def test_links_in_the_folder_are_named_and_what_they_point_to_stays(earlier, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/data").write_text("mine")
    for name, target in (("folder", tmp_path / "mine"), ("dangling", tmp_path / "none")):
        (earlier / name).symlink_to(target)
        refused(earlier, f"out/{name}: not a result")
        (earlier / name).unlink()


def test_a_result_that_became_a_link_is_refused(earlier, tmp_path):
    (tmp_path / "mine").write_text("old")
    (earlier / "a.txt").unlink()
    (earlier / "a.txt").symlink_to(tmp_path / "mine")
    refused(earlier, r"a\.txt: not a result")


def test_a_result_that_was_deleted_is_no_loss(earlier):
    (earlier / "a.txt").unlink()
    write(earlier)
    assert files_of(earlier) == ["a.txt", "sub/b.txt"]


def test_a_result_of_another_command_is_refused(earlier):
    refused(earlier, "not a result of dlnet sketch", command="dlnet sketch")


def test_a_file_that_comes_during_the_work_is_not_deleted(earlier):
    with pytest.raises(OutputError, match="late.txt"), replaced_dir(earlier, COMMAND) as folder:
        (folder / "a.txt").write_text("new")
        (earlier / "late.txt").write_text("mine")
    assert (earlier / "late.txt").read_text() == "mine"
    assert (earlier / "a.txt").read_text() == "old"


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"files": 3}', '{"other": {}}'])
def test_a_damaged_marker_is_refused(earlier, damage):
    (earlier / MARKER).write_text(damage)
    refused(earlier, rf"{MARKER}: not what dlnet wrote")


def test_a_marker_that_is_a_link_is_refused(earlier, tmp_path):
    (earlier / MARKER).rename(tmp_path / "marker")
    (earlier / MARKER).symlink_to(tmp_path / "marker")
    refused(earlier, rf"{MARKER}: not what dlnet wrote")


def test_a_file_in_its_place_is_refused(out):
    out.parent.mkdir()
    out.write_text("mine")
    refused(out, "is not a folder")


def test_a_file_above_it_is_refused(out):
    out.parent.mkdir()
    out.write_text("mine")
    with pytest.raises(OutputError, match="is not a folder"):
        write(out / "below")


def test_a_link_in_its_place_is_refused(earlier, tmp_path):
    (earlier.parent / "link").symlink_to(earlier)
    refused(earlier.parent / "link", "link: is not a folder")


@pytest.mark.parametrize("name", [".", "..", "../work", "/", "../../"])
def test_a_folder_that_holds_the_working_directory_is_refused(out, name):
    with pytest.raises(OutputError, match="holds the working directory"):
        write(Path(name))
    assert list(Path().iterdir()) == []


def test_the_home_is_refused_even_if_empty(tmp_path, monkeypatch, out):
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with pytest.raises(OutputError, match="holds the home directory"):
        write(tmp_path / "home")


@pytest.mark.parametrize(("given", "name"), [("in", "in"), ("in", "in/out"), ("up/in", "up"), ("up/in", "via/in/out")])
def test_input_and_output_in_one_another_are_refused(tmp_path, out, given, name):
    (tmp_path / given).mkdir(parents=True)
    (tmp_path / "via").symlink_to(tmp_path / "up")
    with pytest.raises(OutputError, match="the input .* in one another"):
        write(tmp_path / name, inputs=[Path("..") / given])


def test_a_folder_of_the_user_with_the_name_of_the_work_folder_is_kept(out):
    work = out.parent / ".out.dlnet"
    work.mkdir(parents=True)
    (work / "mine").write_text("mine")
    refused(out, r"\.out\.dlnet/mine: not made by dlnet")


def test_two_at_a_time_are_refused(out):
    with replaced_dir(out, COMMAND) as folder:
        (folder / "a.txt").write_text("first")
        with pytest.raises(OutputError, match="another dlnet writes there"):
            write(out)
    assert (out / "a.txt").read_text() == "first"


def test_added_files_in_the_folder_keep_it_from_being_replaced(earlier):
    with added_files(earlier, ["c.txt"], "dlnet forecast") as folder:
        (folder / "c.txt").write_text("forecast")
    refused(earlier, r"c\.txt: not a result of dlnet fetch")


def test_all_is_synced_before_it_lands_and_the_folder_above_after(out, monkeypatch):
    steps = []
    for name, call in (("fsync", os.fsync), ("rename", os.rename)):

        def record(what, *more, name=name, call=call):
            steps.append((name, os.stat(what).st_ino))  # noqa: PTH116 - a path or a handle
            return call(what, *more)

        monkeypatch.setattr(os, name, record)
    write(out)
    landed = steps.index(("rename", out.stat().st_ino))
    inside = {path.stat().st_ino for path in (out, *out.rglob("*"))}
    assert inside <= {number for name, number in steps[:landed] if name == "fsync"}
    assert ("fsync", out.parent.stat().st_ino) in steps[landed:]
