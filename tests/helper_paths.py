"""Folders whose helper modules tests of other rooms use too."""

import sys
from pathlib import Path

TESTS = Path(__file__).parent


def use(*folders: str) -> None:
    """Make the helper modules of these test folders importable."""
    sys.path.extend(str(TESTS / folder) for folder in folders)
