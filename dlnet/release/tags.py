"""Tags of releases: a tag names its task (all but ``battery``), its version, and the version's content."""

from __future__ import annotations

import re

from dlnet.errors import RegistryError
from dlnet.registry.fetch import Version
from dlnet.registry.names import BATTERY, KEY, TASK, task_of_name

CONTENT = re.compile(r"[0-9a-f]{64}", re.ASCII)
TAG = re.compile(
    rf"firmware-(?:(?P<task>{TASK.pattern})-)?v(?P<version>[1-9][0-9]{{0,8}})-(?P<key>[0-9a-f]{{8}})", re.ASCII
)


def release_tag(version: Version) -> str:
    """``firmware-v7-1a2b3c4d``: the version and its content key, as numbers restart in a rebuilt registry.

    Tags of another task than ``battery`` name it: ``firmware-pump-v7-1a2b3c4d``.

    Raises:
        RegistryError: the version has no content key, or is not of this project.
    """
    key = version.tags.get(KEY, "")
    if not CONTENT.fullmatch(key):
        raise RegistryError(f"{version}: has no content key; only versions made by make publish are released")
    task = task_of_name(version.name)
    start = "firmware" if task == BATTERY else f"firmware-{task}"
    return f"{start}-v{version.number}-{key[:8]}"


def is_release_of(tag: str, name: str, number: int | None = None) -> bool:
    """Whether a tag is that of a release of the registered model ``name``, and of its version ``number`` if given.

    Raises:
        RegistryError: this project never registers that name.
    """
    match = TAG.fullmatch(tag)
    if not match or (match["task"] or BATTERY) != task_of_name(name):
        return False
    return number is None or int(match["version"]) == number
