"""One module a DVC stage: read params and inputs, call dlnet, write outputs."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

from dlnet.errors import DLNetError

STARTED_BY = os.getppid()  # as early as can be: a parent that dies later is missed by nobody


def _one_thread() -> None:
    """Torch on one thread: sums come in one order on any number of cores, and pools share the cores out themselves."""
    torch = sys.modules.get("torch")  # loaded by the stages that use it; some images lack it
    if torch is not None:
        torch.set_num_threads(1)


def run(main: Callable[[], None]) -> None:
    """Run a stage; an error the user can mend ends as one clear message and exit code 1."""
    _one_thread()
    try:
        main()
    except DLNetError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        where = f" under {error.filename}" if error.filename else ""
        sys.exit(f"error: the disk is full{where}; make room and run dvc repro again")
    except KeyboardInterrupt:
        sys.exit("stopped; run dvc repro to go on")
