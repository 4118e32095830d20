"""Makes helper modules of one test folder importable from tests in other folders."""

import sys
from pathlib import Path

TESTS = Path(__file__).parent


def use(*folders: str) -> None:
    """Make the helper modules of these test folders importable."""
    sys.path.extend(str(TESTS / folder) for folder in folders)
