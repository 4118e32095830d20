"""Keeps the release workflow enabled.

In a public repository GitHub disables a workflow that has a schedule after 60 days without activity. A disabled
workflow does not start for a dispatch either, which GitHub answers with 204 all the same.
"""

from __future__ import annotations

import logging
import time

from dlnet.relay.target import Target
from dlnet.release.github import GitHub, GitHubError

WORKFLOW = "firmware.yml"
EVERY_SECONDS = 24 * 3600.0

log = logging.getLogger("dlnet.relay")


class KeptAlive:
    """A target whose workflow is enabled before a dispatch, at most once a day."""

    def __init__(self, github: GitHub, target: Target) -> None:
        self.github = github
        self.target = target
        self._next = 0.0

    @property
    def repository(self) -> str:
        """``owner/name``."""
        return self.target.repository

    def dispatch(self, version: int | None, delivery: str) -> None:
        """See ``Target.dispatch``.

        Raises:
            GitHubError: no answer, or a refusal. That the workflow could not be enabled is only logged: mostly it is.
        """
        now = time.monotonic()
        if now >= self._next:
            self._next = now + EVERY_SECONDS
            try:
                self.github.enable(WORKFLOW)
            except GitHubError as error:
                log.warning("workflow not enabled", extra={"fields": {"workflow": WORKFLOW, "reason": str(error)}})
        self.target.dispatch(version, delivery)
