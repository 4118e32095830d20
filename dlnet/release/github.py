"""Requests to GitHub: start a workflow, look up a release. The token is in the environment."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from dlnet.errors import DLNetError

TOKEN, API = "DLNET_GITHUB_TOKEN", "GITHUB_API_URL"  # noqa: S105 - a name, not a token
DEFAULT_API = "https://api.github.com"
REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}", re.ASCII)
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
SECONDS = 15.0
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

    def dispatch(self, version: int, delivery: str) -> None:
        """Start the workflows that listen for ``champion``.

        Raises:
            GitHubError: no answer, or a refusal.
        """
        payload = {"version": str(version), "delivery": delivery}
        answer = self._ask("POST", "dispatches", {"event_type": EVENT, "client_payload": payload})
        if answer.status_code != 204:
            raise _refusal(answer)

    def released(self, tag: str) -> bool:
        """Whether a release of this tag exists.

        Raises:
            GitHubError: no answer, or a refusal.
        """
        answer = self._ask("GET", f"releases/tags/{tag}")
        if answer.status_code not in (200, 404):
            raise _refusal(answer)
        return answer.status_code == 200

    def _ask(self, method: str, path: str, content: object = None) -> requests.Response:
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        url = f"{self.api}/repos/{self.repository}/{path}"
        try:
            return requests.request(
                method, url, json=content, headers=headers, auth=_Bearer(self.token), timeout=SECONDS,
                allow_redirects=False,
            )  # fmt: skip
        except requests.RequestException as error:
            raise GitHubError(f"{self.api}: no answer ({type(error).__name__})") from error


class _Bearer(AuthBase):
    """Bearer authentication; with a plain header requests would use ~/.netrc instead."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


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


def _refusal(answer: requests.Response) -> GitHubError:
    wait = seconds_to_wait(answer.headers.get("Retry-After", ""), time.time())
    return GitHubError(f"GitHub answers {answer.status_code}", lasting=answer.status_code == 422, wait=wait)
