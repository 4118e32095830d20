"""One module for each DVC stage: read params and inputs, call dlnet, write outputs."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

from dlnet.errors import DLNetError

STARTED_BY = os.getppid()  # read early, so that the death of the parent is detected from here on


def _one_thread() -> None:
    """Torch on one thread: the order of sums is the same on any number of cores; pools use one process a core."""
    torch = sys.modules.get("torch")  # loaded by the stages that use it; some images lack it
    if torch is not None:
        torch.set_num_threads(1)


def run(main: Callable[[], None]) -> None:
    """Run a stage; an error that the user can correct becomes one clear message and exit code 1."""
    _one_thread()
    try:
        main()
    except DLNetError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        where = f" under {error.filename}" if error.filename else ""
        sys.exit(f"error: the disk is full{where}; free some space and run dvc repro again")
    except KeyboardInterrupt:
        sys.exit("stopped; run dvc repro to continue")
