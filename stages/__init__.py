"""One module a DVC stage: read params and inputs, call dlnet, write outputs."""

from __future__ import annotations

import sys
from collections.abc import Callable

from dlnet.errors import DLNetError


def run(main: Callable[[], None]) -> None:
    """Run a stage; an error the user can mend ends as one clear message and exit code 1."""
    try:
        main()
    except DLNetError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped; run dvc repro to go on")
