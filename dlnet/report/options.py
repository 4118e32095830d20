"""Notes on special models: several branches, weights of 4 bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dlnet.report.documents import EdgeSummary, Student


def usage_line(models: Sequence[Student]) -> list[str]:
    """One line about the models that have several branches; none where no model has."""
    shares = [
        f"{model.name} {' / '.join(f'{100 * part:.0f}' for part in model.branch_usage)} %"
        for model in models
        if model.branch_usage
    ]
    return [f"Validation windows by the branch that handles them: {'; '.join(shares)}."] if shares else []


def bits_line(models: Sequence[EdgeSummary]) -> list[str]:
    """One line about models with weights of 4 bits, which "int8" in a table's label hides; none where all have 8."""
    matrices = [f"{model.name} {' and '.join(model.four_bits)}" for model in models if model.four_bits]
    return [f"Weights of 4 bits instead of 8: {'; '.join(matrices)}."] if matrices else []
