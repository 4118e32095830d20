"""Two folders exchange their names in one step, where the system can do that."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path

AT_FDCWD = -100
RENAME_EXCHANGE = 2  # Linux, <linux/fs.h>
RENAME_SWAP = 2  # macOS, <sys/stdio.h>
UNABLE = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})  # of this file system, this kernel


def exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two folders on one file system; at every moment each name has one of them.

    Returns:
        False if the system cannot; then nothing has changed.

    Raises:
        OSError: it can, but these two not, e.g. because one is missing.
    """
    call = _call()
    if call is None:
        return False
    ctypes.set_errno(0)
    if call(os.fsencode(one), os.fsencode(other)) == 0:
        return True
    number = ctypes.get_errno()
    if number in UNABLE:
        return False
    raise OSError(number, os.strerror(number), str(other))


def _call() -> Callable[[bytes, bytes], int] | None:
    """The system's call, if its C library has one."""
    library = ctypes.CDLL(None, use_errno=True)
    if sys.platform == "darwin":
        swap = getattr(library, "renamex_np", None)
        return swap and (lambda one, other: int(swap(one, other, ctypes.c_uint(RENAME_SWAP))))
    rename = getattr(library, "renameat2", None)
    return rename and (lambda one, other: int(rename(AT_FDCWD, one, AT_FDCWD, other, ctypes.c_uint(RENAME_EXCHANGE))))
