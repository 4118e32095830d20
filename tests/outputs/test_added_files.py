"""Files that a command adds to a folder: what is not its own result stays."""

from __future__ import annotations

import pytest

from dlnet.errors import OutputError
from dlnet.outputs import added_files

COMMAND = "dlnet forecast"


def add(out, content, *names, command=COMMAND, inputs=()):
    with added_files(out, names, command, inputs) as folder:
        for name in names:
            (folder / name).write_text(content)


def test_others_in_the_folder_stay(tmp_path):
    (tmp_path / "mine").write_text("mine")
    add(tmp_path, "one", "a.csv")
    add(tmp_path, "two", "b.csv")
    assert {path.name: path.read_text() for path in tmp_path.iterdir() if path.name != ".dlnet.json"} == {
        "mine": "mine", "a.csv": "one", "b.csv": "two",
    }  # fmt: skip


def test_its_own_result_is_replaced(tmp_path):
    for content in ("one", "two", "three"):
        add(tmp_path, content, "a.csv")
        assert (tmp_path / "a.csv").read_text() == content


@pytest.mark.parametrize("before", [None, "one"])
def test_a_file_of_the_user_is_named_and_stays(tmp_path, before):
    if before:
        add(tmp_path, before, "a.csv", "b.csv")
    (tmp_path / "b.csv").write_text("mine")
    held = (tmp_path / "a.csv").exists()
    with pytest.raises(OutputError, match=r"b\.csv: not a result of dlnet forecast"):
        add(tmp_path, "two", "a.csv", "b.csv")
    assert (tmp_path / "b.csv").read_text() == "mine"
    assert (tmp_path / "a.csv").exists() is held
    assert not held or (tmp_path / "a.csv").read_text() == "one"


def test_a_result_of_another_command_is_refused(tmp_path):
    add(tmp_path, "one", "model.json", command="dlnet firmware")
    with pytest.raises(OutputError, match=r"model\.json: not a result of dlnet forecast"):
        add(tmp_path, "two", "model.json")


def test_a_link_is_not_written_over(tmp_path):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.csv").symlink_to(tmp_path / "mine")
    with pytest.raises(OutputError, match=r"a\.csv: not a result"):
        add(tmp_path / "out", "one", "a.csv")
    assert (tmp_path / "mine").read_text() == "mine"


@pytest.mark.parametrize("name", [".", "below"])
def test_nothing_is_added_to_an_input(tmp_path, name):
    with pytest.raises(OutputError, match="is in the input"):
        add(tmp_path / "model" / name, "one", "a.csv", inputs=[tmp_path / "model"])
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_file_in_its_place_is_refused(tmp_path, name):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="is not a folder"):
        add(tmp_path / name, "one", "a.csv")


def test_a_failure_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError), added_files(tmp_path / "out", ["a.csv"], COMMAND) as folder:
        (folder / "a.csv").write_text("half")
        raise ZeroDivisionError
    assert list((tmp_path / "out").iterdir()) == []
