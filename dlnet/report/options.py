"""What a reader must know of models that are not plain: branches, weights of 4 bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlnet.report.documents import EdgeSummary, Student


def usage_line(models: Sequence[Student]) -> list[str]:
    """One line about the models that have several branches; none where no model has."""
    words = [
        f"{one.name} {' / '.join(f'{100 * part:.0f}' for part in one.branch_usage)} %"
        for one in models
        if one.branch_usage
    ]
    return [f"Validation windows by the branch that speaks for them: {'; '.join(words)}."] if words else []


def bits_line(models: Sequence[EdgeSummary]) -> list[str]:
    """One line about models with weights of 4 bits, which "int8" in a table's label hides; none where all have 8."""
    words = [f"{one.name} {' and '.join(one.four_bits)}" for one in models if one.four_bits]
    return [f"Weights of 4 bits in place of 8: {'; '.join(words)}."] if words else []
