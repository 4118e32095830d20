"""Requests to GitHub: start a workflow, look up a release. The token is in the environment."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest
from requests.auth import AuthBase

from dlnet.errors import DLNetError
from dlnet.http import Answer, CallError, ask

COMMIT = re.compile(r"[0-9a-f]{40}", re.ASCII)
PER_PAGE, PAGES = 100, 50  # of the list of releases
NESTED = 8  # most tags of tags that are followed to a commit
TOKEN, API = "DLNET_GITHUB_TOKEN", "GITHUB_API_URL"  # noqa: S105 - a name, not a token
DEFAULT_API, UPLOADS = "https://api.github.com", "uploads.github.com"
REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}", re.ASCII)
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
SECONDS, UPLOAD_SECONDS = 15.0, 120.0  # for a whole request
MOST = 4 << 20  # bytes of an answer; a release with a thousand files is listed in less
LONGEST_WAIT = 3600.0  # seconds; limits of GitHub's API last an hour
EVENT = "champion"


class GitHubError(DLNetError):
    """A request to GitHub failed.

    Attributes:
        lasting: whether the same request would fail again.
        wait: seconds that GitHub asks to wait, or None.
    """

    def __init__(self, message: str, *, lasting: bool = False, wait: float | None = None) -> None:
        super().__init__(message)
        self.lasting = lasting
        self.wait = wait


@dataclass(frozen=True)
class Listed:
    """A release as GitHub lists it; a draft has no git tag yet."""

    id: int
    tag: str
    draft: bool


@dataclass(frozen=True)
class GitHub:
    """One repository.

    Attributes:
        repository: ``owner/name``. api: base address. token: sent in a header, never shown.
    """

    repository: str
    api: str
    token: str = field(repr=False)

    @classmethod
    def of_environment(cls, repository: str, token_names: tuple[str, ...] = (TOKEN,)) -> GitHub:
        """A repository with the token and the address from the environment.

        Raises:
            GitHubError: there is no token, or repository or address are invalid.
        """
        if not REPOSITORY.fullmatch(repository):
            raise GitHubError(f"{repository[:100]!r}: not a repository; write OWNER/NAME")
        token = next((found for name in token_names if (found := os.environ.get(name, ""))), "")
        if not token or not token.isascii() or not token.isprintable():
            raise GitHubError(f"{token_names[0]} is not set; put a token that may write to {repository} into it")
        api = os.environ.get(API, DEFAULT_API).rstrip("/")
        parts = urlsplit(api)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise GitHubError(f"{API} is {api[:100]!r}; a token is only sent over https")
        return cls(repository, api, token)

    def dispatch(self, version: int | None, delivery: str) -> None:
        """Start the workflows that listen for ``champion``; without a version they look for it themselves.

        Raises:
            GitHubError: no answer, or a refusal.
        """
        self.start(EVENT, {"delivery": delivery} | ({} if version is None else {"version": str(version)}))

    def start(self, event: str, payload: Mapping[str, str]) -> None:
        """Start the workflows that listen for an event.

        Raises:
            GitHubError: no answer, or a refusal.
        """
        self.call("POST", "dispatches", 204, {"event_type": event, "client_payload": dict(payload)})

    def upload(self, url: str, content: bytes) -> Any:
        """Send a file to an address that GitHub gave; the JSON in its answer.

        Raises:
            GitHubError: no answer, a refusal, or an address to which the token is not sent.
        """
        own, parts = urlsplit(self.api), urlsplit(url)
        hosts = {own.netloc, *([UPLOADS] if own.netloc == urlsplit(DEFAULT_API).netloc else [])}
        if parts.scheme != own.scheme or parts.netloc not in hosts:
            raise GitHubError(f"{url[:100]!r}: not an address of {self.api}; the token is not sent there", lasting=True)
        headers = {"Accept": "application/vnd.github+json", "Content-Type": "application/octet-stream"}
        auth = _Bearer(self.token)
        try:
            answer = ask("POST", url, seconds=UPLOAD_SECONDS, most=MOST, data=content, headers=headers, auth=auth)
        except CallError as error:
            raise GitHubError(f"{self.api}: a file was not taken ({error})") from error
        return _content(answer, 201)

    def enable(self, workflow: str) -> None:
        """Enable a workflow, named by its file; GitHub disables those with a schedule in a quiet repository.

        Raises:
            GitHubError: no answer, or a refusal: the token needs the right "Actions: write".
        """
        self.call("PUT", f"actions/workflows/{workflow}/enable", 204)

    def released(self, tag: str) -> bool:
        """Whether a release of this tag exists.

        Raises:
            GitHubError: no answer, or a refusal.
        """
        answer = self._ask("GET", f"releases/tags/{tag}")
        if answer.status not in (200, 404):
            raise _refusal(answer)
        return answer.status == 200

    def call(self, method: str, path: str, wanted: int, content: object = None) -> Any:
        """One request; the JSON in its answer, None for an answer without content.

        Raises:
            GitHubError: no answer, another status than ``wanted``, or no JSON.
        """
        return _content(self._ask(method, path, content), wanted)

    def releases(self) -> list[Listed]:
        """All releases, drafts too where the token may see them.

        Raises:
            GitHubError: no answer, a refusal, or more releases than are read.
        """
        found: list[Listed] = []
        for page in range(1, PAGES + 1):
            listed = self.call("GET", f"releases?per_page={PER_PAGE}&page={page}", 200)
            try:
                found += [Listed(one["id"], str(one["tag_name"]), bool(one["draft"])) for one in listed]
            except (TypeError, KeyError) as error:
                raise GitHubError(f"GitHub's list of releases has another form ({error!r})") from error
            if len(listed) < PER_PAGE:
                return found
        raise GitHubError(f"{self.repository}: over {PAGES * PER_PAGE:,} releases; delete drafts and old ones")

    def tagged(self, tag: str) -> str | None:
        """The commit that a git tag points to, through annotated tags; None if there is no such tag.

        Raises:
            GitHubError: no answer, a refusal, or the tag is of something else than a commit.
        """
        answer = self._ask("GET", f"git/ref/tags/{tag}")
        if answer.status == 404:
            return None
        for _ in range(NESTED):
            kind, sha = _object(answer)
            if kind == "commit":
                return sha
            if kind != "tag":
                break
            answer = self._ask("GET", f"git/tags/{sha}")
        raise GitHubError(f"{self.repository}: git tag {tag} does not lead to a commit; delete it", lasting=True)

    def _ask(self, method: str, path: str, content: object = None) -> Answer:
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        url = f"{self.api}/repos/{self.repository}/{path}"
        try:
            return ask(
                method, url, seconds=SECONDS, most=MOST, content=content, headers=headers, auth=_Bearer(self.token)
            )
        except CallError as error:
            raise GitHubError(f"{self.api}: no answer ({error})") from error


class _Bearer(AuthBase):
    """Bearer authentication; with a plain header requests would use ~/.netrc instead."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def _content(answer: Answer, wanted: int) -> Any:
    if answer.status != wanted:
        raise _refusal(answer)
    try:
        return answer.json() if answer.body else None
    except ValueError as error:
        raise GitHubError("GitHub's answer is not JSON") from error


