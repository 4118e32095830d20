"""Valid names, versions and aliases. All input from outside is matched with these patterns before it is used."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dlnet.errors import RegistryError

EDGE = "dlnet-edge"
CANDIDATE, CHAMPION = "candidate", "champion"
KEY, GATE, BUDGET, PASSED = (
    "dlnet.key",
    "dlnet.gate",
    "dlnet.budget",
    "passed",
)  # tags of a version, and their value if passed

NAME = re.compile(r"dlnet-[a-z]{1,20}", re.ASCII)
ALIAS = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)
VERSION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
_URI = re.compile(r"models:/(?P<name>[^/@]+)(?:/(?P<version>[^/@]+)|@(?P<alias>[^/@]+))")


@dataclass(frozen=True)
class ModelUri:
    """``models:/NAME/VERSION`` or ``models:/NAME@ALIAS``; exactly one of ``version`` and ``alias`` is set."""

    name: str
    version: int | None
    alias: str | None

    def __str__(self) -> str:
        return f"models:/{self.name}" + (f"@{self.alias}" if self.version is None else f"/{self.version}")


def parse_uri(uri: str) -> ModelUri:
    """Parse a model's URI.

    Raises:
        RegistryError: it has another form, or a name that this project never registers.
    """
    match = _URI.fullmatch(uri)
    if not match or not NAME.fullmatch(match["name"]):
        raise RegistryError(f"{uri!r}: not a model of this registry; write models:/dlnet-edge@ALIAS or /VERSION")
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
