"""What the data stages write about cells and windows."""

from __future__ import annotations

from dlnet.documents import Document


class SplitCounts(Document):
    """Cells, rows and windows of a split; ``cells_used``: training cells in use, where only a share of them is."""

    cells: int
    rows: int
    windows: int | None = None
    cells_used: int | None = None
