"""A command is killed before each of its steps: what stands at ``--out`` is the old result or the new one, complete."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from dlnet.outputs import added, added_files, replaced, replaced_dir
from dlnet.outputs.exchange import exchange
from dlnet.outputs.marker import MARKER

COMMAND = "dlnet fetch"
FILES = ("a.txt", "sub/b.txt", "sub/c.txt")
STEPS = ("os.", "shutil.", "open", "ctypes.", "fcntl.")


def replace(out: Path, content: str) -> None:
    with replaced_dir(out, COMMAND) as folder:
        (folder / "sub").mkdir()
        for name in FILES:
            (folder / name).write_text(content)


def add(out: Path, content: str) -> None:
    with added_files(out, ["a.txt", "b.txt"], COMMAND) as folder:
        for name in ("a.txt", "b.txt"):
            (folder / name).write_text(content)


def killed_before(step: int, work, *arguments) -> bool:
    """Whether a process that does this work is killed before that step; it may end before it comes there."""
    child = os.fork()
    if child == 0:
        left = [step]

        def hook(event, _):
            if event.startswith(STEPS):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            work(*arguments)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def state(out: Path) -> str:
    """``old``, ``new`` or ``absent``; anything else is a mixture."""
    if not out.exists():
        return "absent"
    held = {path.relative_to(out).as_posix(): path.read_text() for path in out.rglob("*") if path.is_file()}
    assert held.pop(MARKER)
    assert sorted(held) == sorted(FILES)
    assert len(set(held.values())) == 1
    return held["a.txt"]


@pytest.mark.slow
@pytest.mark.parametrize("one_step", [True, False], ids=["exchanged", "moved aside"])
@pytest.mark.parametrize("first", ["old", "absent"])
def test_killed_before_any_step_it_is_old_or_new_and_the_next_call_makes_it_whole(
    tmp_path, monkeypatch, one_step, first
):
    if not one_step:
        monkeypatch.setattr(replaced, "exchange", lambda *_: False)
    seen, step, killed = [], 0, True
    while killed:
        step += 1
        out = tmp_path / f"place-{step}" / "out"
        if first == "old":
            replace(out, "old")
        killed = killed_before(step, replace, out, "new")
        seen.append(state(out))
        with pytest.raises(ZeroDivisionError), replaced_dir(out, COMMAND):
            assert state(out) in ({"old", "new"} if first == "old" else {"absent", "new"})
            raise ZeroDivisionError
        replace(out, "newer")
        assert state(out) == "newer"
        assert [path.name for path in out.parent.iterdir()] == ["out"]
    assert {seen[0], seen[-1]} == {first, "new"}
    assert step > 20
    assert ("absent" in seen) is (first == "absent" or not one_step)


@pytest.mark.slow
def test_killed_before_any_step_added_files_are_old_or_new_and_can_be_written_again(tmp_path):
    seen, step, killed = set(), 0, True
    while killed:
        step += 1
        out = tmp_path / f"out-{step}"
        add(out, "old")
        (out / "mine.txt").write_text("mine")
        killed = killed_before(step, add, out, "new")
        seen |= {(out / name).read_text() for name in ("a.txt", "b.txt")}
        add(out, "newer")
        assert sorted(path.name for path in out.iterdir()) == [MARKER, "a.txt", "b.txt", "mine.txt"]
        assert (out / "a.txt").read_text() == (out / "b.txt").read_text() == "newer"
    assert seen == {"old", "new"}
    assert added.WORK == ".dlnet"


@pytest.mark.slow
def test_an_old_folder_that_is_partly_deleted_is_never_put_back(tmp_path, monkeypatch):
    monkeypatch.setattr(replaced, "exchange", lambda *_: False)
    step, killed = 0, True
    while killed:
        step += 1
        out = tmp_path / f"place-{step}" / "out"
        replace(out, "old")
        killed = killed_before(step, replace, out, "new")
        if out.exists():
            out.rename(tmp_path / f"taken-{step}")
        with pytest.raises(ZeroDivisionError), replaced_dir(out, COMMAND):
            assert state(out) in ("old", "absent")
            raise ZeroDivisionError


def test_two_folders_exchange_their_names(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        folder.mkdir()
        (folder / folder.name).touch()
    numbers = one.stat().st_ino, other.stat().st_ino
    if not exchange(one, other):
        pytest.skip("this file system cannot exchange two folders")
    assert (other.stat().st_ino, one.stat().st_ino) == numbers


def test_an_exchange_with_nothing_is_an_error_and_moves_nothing(tmp_path):
    (tmp_path / "one").mkdir()
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "one", tmp_path / "none")
    assert (tmp_path / "one").is_dir()
