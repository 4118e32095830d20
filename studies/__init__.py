"""Studies for maintainers: results, methods, the simulated cells, the fit of the cost model."""

from __future__ import annotations

import sys
from collections.abc import Callable

from dlnet.errors import DLNetError


def run(main: Callable[[], None], stopped: str) -> None:
    """Run a study; an error that the user can correct, or Ctrl-C, becomes one line and exit code 1.

    Args:
        stopped: how a study that Ctrl-C stopped is continued.
    """
    try:
        main()
    except DLNetError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(f"stopped; {stopped}")
