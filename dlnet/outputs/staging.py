"""The hidden folder in which results are made, next to their place. One process has it at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dlnet.errors import OutputError
from dlnet.files import make_folder, sync


@contextmanager
def staging(path: Path, parts: frozenset[str], recover: Callable[[], None]) -> Iterator[None]:
    """Make the folder ``path``, lock it, and remove it at the end.

    Args:
        parts: all names that a call may leave in it. recover: called first, with the lock; sees what a killed call
            left.

    Raises:
        OutputError: another process has it, or it holds something else.
    """
    make_folder(path)
    if path.is_symlink():
        raise OutputError(f"{path}: a link, not made by dlnet, which works there; move it elsewhere")
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _lock(handle, path)
        strange = sorted({entry.name for entry in path.iterdir()} - parts)
        if strange:
            raise OutputError(f"{path / strange[0]}: not made by dlnet, which works in {path}; move it elsewhere")
        recover()
        for part in parts:
            _remove(path / part)
        try:
            yield
        finally:
            _clear(path, parts)
    finally:
        os.close(handle)


def _lock(handle: int, path: Path) -> None:
    """Lock an open folder, which must still stand at ``path``: who had it before may have removed it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), path.stat()):
            return
    except (BlockingIOError, FileNotFoundError):
        pass
    raise OutputError(f"{path}: another dlnet writes there; run again when it has ended")


def _clear(path: Path, parts: frozenset[str]) -> None:
    for part in parts:
        _remove(path / part)
    path.rmdir()
    sync(path.parent)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
