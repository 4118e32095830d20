"""Which part of the windows each branch of a model speaks for, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def usage_line(models: Sequence[dict[str, Any]]) -> list[str]:
    """One line about the models that have several branches; none where no model has.

    Args:
        models: entries of reports/summary.json with ``name`` and, of several branches, ``branch_usage``.
    """
    words = [
        f"{one['name']} {' / '.join(f'{100 * part:.0f}' for part in one['branch_usage'])} %"
        for one in models
        if "branch_usage" in one
    ]
    return [f"Validation windows by the branch that speaks for them: {'; '.join(words)}."] if words else []
