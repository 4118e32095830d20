"""What the whole past of an asset says at the end of a window: its age, its slopes far back, its features when young.

Rows of an asset are counted from the first one that is known, t = 0, 1, ...: one that came used is as old as what was
seen of it. Block j is rows 10 j to 10 j + 9.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BLOCK = 10  # rows of a block of the past, whose means a device keeps

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Life:
    """Rows of assets from their first one on, and the ends of N windows in them.

    Attributes:
        health: (R,) cleaned health. features: (R, F) cleaned. names: of the F features.
        first: (N,) row that the asset of each window begins with. ends: (N,) one past the last row of each window.
    """

    health: Floats
    features: Floats
    names: tuple[str, ...]
    first: Rows
    ends: Rows

    @classmethod
    def of_assets(cls, health: Sequence[Floats], features: Sequence[Floats], names: Sequence[str]) -> Life:
        """Of N assets whose windows end with their last rows: each (rows,) health and (rows, F) features."""
        ends = np.cumsum([len(rows) for rows in health], dtype=np.int64)
        first = np.concatenate([[0], ends[:-1]]).astype(np.int64)
        return cls(np.concatenate(health), np.concatenate(features), tuple(names), first, ends)

    @property
    def age(self) -> Floats:
        """(N,) number t of the last row of each window."""
        return (self.ends - 1 - self.first).astype(np.float64)

    def slopes(self, lags: Sequence[int], block: int) -> Floats:
        """Changes of health against blocks far back, (N, lags).

        With t the last row of the window and lag k, block j = max(0, floor((t - k) / 10)) has the mean B_j, and the
        last ``block`` rows have the mean m. The value is (m - B_j) k / d, where d is the distance in rows between the
        middles of both. So an asset younger than k is compared with its first rows, over the true distance. It is 0
        where block j does not lie before the last ``block`` rows.
        """
        back = np.asarray(lags, np.int64)
        last = (self.ends - 1 - self.first)[:, None]
        begins = np.maximum(0, (last - back) // BLOCK) * BLOCK
        apart = begins + BLOCK <= last + 1 - block
        rows = self.first[:, None] + np.where(apart, begins, 0)
        means = self.health[np.minimum(rows[..., None] + np.arange(BLOCK), len(self.health) - 1)].mean(axis=2)
        recent = self.health[self.ends[:, None] + np.arange(-block, 0)].mean(axis=1)
        distance = np.where(apart, last - (block - 1) / 2 - (begins + (BLOCK - 1) / 2), 1.0)
        return np.asarray(np.where(apart, (recent[:, None] - means) * back / distance, 0.0))

    def youth(self, span: tuple[int, int], names: Sequence[str]) -> Floats:
        """(N, len(names)) means of features over rows ``span[0]`` <= t < ``span[1]`` of each asset."""
        columns = self.features[:, [self.names.index(name) for name in names]]
        return np.asarray(columns[self.first[:, None] + np.arange(*span)].mean(axis=1))
