"""Forecasts of many assets in order: who reaches the end of life first, then by the forecast at its end.

Assets that are unlike those of training have no rank: how far off their forecasts are, nobody measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from dlnet.data.ownnames import plain_name
from dlnet.forecast.assets import Refused
from dlnet.forecast.result import Forecast

BY_LIFE, BY_END = "end of life", "forecast at its end"
OK, OUTSIDE, FAILED = "ok", "outside", "failed"


@dataclass(frozen=True)
class Fleet:
    """Forecasts, the most urgent first, and what could not be forecast.

    Attributes:
        threshold: of the target, at which an asset is worn out; None: the task has none.
    """

    forecasts: tuple[Forecast, ...]
    refused: tuple[Refused, ...]
    threshold: float | None

    @classmethod
    def of(cls, forecasts: Sequence[Forecast], refused: Sequence[Refused], threshold: float | None) -> Self:
        """Sort forecasts: rows to the end of life, where the horizon reaches it; after those by the last value.

        Assets unlike those of training follow below, in the same order.
        """

        def urgency(one: Forecast) -> tuple[bool, float, float, str]:
            steps = None if threshold is None else one.steps_to(threshold)
            last = float(one.quantities.target.to_health(one.ahead[-1]))
            return (bool(one.outside), np.inf if steps is None else float(steps), last, one.asset)

        return cls(tuple(sorted(forecasts, key=urgency)), tuple(refused), threshold)

    @property
    def alone(self) -> bool:
        """Whether it is one forecast, and nothing else was asked for."""
        return len(self.forecasts) == 1 and not self.refused

    @property
    def unlike(self) -> tuple[Forecast, ...]:
        """Forecasts of assets that are unlike those of training."""
        return tuple(one for one in self.forecasts if one.outside)

    def steps_to_end(self, one: Forecast) -> int | None:
        """Rows until a forecast reaches the threshold; None: not within the horizon, or there is no threshold."""
        return None if self.threshold is None else one.steps_to(self.threshold)

    @property
    def ranks(self) -> list[int | None]:
        """Rank of each forecast, from 1; None for those that are unlike those of training."""
        return [None if one.outside else place for place, one in enumerate(self.forecasts, 1)]

    def ranked_by(self, one: Forecast) -> str:
        """What the rank of a forecast was decided by; empty where it has none."""
        if one.outside:
            return ""
        return BY_END if self.steps_to_end(one) is None else BY_LIFE

    def assets(self) -> pd.DataFrame:
        """One row an asset, the most urgent first; below them those without a rank, and those that failed."""
        rows = [self._row(rank, one) for rank, one in zip(self.ranks, self.forecasts, strict=True)]
        rows += [
            {"asset": one.name, "file": str(one.path), "status": FAILED, "reason": one.reason} for one in self.refused
        ]
        table = pd.DataFrame(rows)
        return table if "rank" not in table else table.astype({"rank": "Int64", self._ahead: "Int64"})

    def steps(self) -> pd.DataFrame:
        """All forecasts below each other, in order of rank: the asset, and one row a step of time."""
        parts = []
        for one in self.forecasts:
            table = one.table()
            table.insert(0, "asset", one.asset)
            table.insert(1, "file", str(one.path))
            parts.append(table)
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()

    @property
    def _ahead(self) -> str:
        return plain_name(f"{self.forecasts[0].quantities.time.many}_to_end_of_life")

    def _row(self, rank: int | None, one: Forecast) -> dict[str, Any]:
        symbol = plain_name(one.quantities.target.symbol)
        return {
            "rank": rank,
            "asset": one.asset,
            "file": str(one.path),
            "status": OUTSIDE if one.outside else OK,
            self._ahead: self.steps_to_end(one),
            f"{symbol}_now": one.history[-1],
            f"{symbol}_at_end": one.ahead[-1],
            "typical_error": one.error[-1],
            "outside": bool(one.outside),
            "ranked_by": self.ranked_by(one),
            "reason": "; ".join(one.outside),
        }
