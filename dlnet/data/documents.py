"""JSON documents that the data stages write about assets and windows."""

from __future__ import annotations

from pydantic import Field

from dlnet.config.clean import CleanParams
from dlnet.config.presets import Preset
from dlnet.config.quantities import Quantities
from dlnet.config.task import Channels, Windows
from dlnet.data.csvfiles import Columns
from dlnet.data.findings import Finding
from dlnet.documents import Document, Label, Line


class SplitCounts(Document):
    """Assets, rows and windows of a split; ``assets_used``: training assets in use, where only a share of them is."""

    assets: int
    assets_used: int | None = None
    rows: int
    windows: int | None = None


class TableLabel(Document):
    """Key ``dlnet`` in the metadata of a table of all assets: what it holds, to be shown with every result.

    Attributes:
        task: name of the task whose quantities it holds. notes: remarks for readers of results.
    """

    task: str
    label: Label
    simulated: bool
    notes: tuple[Line, ...]


class PublicSource(Document):
    """A public source whose assets train beside the own ones.

    Attributes:
        source: its name. weight: of one of its windows in training, where one of the own assets has 1.
        assets, rows: in its table. used: assets that are long enough to train. windows: of these, with labels.
    """

    source: Label
    label: Label
    simulated: bool
    weight: float
    assets: int
    rows: int
    used: int | None = None
    windows: int | None = None


class SourceRecord(Document):
    """data/raw/source.json.

    Attributes:
        task: its name. label: shown with every result.
        nominal: all nominal values that occur, in the unit of the task's quantity; none where the target is no share.
        notes: remarks for readers of results. columns: of the files that were read.
        findings: what is odd about assets; in task.json also what their values show.
        public: sources whose assets train beside these; all other figures are of these alone.
    """

    task: str
    source: Label
    simulated: bool
    label: Label
    assets: int
    rows: int
    nominal: tuple[float, ...]
    notes: tuple[Line, ...]
    columns: Columns
    findings: tuple[Finding, ...] = ()
    public: tuple[PublicSource, ...] | None = None


class TaskRecord(SourceRecord, Windows):
    """data/windows/task.json: the source, the task, its windows, cleaning, and counts.

    Attributes:
        features: their names. channels: inputs of networks. counts: split -> assets, rows and windows.
        typical: feature -> its median in training, which holds where a life begins without a value of it.
        preset: whose values all results have.
    """

    preset: Preset = "default"

    quantities: Quantities
    clean: CleanParams
    features: tuple[str, ...]
    channels: Channels
    counts: dict[str, SplitCounts]
    typical: dict[str, float] = Field(default_factory=dict)
