"""What GitHub already has of a release: the release itself, and a git tag of its name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from dlnet.commit import git_commit
from dlnet.errors import RefusedError
from dlnet.release.github import COMMIT, TOKEN, GitHub, GitHubError

BUILT_FROM = "GITHUB_SHA"  # set in every workflow: the commit that is built and attested


@dataclass(frozen=True)
class Published:
    """The releases of one repository, seen from one commit.

    Attributes:
        commit: what a release made now is built from, 40 hexadecimal digits.
    """

    github: GitHub
    commit: str

    @classmethod
    def of_environment(cls, repository: str) -> Published:
        """The commit is ``GITHUB_SHA``, or that of the working directory.

        Raises:
            GitHubError: no token, invalid repository or address, no commit, or changes that are in no commit.
        """
        commit = os.environ.get(BUILT_FROM) or git_commit(Path.cwd())
        if not COMMIT.fullmatch(commit):
            raise GitHubError(f"commit {commit[:100]!r}: a release is of one commit; commit all, or set {BUILT_FROM}")
        return cls(GitHub.of_environment(repository, (TOKEN, "GITHUB_TOKEN")), commit)

    def exists(self, tag: str) -> bool:
        """Whether a release of this tag exists.

        Raises:
            GitHubError: no answer, or a refusal.
        """
        return self.github.released(tag)

    def check_tag(self, tag: str) -> None:
        """Refuse a git tag that exists and is of another commit: ``gh release create`` would take it as it is.

        Raises:
            RefusedError: it points to another commit. GitHubError: no answer, or a refusal.
        """
        found = self.github.tagged(tag)
        if found is not None and found != self.commit:
            raise RefusedError(
                f"{self.github.repository}: git tag {tag} exists and is of commit {found[:12]}, the release would be "
                f"of {self.commit[:12]}; if nobody uses that tag, delete it: git push --delete origin {tag}"
            )
