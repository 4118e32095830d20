"""A proposal: sections of settings, each with what it was read from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from dlnet.config.base import StageConfig
from dlnet.config.clean import CleanParams
from dlnet.config.data import DataParams
from dlnet.config.quantities import Quantities
from dlnet.config.split import SplitParams
from dlnet.config.task import TaskParams
from dlnet.data.findings import Finding

Values = Mapping[str, Any]
"""Key of params.yaml, with dots -> value."""


class Settings(StageConfig):
    """Sections of params.yaml that say how own files are read, cleaned and split."""

    data: DataParams
    clean: CleanParams
    split: SplitParams
    task: TaskParams


@dataclass(frozen=True)
class Choices:
    """What a user states, so that it is not looked for; None: look.

    Attributes:
        task: its name; of a task that does not exist, a file is proposed. target, cycle, time, asset: columns.
        unit: of the target's column. nominal: of a new asset, in the task's unit. parts: pattern of file names.
        include: query or column of flags. features: name in the task -> column; taken beside those that are found.
    """

    task: str | None = None
    target: str | None = None
    unit: str | None = None
    nominal: float | None = None
    cycle: str | None = None
    time: str | None = None
    asset: str | None = None
    parts: str | None = None
    include: str | None = None
    features: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Section:
    """Settings that are taken or declined together.

    Attributes:
        title: what they are about. lines: what -> what was found, for people. values: if taken.
        without: if declined; None: nothing can be read without them. options: of the command, to choose otherwise.
    """

    title: str
    lines: tuple[tuple[str, str], ...]
    values: Values
    without: Values | None
    options: str


@dataclass(frozen=True)
class Proposal:
    """Settings that read a folder.

    Attributes:
        settings: as they are now. quantities: the task. task_text: of its new file, None: the task exists.
        table: Parquet of the cycles that raw time series were turned into, for ``cycles.parquet`` in ``data.path``.
        notes: remarks of the reader. findings: what is odd about assets.
    """

    settings: Settings
    quantities: Quantities
    sections: tuple[Section, ...]
    task_text: str | None
    table: bytes | None
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]

    def values(self, declined: Collection[str] = ()) -> dict[str, Any]:
        """Values to be set, without those of sections whose titles are declined."""
        chosen: dict[str, Any] = {}
        for section in self.sections:
            chosen |= (section.without or {}) if section.title in declined else section.values
        return chosen
