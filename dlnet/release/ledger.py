"""Claims on building firmware, stored in the registry: the first to write a claim has it.

MLflow's tags and aliases can be overwritten, so two writers could both believe that they have the claim. A run's params
cannot: the first value of a key stays. So a registered model has one run of its own, its ledger, whose params are the
claims. Each has a counter, which only grows; it becomes the security counter of the firmware.

    release.8.claim    the claim with counter 8: who, when (seconds since 1970), the tag of the release to be made
    release.8.failed   that build failed; counter 8 is never used again
    release.8.done     the release's tag

The ledger is in an experiment of its own: deleting a model's run, version or experiment does not reach it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dlnet.errors import RegistryError
from dlnet.registry.client import params_of, write_param
from dlnet.registry.ledger_run import find_run, make_run
from dlnet.registry.names import plain
from dlnet.release.tags import Tag, parse_tag

if TYPE_CHECKING:
    from dlnet.registry.client import MlflowClient

HOLDS = 6 * 3600.0  # seconds; a claim older than the longest possible build has expired
CLAIMANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_CLAIM = re.compile(r"(?P<who>[A-Za-z0-9._-]+) (?P<when>[0-9]{1,12}) (?P<tag>[a-z0-9_-]+)", re.ASCII)
_KEY = re.compile(r"release\.(?P<counter>[1-9][0-9]{0,8})\.(?:claim|failed|done)", re.ASCII)


@dataclass(frozen=True)
class Claim:
    """One attempt to release: who, when (s), the release's tag, whether it failed, whether it is done."""

    who: str
    when: float
    tag: Tag
    failed: bool
    done: bool

    def alive(self, now: float) -> bool:
        """Whether its holder may still be at work."""
        return not self.failed and not self.done and now - self.when < HOLDS


class Ledger:
    """The claims on releases of one registered model.

    Args:
        uri: of the registry.
        name: of the registered model.

    Raises (all methods):
        RegistryError: the ledger was deleted in MLflow, or holds what ``dlnet release`` never writes.
    """

    def __init__(self, client: MlflowClient, uri: str, name: str) -> None:
        self.client = client
        self.uri = uri
        self.name = name

    def claims(self) -> tuple[Claim, ...]:
        """All claims, by counter."""
        run_id = find_run(self.client, self.name)
        return tuple(_claims(params_of(self.client, run_id), self.name)) if run_id else ()

    def claim(self, who: str, tag: Tag) -> bool:
        """Claim the counter of ``tag``; True for exactly one claimant. Claiming twice gives the same answer."""
        stored = self._write(tag.counter, "claim", f"{who} {int(time.time())} {tag}")
        match = _CLAIM.fullmatch(stored)
        return match is not None and (match["who"], match["tag"]) == (who, str(tag))

    def fail(self, tag: Tag) -> None:
        """Give up the claim on the counter of ``tag``."""
        self._write(tag.counter, "failed", str(int(time.time())))

    def finish(self, tag: Tag, who: str) -> None:
        """Record that a release was made, whoever made it; may be repeated.

        Raises:
            RegistryError: another release was made with this counter.
        """
        self._write(tag.counter, "claim", f"{who} {int(time.time())} {tag}")
        stored = self._write(tag.counter, "done", str(tag))
        if stored != str(tag):
            raise RegistryError(f"{self.name}: counter {tag.counter} was released as {plain(stored)!r}, not {tag}")

    def _write(self, counter: int, what: str, value: str) -> str:
        """Write a param unless it exists; returns the stored value."""
        return write_param(self.client, make_run(self.client, self.uri, self.name), f"release.{counter}.{what}", value)


def holder(claims: tuple[Claim, ...], version: Tag) -> Claim | None:
    """The newest claim on this version (its counter does not matter) that holds now."""
    now = time.time()
    alive = [claim for claim in claims if claim.alive(now) and claim.tag.same_version(version)]
    return alive[-1] if alive else None


def last_done(claims: tuple[Claim, ...]) -> Tag | None:
    """The tag of the last release: that with the highest counter."""
    done = [claim.tag for claim in claims if claim.done]
    return done[-1] if done else None


def _claims(lines: Mapping[str, str], name: str) -> Iterator[Claim]:
    counters = {int(match["counter"]) for key in lines if (match := _KEY.fullmatch(key))}
    for counter in sorted(counters):
        text, done = lines.get(f"release.{counter}.claim", ""), lines.get(f"release.{counter}.done")
        match = _CLAIM.fullmatch(text)
        tag = parse_tag(match["tag"]) if match else None
        if not match or not tag or not tag.of(name) or tag.counter != counter or done not in (None, str(tag)):
            shown = plain(done or text)[:80]
            raise RegistryError(
                f"{name}: its ledger records {shown!r} with counter {counter}, which is no release of it"
            )
        yield Claim(match["who"], float(match["when"]), tag, f"release.{counter}.failed" in lines, done is not None)
