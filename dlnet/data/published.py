"""Published data of batteries: pinned folders upstream, and what their file names say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

COMMIT = "bf7a93148de6a7e249c1b053bd60fe3c9a3dc1f0"
BASE_URL = f"https://raw.githubusercontent.com/wang-fujin/PINN4SOH/{COMMIT}/data"
TASK = "battery"
TARGET, UNIT = "capacity", "Ah"  # column of the discharge capacity in all of them
MISSING_CYCLES = (
    "Rows are not always consecutive cycles: the publisher left out some, so '100 cycles ahead' is 100 rows."
)

Name = Callable[[PurePosixPath], str]


@dataclass(frozen=True)
class Published:
    """A pinned folder of github.com/wang-fujin/PINN4SOH, one CSV a cell, 16 features and capacity in Ah.

    Attributes:
        label: shown wherever results of this source are shown.
        folder: below ``data/`` upstream.
        nominal: capacity of a new cell, Ah, from its relative path.
        group: stratum of the split, from the relative path.
        cell: unique name, from the relative path.
        notes: remarks for readers of results.
    """

    label: str
    folder: str
    nominal: Callable[[PurePosixPath], float]
    group: Name
    cell: Name
    notes: tuple[str, ...] = (MISSING_CYCLES,)


def _chemistry(path: PurePosixPath) -> str:
    return re.sub(r"^Dataset_\d+_|_battery$", "", path.parent.name)


PUBLISHED: Mapping[str, Published] = {
    "mit": Published(
        label="MIT–Stanford (measured)",
        folder="MIT data",
        nominal=lambda _: 1.1,
        group=lambda path: path.parent.name,
        cell=lambda path: path.stem,
        notes=(MISSING_CYCLES, "No cell of this copy falls to 80 % of its nominal capacity."),
    ),
    "hust": Published(
        label="HUST (measured)",
        folder="HUST data",
        nominal=lambda _: 1.1,
        group=lambda _: "all",  # each cell has a discharge protocol of its own, so there are no groups
        cell=lambda path: path.stem,
    ),
    "xjtu": Published(
        label="XJTU (measured)",
        folder="XJTU data",
        nominal=lambda _: 2.0,
        group=lambda path: path.stem.split("_battery")[0],
        cell=lambda path: path.stem,
    ),
    "tju": Published(
        label="TJU (measured)",
        folder="TJU data",
        nominal=lambda path: 2.5 if _chemistry(path) == "NCM_NCA" else 3.5,
        group=_chemistry,
        cell=lambda path: f"{_chemistry(path)}_{path.stem}",  # stems occur in more than one folder
    ),
}
