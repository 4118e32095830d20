"""What GitHub already has of a release: the release itself, and a git tag of its name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from dlnet.commit import git_commit
from dlnet.errors import RefusedError
from dlnet.registry.names import plain
from dlnet.release.github import COMMIT, TOKEN, GitHub, GitHubError
from dlnet.release.tags import parse_tag

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
        """Refuse a tag that cannot be released: its counter is used, or a git tag of this name is of another commit.

        ``gh release create`` takes a git tag that exists as it is. A device that refuses lower counters would refuse a
        release whose counter is not above all others.

        Raises:
            RefusedError: it points to another commit, or a release of the task has this counter or a higher one.
            GitHubError: no answer, or a refusal.
        """
        self._check_counter(tag)
        found = self.github.tagged(tag)
        if found is not None and found != self.commit:
            raise RefusedError(
                f"{self.github.repository}: git tag {tag} exists and is of commit {found[:12]}, the release would be "
                f"of {self.commit[:12]}; if nobody uses that tag, delete it: git push --delete origin {tag}"
            )

    def _check_counter(self, tag: str) -> None:
        wanted = parse_tag(tag)
        if wanted is None:
            raise RefusedError(f"{plain(tag)[:100]!r} is not the tag of a release")
        made = [parse_tag(one.tag) for one in self.github.releases() if not one.draft]
        others = [other for other in made if other and other.task == wanted.task]
        newest = max(others, key=lambda one: one.counter, default=None)
        if newest and newest.counter >= wanted.counter:
            raise RefusedError(
                f"{self.github.repository}: {newest} is released, so {tag} needs a counter above {newest.counter}; "
                "plan it again, with the registry that counted that one"
            )
