"""Claims on building a version's firmware, stored in the registry: the first to write a claim has it.

MLflow's tags and aliases can be overwritten, so two writers could both believe that they have the claim. A run's params
cannot: the first value of a key stays. So claims are params of the run that made the version:

    release.1.claim    the first claim: who, and when (seconds since 1970)
    release.1.failed   that build failed, the next claim is allowed
    release.done       the release's tag; no claim is allowed after it
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlnet.errors import RegistryError
from dlnet.registry.client import params_of, write_param

if TYPE_CHECKING:
    from dlnet.registry.client import MlflowClient

DONE = "release.done"
HOLDS = 6 * 3600.0  # seconds; a claim older than the longest possible build has expired
CLAIMANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_CLAIM = re.compile(r"(?P<who>[A-Za-z0-9._-]+) (?P<when>[0-9]{1,12})", re.ASCII)


@dataclass(frozen=True)
class Claim:
    """One attempt to build: its number from 1 on, who, when (s), and whether it failed."""

    number: int
    who: str
    when: float
    failed: bool

    def alive(self, now: float) -> bool:
        """Whether its holder may still be at work."""
        return not self.failed and now - self.when < HOLDS


class Ledger:
    """The claims on one version, in the params of its run."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self.client = client
        self.run_id = run_id

    def done(self) -> str | None:
        """The release's tag, if there is a release."""
        return self._lines().get(DONE)

    def holder(self, now: float | None = None) -> Claim | None:
        """The claim that holds now."""
        last = _last(self._lines())
        return last if last and last.alive(time.time() if now is None else now) else None

    def claim(self, who: str, now: float | None = None) -> bool:
        """Claim the version; True for exactly one claimant at a time. Claiming twice gives the same answer."""
        now = time.time() if now is None else now
        lines = self._lines()
        last = _last(lines)
        if DONE in lines:
            return False
        if last and last.alive(now):
            return last.who == who
        number = last.number + 1 if last else 1
        self._write(f"release.{number}.claim", f"{who} {int(now)}")
        written = self._lines()
        first = _last(written)
        return DONE not in written and first is not None and (first.number, first.who) == (number, who)

    def fail(self, who: str) -> None:
        """Give up the claim of ``who``.

        Raises:
            RegistryError: ``who`` does not hold it.
        """
        self._write(f"release.{self._mine(who).number}.failed", str(int(time.time())))

    def finish(self, who: str, tag: str) -> None:
        """Record that ``who`` released the version as ``tag``; may be repeated.

        Raises:
            RegistryError: ``who`` does not hold the claim, or it was released under another tag.
        """
        done = self.done()
        if done is None:
            self._mine(who)
            self.settle(tag)
        elif done != tag:
            raise RegistryError(f"this version was released as {done}, not {tag}")

    def settle(self, tag: str) -> None:
        """Record a release that exists, whoever made it."""
        if self._write(DONE, tag) != tag:
            raise RegistryError(f"this version was released as {self.done()}, not {tag}")

    def _mine(self, who: str) -> Claim:
        holder = self.holder()
        if holder is None or holder.who != who:
            state = f"{holder.who} holds it" if holder else "there is no claim"
            raise RegistryError(f"{who} does not hold this version's claim ({state}); run dlnet release claim")
        return holder

    def _write(self, key: str, value: str) -> str:
        """Write a param unless it exists; returns the stored value."""
        return write_param(self.client, self.run_id, key, value)

    def _lines(self) -> Mapping[str, str]:
        return params_of(self.client, self.run_id)


def _last(lines: Mapping[str, str]) -> Claim | None:
    claim, number = None, 1
    while text := lines.get(f"release.{number}.claim"):
        match = _CLAIM.fullmatch(text)
        if not match:
            raise RegistryError(f"release.{number}.claim is {text[:60]!r}, which dlnet release never writes")
        claim = Claim(number, match["who"], float(match["when"]), f"release.{number}.failed" in lines)
        number += 1
    return claim
