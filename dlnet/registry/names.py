"""Valid names, versions and aliases. All input from outside is matched with these patterns before it is used."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from dlnet.errors import RegistryError

Role = Literal["edge", "student", "teacher"]
BATTERY = "battery"  # the task whose models are named without it: dlnet-edge
CANDIDATE, CHAMPION = "candidate", "champion"
KEY, GATE, BUDGET, PASSED = (
    "dlnet.key",
    "dlnet.gate",
    "dlnet.budget",
    "passed",
)  # tags of a version, and their value if passed
SOURCE, LABEL, NOTE = "dlnet.source", "dlnet.label", "dlnet.candidate.note"  # tags: its data, and what candidate left

TASK = re.compile(r"[a-z][a-z0-9_]{0,19}", re.ASCII)  # no hyphen, so that a name has one meaning
NAME = re.compile(rf"dlnet-(?:(?!{BATTERY}-)(?P<task>{TASK.pattern})-)?(?P<role>{'|'.join(get_args(Role))})", re.ASCII)
ALIAS = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)
VERSION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
SHOWN = 400  # characters of a tag's text in a message
_URI = re.compile(r"models:/(?P<name>[^/@]+)(?:/(?P<version>[^/@]+)|@(?P<alias>[^/@]+))")


@dataclass(frozen=True)
class ModelUri:
    """``models:/NAME/VERSION`` or ``models:/NAME@ALIAS``; exactly one of ``version`` and ``alias`` is set."""

    name: str
    version: int | None
    alias: str | None

    def __str__(self) -> str:
        return f"models:/{self.name}" + (f"@{self.alias}" if self.version is None else f"/{self.version}")


def registered_name(task: str, role: Role) -> str:
    """``dlnet-TASK-ROLE``, the registered model of a task; ``dlnet-ROLE`` for the task ``battery``.

    Raises:
        RegistryError: the task's name has other characters than ``a-z 0-9 _``, or too many.
    """
    if not TASK.fullmatch(task):
        raise RegistryError(f"{task[:80]!r}: not a task's name; use a letter and up to 19 of a-z, 0-9 and underscore")
    name = f"dlnet-{role}" if task == BATTERY else f"dlnet-{task}-{role}"
    if not NAME.fullmatch(name):
        raise RegistryError(f"{role[:80]!r}: no role of a registered model")
    return name


DEFAULT = registered_name(BATTERY, "edge")  # where no model is named


def edge_name(name: str) -> str:
    """The name, unchanged, if it is that of an edge model: only edge models are promoted and released.

    Raises:
        RegistryError: it is not.
    """
    match = NAME.fullmatch(name)
    if not match or match["role"] != "edge":
        raise RegistryError(f"{name[:80]!r}: not a registered edge model; write {DEFAULT} or dlnet-TASK-edge")
    return name


def task_of_name(name: str) -> str:
    """The task that a registered model belongs to.

    Raises:
        RegistryError: this project never registers that name.
    """
    match = NAME.fullmatch(name)
    if not match:
        raise RegistryError(f"{name[:80]!r}: not a registered model of this project")
    return match["task"] or BATTERY


def parse_uri(uri: str) -> ModelUri:
    """Parse a model's URI.

    Raises:
        RegistryError: it has another form, or a name that this project never registers.
    """
    match = _URI.fullmatch(uri)
    if not match or not NAME.fullmatch(match["name"]):
        raise RegistryError(f"{uri!r}: not a model of this registry; write models:/{DEFAULT}@ALIAS or /VERSION")
    if match["alias"] is not None:
        return ModelUri(match["name"], None, alias(match["alias"]))
    return ModelUri(match["name"], version(match["version"]), None)


def version(text: str) -> int:
    """A version's number; anything but a plain positive number raises ``RegistryError``."""
    if not VERSION.fullmatch(text):
        raise RegistryError(f"{text!r}: not a version; versions are numbers from 1 on")
    return int(text)


def alias(text: str) -> str:
    """The alias, unchanged; one with other characters than ``a-z 0-9 -`` raises ``RegistryError``."""
    if not ALIAS.fullmatch(text):
        raise RegistryError(f"{text!r}: not an alias; aliases consist of a-z, 0-9 and -")
    return text


def plain(text: str) -> str:
    """One line of printable characters: text from a registry may hold control sequences for terminals or CI logs."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}..."
