"""May this version go to devices? Asked before promotion, and again before a release: an alias can be set by anyone."""

from __future__ import annotations

import tempfile
from pathlib import Path

from dlnet.errors import UntrustedError
from dlnet.registry.fetch import Version, fetch
from dlnet.registry.names import BUDGET, GATE, PASSED

SHOWN = 400  # characters of a tag's text in a message


def release_blockers(version: Version, registry: str) -> tuple[str, ...]:
    """Why a version may not be released; empty if it may.

    Asked are the words of the gate and of the budget, and the files themselves: known names, sizes, SHA-256.

    Raises:
        RegistryError: the registry does not answer.
    """
    found = [_word(version, tag, what) for tag, what in ((GATE, "the gate"), (BUDGET, "the budget"))]
    return tuple(text for text in (*found, _files(version, registry)) if text)


def plain(text: str) -> str:
    """One line of printable characters: text out of a registry may hold what a terminal or a CI log obeys."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}..."


def _word(version: Version, tag: str, what: str) -> str | None:
    word = version.tags.get(tag)
    if word == PASSED:
        return None
    if word is None:
        return f"carries no word of {what}; run make publish"
    return f"{what} was not passed: {plain(version.tags.get(f'{tag}.reasons', 'no reason is given'))}"


def _files(version: Version, registry: str) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            fetch(version, Path(folder), registry=registry)
        except UntrustedError as error:
            return plain(str(error))
    return None
