"""JSON documents that the data stages write about cells and windows."""

from __future__ import annotations

from dlnet.config.clean import CleanParams
from dlnet.config.task import TaskParams
from dlnet.data.csvfiles import Columns
from dlnet.documents import Document


class SplitCounts(Document):
    """Cells, rows and windows of a split; ``cells_used``: training cells in use, where only a share of them is."""

    cells: int
    cells_used: int | None = None
    rows: int
    windows: int | None = None


class SourceRecord(Document):
    """data/raw/source.json.

    Attributes:
        label: shown with every result. nominal_ah: all nominal capacities that occur, Ah.
        notes: remarks for readers of results. columns: of the files that were read.
    """

    source: str
    simulated: bool
    label: str
    cells: int
    rows: int
    nominal_ah: tuple[float, ...]
    notes: tuple[str, ...]
    columns: Columns


class TaskRecord(SourceRecord, TaskParams):
    """data/windows/task.json: the source, the sections ``task`` and ``clean``, and counts.

    Attributes:
        features: their names. counts: split -> cells, rows and windows.
    """

    clean: CleanParams
    features: tuple[str, ...]
    counts: dict[str, SplitCounts]
