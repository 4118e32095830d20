"""Where champions are sent."""

from __future__ import annotations

from typing import Protocol


class Target(Protocol):
    """A repository on GitHub."""

    @property
    def repository(self) -> str:
        """``owner/name``."""

    def dispatch(self, version: int | None, delivery: str) -> None:
        """Tell of a champion; without a version: look whether there is one.

        Raises:
            GitHubError: it is to be tried again, or never (``lasting``).
        """
