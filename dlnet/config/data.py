"""Section ``data``: where the rows of all assets come from."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from dlnet.config.base import Positive, Section
from dlnet.config.quantities import Labels
from dlnet.documents import Label

Source = Literal["embedded", "mit", "hust", "xjtu", "tju", "csv"]


class CsvParams(Section):
    """Columns of a user's own CSV files, and the unit of the target's column.

    Attributes:
        target: column of the task's quantity. unit: of it, None: the task's. nominal: of a new asset, in the task's
            unit; None where the target is not a share of it. time: column, None: one row a step of time.
        features: name in the task -> column.
        labels: ``all``: every row measures the target; ``check_up``: a row whose target is empty did not measure it.
    """

    target: str
    unit: str | None
    nominal: Positive | None
    time: str | None
    features: dict[Label, str]
    labels: Labels = "all"


class DataParams(Section):
    """Where the rows come from."""

    source: Source
    path: Path
    mirror: Path | None
    csv: CsvParams
