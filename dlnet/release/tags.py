"""Tags of releases: a tag names its task (all but ``battery``), its version, the version's content, and its counter."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlnet.errors import RegistryError
from dlnet.registry.fetch import Version
from dlnet.registry.names import BATTERY, KEY, TASK, task_of_name

CONTENT = re.compile(r"[0-9a-f]{64}", re.ASCII)
RELEASED = "firmware-"  # how every tag of a release begins
TAG = re.compile(
    rf"firmware-(?:(?P<task>{TASK.pattern})-)?v(?P<version>[1-9][0-9]{{0,8}})-(?P<key>[0-9a-f]{{8}})"
    r"-c(?P<counter>[1-9][0-9]{0,8})",
    re.ASCII,
)


@dataclass(frozen=True)
class Tag:
    """``firmware-v7-1a2b3c4d-c8``: version 7, its content key (numbers restart in a rebuilt registry), counter 8.

    Tags of another task than ``battery`` name it: ``firmware-pump-v7-1a2b3c4d-c8``. The counter grows from release to
    release of a registered model, also where an earlier version is released again.
    """

    task: str
    version: int
    key: str
    counter: int

    def __str__(self) -> str:
        start = "firmware" if self.task == BATTERY else f"firmware-{self.task}"
        return f"{start}-v{self.version}-{self.key}-c{self.counter}"

    def same_version(self, other: Tag) -> bool:
        """Whether both are releases of one version, with whatever counters."""
        return (self.task, self.version, self.key) == (other.task, other.version, other.key)

    def of(self, name: str) -> bool:
        """Whether it is a release of the registered model ``name``.

        Raises:
            RegistryError: this project never registers that name.
        """
        return self.task == task_of_name(name)


def parse_tag(text: str) -> Tag | None:
    """The tag that a text is; None for any other text."""
    match = TAG.fullmatch(text)
    return Tag(match["task"] or BATTERY, int(match["version"]), match["key"], int(match["counter"])) if match else None


def release_tag(version: Version, counter: int) -> Tag:
    """The tag of a version's release.

    Raises:
        RegistryError: the version has no content key, or is not of this project.
    """
    key = version.tags.get(KEY, "")
    if not CONTENT.fullmatch(key):
        raise RegistryError(f"{version}: has no content key; only versions made by make publish are released")
    return Tag(task_of_name(version.name), version.number, key[:8], counter)


def is_release_of(tag: str, name: str, number: int) -> bool:
    """Whether a tag is that of a release of version ``number`` of the registered model ``name``.

    Raises:
        RegistryError: this project never registers that name.
    """
    parsed = parse_tag(tag)
    return parsed is not None and parsed.of(name) and parsed.version == number
