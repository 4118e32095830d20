"""Section ``data``: where the cells come from."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from dlnet.config.base import Positive, Section

Source = Literal["embedded", "mit", "hust", "xjtu", "tju", "csv"]


class CsvParams(Section):
    """Columns and units of a user's own CSV files."""

    capacity: str
    unit: Literal["Ah", "mAh"]
    nominal_ah: Positive
    features: dict[str, str]


class DataParams(Section):
    """Where the cells come from."""

    source: Source
    path: Path
    mirror: Path | None
    csv: CsvParams
