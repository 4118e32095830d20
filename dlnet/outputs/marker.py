"""``.dlnet.json`` in a folder of results: which command wrote each file, and its SHA-256."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from dlnet.documents import Document
from dlnet.errors import DocumentError, OutputError
from dlnet.files import sha256

MARKER = ".dlnet.json"


class Result(Document):
    """A file that a command wrote.

    Attributes:
        command: e.g. ``dlnet firmware``. sha256: what the file may hold: the last result, and the one before it, as a
            call that was killed may have left either.
    """

    command: str
    sha256: list[str]


class Marker(Document):
    """The results in a folder; paths are relative to it."""

    files: dict[str, Result] = {}


def read_marker(folder: Path) -> Marker:
    """The marker of a folder; an empty one if there is none.

    Raises:
        OutputError: it is damaged.
    """
    path = folder / MARKER
    if not path.exists() and not path.is_symlink():
        return Marker()
    try:
        if path.is_file() and not path.is_symlink():
            return Marker.read(path)
    except DocumentError:
        pass
    raise OutputError(f"{path}: not what dlnet wrote, so nothing in {folder} is overwritten; name another folder")


def check_results(folder: Path, names: Iterable[str], command: str) -> None:
    """Check that what stands under these names is an earlier result of ``command``, unchanged. Absent ones are fine.

    Raises:
        OutputError: a file is of another command, changed, or not a plain file; names the first.
    """
    known = read_marker(folder).files
    for name in names:
        path = folder / name
        if not path.exists() and not path.is_symlink():
            continue
        result = known.get(name)
        if result is None or result.command != command or not _holds(path, result.sha256):
            raise OutputError(
                f"{path}: not a result of {command}, or changed since; it is not overwritten: move it, or name "
                "another folder"
            )


def describe(folder: Path, command: str) -> Marker:
    """The marker of a folder whose files ``command`` has just written."""
    return Marker(files={name: Result(command=command, sha256=[sha256(folder / name)]) for name in files_of(folder)})


def files_of(folder: Path) -> list[str]:
    """Relative paths of all files and links below a folder, sorted, without the marker. Empty folders do not count."""
    found = []
    for above, folders, files in os.walk(folder, onerror=_unreadable):
        links = [name for name in folders if (Path(above) / name).is_symlink()]
        found += [(Path(above) / name).relative_to(folder).as_posix() for name in (*files, *links)]
    return sorted(set(found) - {MARKER})


def _unreadable(error: OSError) -> None:
    raise error


def _holds(path: Path, digests: list[str]) -> bool:
    return stat.S_ISREG(path.lstat().st_mode) and sha256(path) in digests
