"""Names of files, which tell what the files of one asset are."""

from __future__ import annotations

import re
from pathlib import Path

from dlnet.config.data import names_asset
from dlnet.errors import DataError

LONGEST_MATCHED = 100
"""Characters of a file's name that ``data.csv.parts`` is compared with."""


def asset_of_file(path: Path, pattern: str | None) -> str | None:
    """Name of the asset in the name of a file, with or without suffix; None: the pattern does not match.

    A name of over ``LONGEST_MATCHED`` characters matches none: that would take too long.
    """
    if pattern is None:
        return path.stem
    if len(path.name) > LONGEST_MATCHED:
        return None
    match = re.fullmatch(pattern, path.stem) or re.fullmatch(pattern, path.name)
    return (match["asset"] or None) if match else None


def checked_pattern(pattern: str) -> str:
    """The pattern that a user stated with ``--parts``.

    Raises:
        DataError: it is none, names no asset, or could take forever.
    """
    try:
        return names_asset(pattern)
    except ValueError as error:
        raise DataError(f"--parts: {pattern!r} {error}") from error


def unmatched(path: Path) -> str:
    """What is said of a file whose name the pattern does not match."""
    return f"the name of {path.name} does not match data.csv.parts: it is taken as the name of the asset"
