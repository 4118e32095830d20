"""A folder that a command writes as a whole, and replaces as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dlnet.errors import OutputError
from dlnet.files import sync, sync_tree
from dlnet.outputs.exchange import exchange
from dlnet.outputs.marker import MARKER, check_results, describe, files_of
from dlnet.outputs.staging import staging

NEW, OLD, GONE = "new", "old", "gone"  # in the staging folder: what is being made, what it replaces, what is deleted


@contextmanager
def replaced_dir(out: Path, command: str, inputs: Sequence[Path] = ()) -> Iterator[Path]:
    """Yield an empty temporary folder; on a clean exit it becomes the folder ``out``, else it is removed.

    What is in ``out`` is replaced only if it is an earlier result of ``command``. If the process is killed, ``out`` is
    the old folder or the new one, each complete; only where the system cannot exchange two folders it may be missing,
    and the next call puts the old one back before it begins.

    Args:
        command: as the user types it, e.g. ``dlnet release fetch``. inputs: what the command reads.

    Raises:
        OutputError: ``out`` is, holds or is in an input; it holds the working directory or the home; it is a file or a
            link; something in it is not a result of ``command``.
    """
    place = _place(out)
    _check_place(place, out, inputs)
    work = place.with_name(f".{place.name}.dlnet")
    with staging(work, frozenset({NEW, OLD, GONE}), lambda: _recover(place, work)):
        _check_content(place, command)  # before the work, so that it is not done in vain
        new = work / NEW
        new.mkdir()
        yield new
        describe(new, command).write(new / MARKER)
        new.chmod(0o755)
        sync_tree(new)
        _check_content(place, command)
        _land(new, place, work)


def _land(new: Path, place: Path, work: Path) -> None:
    if not place.exists():
        new.rename(place)
    elif not exchange(new, place):
        place.rename(work / OLD)
        new.rename(place)
        (work / OLD).rename(work / GONE)  # so that OLD is complete wherever it is found
    sync(place.parent)


def _recover(place: Path, work: Path) -> None:
    """Put back what a killed call had moved aside, unless the new folder landed."""
    if (work / OLD).exists() and not place.exists():
        (work / OLD).rename(place)
        sync(place.parent)


def _place(out: Path) -> Path:
    """The absolute path, with links above the folder followed, but not the folder itself."""
    absolute = Path(os.path.abspath(out))  # noqa: PTH100 - a link in its place is not followed
    return absolute.parent.resolve() / absolute.name


def _check_place(place: Path, out: Path, inputs: Sequence[Path]) -> None:
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise OutputError(f"{out}: is not a folder; name a new or empty folder")
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() fails for a user without one
    for kept, what in ((Path.cwd(), "the working directory"), (home, "the home directory")):
        if kept.resolve().is_relative_to(place):
            raise OutputError(f"{out}: holds {what}, and would be replaced as a whole; name a folder of its own")
    for given in map(Path.resolve, inputs):
        if given.is_relative_to(place) or place.is_relative_to(given):
            raise OutputError(f"{out}: the input {given} and the output are in one another; name another folder")


def _check_content(place: Path, command: str) -> None:
    if place.exists():
        check_results(place, files_of(place), command)
