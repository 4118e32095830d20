"""Helpers of other folders, and the migrated file."""

import sys
from pathlib import Path

TESTS = Path(__file__).parent.parent
sys.path.extend(str(TESTS / folder) for folder in ("registry", "relay", "server"))

from registries import migrated  # noqa: E402

__all__ = ["migrated"]
