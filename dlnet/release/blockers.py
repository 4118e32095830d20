"""Checks whether a version may be released: before promotion and before a release, as anyone can set an alias."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from dlnet.errors import UntrustedError
from dlnet.registry.client import registry_errors
from dlnet.registry.fetch import Version, fetch
from dlnet.registry.names import BUDGET, GATE, PASSED, plain
from dlnet.registry.pointers import lost_run

if TYPE_CHECKING:
    from dlnet.registry.client import MlflowClient


def release_blockers(version: Version, client: MlflowClient, registry: str) -> tuple[str, ...]:
    """Why a version may not be released; empty if it may.

    Checked are the run behind it, the tags of gate and budget, and the files: names, sizes, SHA-256.

    Raises:
        RegistryError: the registry does not answer.
    """
    with registry_errors(registry):
        lost = lost_run(client, version.run_id)
    return tuple(text for text in (lost, *result_blockers(version), _files(version, registry)) if text)


def result_blockers(version: Version) -> tuple[str, ...]:
    """Why a version may not be released, by its results of gate and budget alone."""
    by_tag = [_tag_blocker(version, tag, check) for tag, check in ((GATE, "the gate"), (BUDGET, "the budget"))]
    return tuple(text for text in by_tag if text)


def _tag_blocker(version: Version, tag: str, check: str) -> str | None:
    result = version.tags.get(tag)
    if result == PASSED:
        return None
    if result is None:
        return f"has no result of {check}; run make publish"
    return f"{check} was not passed: {plain(version.tags.get(f'{tag}.reasons', 'no reason is given'))}"


def _files(version: Version, registry: str) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            fetch(version, Path(folder), registry=registry)
        except UntrustedError as error:
            return plain(str(error))
    return None
