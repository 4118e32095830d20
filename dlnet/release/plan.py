"""Plans a release: the champion, if it passes the checks and is neither released nor being built."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from dlnet.errors import RefusedError, RegistryError
from dlnet.registry.client import registry_errors, set_version_tag
from dlnet.registry.fetch import Version, find
from dlnet.registry.names import CHAMPION, plain
from dlnet.release.blockers import release_blockers
from dlnet.release.ledger import CLAIMANT, Ledger
from dlnet.release.promote import AGAIN, Champion
from dlnet.release.tags import is_release_of, release_tag

RELEASE, URL, TIME = "dlnet.release", "dlnet.release.url", "dlnet.release.time"  # tags of a released version
OUTPUT = re.compile(r"[A-Za-z0-9._/-]*", re.ASCII)  # a line end in a value would be another key of a workflow
LINK = re.compile(r"https?://[A-Za-z0-9./_~:%-]{1,500}", re.ASCII)

Exists = Callable[[str], bool]
"""Whether a release of this tag exists where releases are published."""


@dataclass(frozen=True)
class ReleasePlan:
    """The next release.

    Attributes:
        build: whether firmware is to be built now.
        version: the champion. released: the version last released. tag: of the champion's release, made or to be made.
        reason: why, in one sentence.
        name: the registered model.
        unrecorded: whether that release exists but is not recorded in the registry: ``claim`` records it.
    """

    build: bool
    reason: str
    name: str
    version: int | None = None
    tag: str | None = None
    released: int | None = None
    unrecorded: bool = False

    def lines(self) -> str:
        """``key=value`` lines; None is empty. Values are numbers, booleans, names and tags, which a shell can read.

        Raises:
            RegistryError: a value could be taken for more than a value.
        """
        shown = {key: value for key, value in asdict(self).items() if key != "reason"}
        return "".join(f"{key}={_shown(key, value)}\n" for key, value in shown.items())


class Releases:
    """The releases of one registered model.

    Args:
        name: of an edge model.
        exists: called with the champion's tag, so that a release that was made but not recorded is not made again.
    """

    def __init__(self, name: str, registry: str | None = None, exists: Exists | None = None) -> None:
        self.champion = Champion(name, registry)
        self.name = self.champion.name
        self.registry = self.champion.registry
        self.exists = exists or (lambda tag: False)

    def plan(self) -> ReleasePlan:
        """Compare the champion with the last release; changes nothing.

        Raises:
            RefusedError: the champion does not pass the checks.
            RegistryError: the registry does not answer.
        """
        return self._plan(self._find())[0]

    def claim(self, who: str) -> ReleasePlan:
        """``plan``, and claim what is to be built: ``build`` is true for one caller only.

        That caller ends with ``record`` or ``fail``; after six hours the claim expires.
        """
        _claimant(who)
        version = self._find()
        plan, ledger = self._plan(version, who)
        if version is None or ledger is None:
            return plan
        self.champion.remember(version)
        if plan.tag and self.exists(plan.tag) and RELEASE not in version.tags:
            self._tag(version, plan.tag, None)
            with registry_errors(self.registry, AGAIN):
                ledger.settle(plan.tag)
            return self._plan(self._find())[0]
        if not plan.build:
            return plan
        with registry_errors(self.registry, AGAIN):
            won = ledger.claim(who)
        return plan if won else replace(plan, build=False, reason=f"{version}: another caller has just claimed it")

    def record(self, number: int, who: str, url: str) -> str:
        """Record that ``who`` released version ``number`` at ``url``; returns the release's tag.

        Raises:
            RegistryError: ``who`` has no claim on it.
        """
        _claimant(who)
        if not LINK.fullmatch(url):
            raise RegistryError(f"{url[:100]!r}: not a release's address")
        version = find(f"models:/{self.name}/{number}", self.champion.client, self.registry)
        tag = release_tag(version)
        with registry_errors(self.registry, AGAIN):
            Ledger(self.champion.client, version.run_id).finish(who, tag)
        self._tag(version, tag, url)
        return tag

    def fail(self, number: int, who: str) -> None:
        """Give up a claim, so that the next ``claim`` can get the version.

        Raises:
            RegistryError: ``who`` has no claim on it.
        """
        version = find(f"models:/{self.name}/{number}", self.champion.client, self.registry)
        with registry_errors(self.registry, AGAIN):
            Ledger(self.champion.client, version.run_id).fail(_claimant(who))

    def _find(self) -> Version | None:
        if self.champion.version() is None:
            return None
        return find(f"models:/{self.name}@{CHAMPION}", self.champion.client, self.registry)

    def _plan(self, version: Version | None, who: str | None = None) -> tuple[ReleasePlan, Ledger | None]:
        if version is None:
            reason = f"no version of {self.name} has the alias {CHAMPION}"
            return ReleasePlan(False, reason, self.name, released=self._released()), None
        ledger, tag = Ledger(self.champion.client, version.run_id), release_tag(version)
        with registry_errors(self.registry, AGAIN):
            done, holder = ledger.done(), ledger.holder()

        def planned(build: bool, reason: str, unrecorded: bool = False) -> tuple[ReleasePlan, Ledger]:
            reason, released = f"{version} {reason}", self._released()
            return ReleasePlan(build, reason, self.name, version.number, tag, released, unrecorded), ledger

        if done and not is_release_of(done, self.name):
            raise RegistryError(f"{version}: its run records a release that is not of {self.name}: {plain(done)!r}")
        if done:
            return planned(False, f"is released as {done}")
        if self.exists(tag):
            return planned(False, f"is released as {tag}, but that is not recorded: run dlnet release claim", True)
        blockers = release_blockers(version, self.registry)
        if blockers:
            raise RefusedError(f"{version} is champion and is not released: {'; '.join(blockers)}")
        if holder and holder.who != who:
            minutes = (time.time() - holder.when) / 60
            return planned(False, f"is being built by {holder.who} since {minutes:.0f} min")
        return planned(True, f"is to be built as {tag}")

    def _released(self) -> int | None:
        """The version last released."""
        with registry_errors(self.registry, AGAIN):
            versions = list(self.champion.client.search_model_versions(f"name = '{self.name}'", max_results=10_000))
        times = {int(version.version): version.tags[TIME] for version in versions if TIME in version.tags}
        return max(times, key=lambda number: times[number]) if times else None

    def _tag(self, version: Version, tag: str, url: str | None) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        tags = {RELEASE: tag, TIME: version.tags.get(TIME, now), **({URL: url} if url else {})}
        with registry_errors(self.registry, AGAIN):
            for key, value in tags.items():
                set_version_tag(self.champion.client, self.name, version.number, key, value)


def _claimant(who: str) -> str:
    if not CLAIMANT.fullmatch(who):
        raise RegistryError(f"{who[:80]!r}: not a claimant; use up to 64 of A-Z, a-z, 0-9, dot, dash and underscore")
    return who


def _shown(key: str, value: object) -> str:
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    if not OUTPUT.fullmatch(text):
        raise RegistryError(f"{key} is {repr(text)[:80]}, which cannot be a line of an output file; rename it")
    return text
