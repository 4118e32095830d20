"""What is odd about an asset's rows, though they can be used: typed, and shown as a table in the data report."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from dlnet.documents import Document, Line

MOST_SPANS = 10
"""Stretches of rows that a finding lists; its text says how many rows there are in all."""


class Kind(StrEnum):
    """Kinds of findings, in the order of the report."""

    FILES = "files of one asset"
    RENUMBERED = "numbers renewed"
    CUT = "overlap cut"
    CYCLE_GAP = "gap in cycles"
    ORDER = "order of rows"
    JUMP = "jump"
    NOMINAL = "nominal value"
    FORMATION = "first rows differ"
    RISING = "rises at first"
    REPEATED = "repeated rows"
    CONSTANT = "constant stretch"
    NOT_INCLUDED = "rows not included"
    CHECK_UP = "check-up"
    NOT_MEASURED = "target not measured"
    MISSING = "missing values"
    CAPACITY = "capacity column"
    SAMPLES = "bad samples"
    FILE = "file"


class Finding(Document):
    """One finding about one asset.

    Attributes:
        rows: first and last row of each stretch that it is about, counted from 1, at most ``MOST_SPANS``;
            none where it is about the whole asset. text: what was found, and what it means or what was done.
    """

    asset: Line
    rows: tuple[tuple[int, int], ...]
    kind: Kind
    text: Line

    @property
    def rows_shown(self) -> str:
        """The rows as text, such as ``12-15, 40``."""
        return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in self.rows)

    def after(self, before: int) -> Finding:
        """The finding, with rows counted from ``before`` earlier ones on, in which nothing was looked for."""
        return self.model_copy(update={"rows": tuple((first + before, last + before) for first, last in self.rows)})


def spans(odd: np.ndarray) -> tuple[tuple[int, int], ...]:
    """The first ``MOST_SPANS`` stretches of rows where ``odd`` (rows,) is true: first and last row, from 1."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], odd.astype(bool), [False]]).astype(np.int8)))
    pairs = edges.reshape(-1, 2)[:MOST_SPANS]
    return tuple((int(start) + 1, int(end)) for start, end in pairs)


def counted(number: int, noun: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Findings by kind, each kind in the order given."""
    kinds = list(Kind)
    return sorted(findings, key=lambda finding: kinds.index(finding.kind))