def _object(answer: Answer) -> tuple[str, str]:
    """Kind and SHA of the object that a git reference or an annotated tag points to."""
    if answer.status != 200:
        raise _refusal(answer)
    try:
        found = answer.json()["object"]
        kind, sha = found["type"], found["sha"]
    except (ValueError, TypeError, KeyError) as error:
        raise GitHubError(f"GitHub's answer on a git tag has another form ({error!r})") from error
    if not isinstance(kind, str) or not isinstance(sha, str) or not COMMIT.fullmatch(sha):
        raise GitHubError("GitHub's answer on a git tag names no object")
    return kind, sha


def seconds_to_wait(after: str, now: float) -> float | None:
    """Seconds that a header ``Retry-After`` asks for, at most ``LONGEST_WAIT``; None if it names no time to come.

    Args:
        after: seconds in ASCII digits, or an HTTP date. now: seconds since 1970.
    """
    if after.isascii() and after.isdigit():
        return min(float(after[:10]), LONGEST_WAIT)
    try:
        wait = parsedate_to_datetime(after).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return min(wait, LONGEST_WAIT) if wait > 0 else None


def _refusal(answer: Answer) -> GitHubError:
    wait = seconds_to_wait(answer.headers.get("Retry-After", ""), time.time())
    return GitHubError(f"GitHub answers {answer.status}", lasting=answer.status == 422, wait=wait)
