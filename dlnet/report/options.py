"""What a reader must know of models that are not plain: branches, weights of 4 bits."""

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


def bits_line(models: Sequence[dict[str, Any]]) -> list[str]:
    """One line about the models with weights of 4 bits, which "int8" in a table's label hides; none where all have 8.

    Args:
        models: entries of quantised models in reports/summary.json with ``name`` and, where there are some,
            ``four_bits``: the matrices.
    """
    words = [f"{one['name']} {' and '.join(one['four_bits'])}" for one in models if "four_bits" in one]
    return [f"Weights of 4 bits in place of 8: {'; '.join(words)}."] if words else []
