"""Plans a release: the champion, if it passes the checks and is neither the last release nor being built.

A rollback is a release of its own: an earlier version that is champion again is built again with a higher counter, so
that a device which refuses lower counters takes it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from dlnet.errors import RefusedError, RegistryError
from dlnet.registry.client import TRIES, registry_errors, set_version_tag
from dlnet.registry.fetch import Version, find
from dlnet.registry.names import CHAMPION, KEY
from dlnet.registry.pointers import existing_version
from dlnet.release.blockers import release_blockers
from dlnet.release.ledger import CLAIMANT, Claim, Ledger, holder, last_done
from dlnet.release.promote import AGAIN, Champion
from dlnet.release.tags import Tag, parse_tag, release_tag

RELEASE, URL, TIME, COUNTER = (
    "dlnet.release",
    "dlnet.release.url",
    "dlnet.release.time",
    "dlnet.release.counter",
)  # tags of a released version: its last release
MOST = 10  # claims of a version that are looked up where releases are published
OUTPUT = re.compile(r"[A-Za-z0-9._/-]*", re.ASCII)  # a line end in a value would be another key of a workflow
LINK = re.compile(r"https?://[A-Za-z0-9./_~:%-]{1,500}", re.ASCII)

Exists = Callable[[str], bool]
"""Whether a release of this tag exists where releases are published."""


@dataclass(frozen=True)
class ReleasePlan:
    """The next release.

    Attributes:
        build: whether firmware is to be built now.
        version: the champion. counter: security counter of the champion's release, made or to be made: higher than that
            of every earlier claim and release of this registered model. tag: of that release.
        released: the version last released.
        reason: why, in one sentence.
        name: the registered model.
        unrecorded: whether that release exists but is not recorded in the registry: ``claim`` records it.
    """

    build: bool
    reason: str
    name: str
    version: int | None = None
    counter: int | None = None
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


TagCheck = Callable[[str], None]
"""Raises RefusedError if a release cannot have this tag."""


class Releases:
    """The releases of one registered model.

    Args:
        name: of an edge model.
        exists: called with tags of the champion, so that a release that was made but not recorded is not made again.
        check_tag: called with the tag of a release that is to be built, before it is built.
    """

    def __init__(
        self, name: str, registry: str | None = None, exists: Exists | None = None, check_tag: TagCheck | None = None
    ) -> None:
        self.champion = Champion(name, registry)
        self.name = self.champion.name
        self.registry = self.champion.registry
        self.exists = exists or (lambda tag: False)
        self.check_tag = check_tag or (lambda tag: None)
        self.ledger = Ledger(self.champion.client, self.registry, self.name)

    def plan(self) -> ReleasePlan:
        """Compare the champion with the last release; changes nothing.

        Raises:
            RefusedError: the champion does not pass the checks, or its release cannot have its tag.
            RegistryError: the registry does not answer, or what releases need was deleted there.
        """
        return self._plan(self._find())

    def claim(self, who: str) -> ReleasePlan:
        """``plan``, and claim what is to be built: ``build`` is true for one caller only.

        That caller ends with ``record`` or ``fail``; after six hours the claim expires. If the alias was changed while
        the claim was made, the claim is given up and made for the new champion.

        Raises:
            RegistryError: also if the alias was changed ``TRIES`` times.
        """
        _claimant(who)
        for _ in range(TRIES):
            version = self._find()
            plan = self._claim(version, who)
            now = self.champion.version()
            if now == (version.number if version else None):
                return plan
            tag = parse_tag(plan.tag or "")
            if plan.build and tag:  # claimed for a version that is not champion any more
                with registry_errors(self.registry, AGAIN):
                    self.ledger.fail(tag)
        raise RegistryError(f"{self.name}: alias {CHAMPION} was changed {TRIES} times meanwhile; {AGAIN}")

    def record(self, number: int, who: str, url: str) -> str:
        """Record that ``who`` released version ``number`` at ``url``; returns the release's tag.

        The ledger has it also if the version, its run or its logged model was deleted since it was claimed.

        Raises:
            RegistryError: ``who`` has no claim on it.
        """
        _claimant(who)
        if not LINK.fullmatch(url):
            raise RegistryError(f"{url[:100]!r}: not a release's address")
        claim = self._claim_of(number, who)
        with registry_errors(self.registry, AGAIN):
            self.ledger.finish(claim.tag, who)
        self._tag(claim.tag, url)
        return str(claim.tag)

    def fail(self, number: int, who: str) -> None:
        """Give up a claim, so that the next ``claim`` can get the version.

        Raises:
            RegistryError: ``who`` has no claim on it.
        """
        claim = self._claim_of(number, _claimant(who))
        if claim.done:
            raise RegistryError(
                f"{self.name} version {number}: {who} has released it as {claim.tag}; nothing to give up"
            )
        with registry_errors(self.registry, AGAIN):
            self.ledger.fail(claim.tag)

    def _find(self) -> Version | None:
        number = self.champion.version()
        if number is None:
            return None
        return find(f"models:/{self.name}/{number}", self.champion.client, self.registry)

    def _claim(self, version: Version | None, who: str) -> ReleasePlan:
        plan = self._plan(version, who)
        if version is None:
            return plan
        self.champion.remember(version)
        tag = parse_tag(plan.tag or "")
        if tag and plan.unrecorded:
            with registry_errors(self.registry, AGAIN):
                self.ledger.finish(tag, who)
            self._tag(tag, None)
            return self._plan(version)
        if not tag or not plan.build:
            return plan
        with registry_errors(self.registry, AGAIN):
            won = self.ledger.claim(who, tag)
        return plan if won else replace(plan, build=False, reason=f"{version}: another caller has just claimed {tag}")

    def _plan(self, version: Version | None, who: str | None = None) -> ReleasePlan:
        claims = self._claims()
        last = last_done(claims)
        released = last.version if last else None
        if version is None:
            reason = f"no version of {self.name} has the alias {CHAMPION}"
            return ReleasePlan(False, reason, self.name, released=released)
        tag = release_tag(version, self._next(claims))

        def planned(build: bool, reason: str, tag: Tag = tag, unrecorded: bool = False) -> ReleasePlan:
            reason = f"{version} {reason}"
            return ReleasePlan(build, reason, self.name, version.number, tag.counter, str(tag), released, unrecorded)

        if last and last.same_version(tag):
            return planned(False, f"is released as {last}", last)
        made = self._unrecorded(claims, tag)
        if made:
            return planned(
                False, f"is released as {made}, but that is not recorded: run dlnet release claim", made, True
            )
        blockers = release_blockers(version, self.champion.client, self.registry)
        if blockers:
            raise RefusedError(f"{version} is champion and is not released: {'; '.join(blockers)}")
        held = holder(claims, tag)
        if held and held.who != who:
            minutes = (time.time() - held.when) / 60
            return planned(False, f"is being built by {held.who} since {minutes:.0f} min", held.tag)
        wanted = held.tag if held else tag
        self.check_tag(str(wanted))
        return planned(True, f"is to be built as {wanted}", wanted)

    def _claims(self) -> tuple[Claim, ...]:
        with registry_errors(self.registry, AGAIN):
            return self.ledger.claims()

    def _claim_of(self, number: int, who: str) -> Claim:
        """The newest claim of ``who`` on a version: one that holds, or one that is done."""
        claims = [claim for claim in self._claims() if claim.tag.version == number]
        mine = [claim for claim in claims if claim.who == who]
        if mine and (mine[-1].done or mine[-1].alive(time.time())):
            return mine[-1]
        others = [claim.who for claim in claims if claim.alive(time.time())]
        state = f"{others[-1]} holds it" if others else "there is no claim"
        raise RegistryError(
            f"{who} does not hold the claim on {self.name} version {number} ({state}); run dlnet release claim"
        )

    def _unrecorded(self, claims: Sequence[Claim], tag: Tag) -> Tag | None:
        """The newest release of a version that exists, was made after the last recorded one, and is not recorded."""
        last = last_done(tuple(claims))
        claimed = [
            claim.tag
            for claim in reversed(claims)
            if claim.tag.same_version(tag) and not (last and claim.tag.counter <= last.counter)
        ]
        return next((made for made in (tag, *claimed[:MOST]) if self.exists(str(made))), None)

    def _next(self, claims: Sequence[Claim]) -> int:
        """A counter above all that were used, also by a ledger that is lost: released versions are tagged with it."""
        with registry_errors(self.registry, AGAIN):
            versions = self.champion.client.search_model_versions(f"name = '{self.name}'", max_results=10_000)
        recorded = [parse_tag(version.tags.get(RELEASE, "")) for version in versions]
        used = [claim.tag.counter for claim in claims] + [tag.counter for tag in recorded if tag]
        return max(used, default=0) + 1

    def _tag(self, tag: Tag, url: str | None) -> None:
        """Write a release to the tags of its version, if nobody has deleted that version."""
        with registry_errors(self.registry, AGAIN):
            version = existing_version(self.champion.client, self.name, tag.version)
            if version is None or version.tags.get(KEY, "")[: len(tag.key)] != tag.key:
                return
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            made = version.tags.get(TIME, now) if version.tags.get(RELEASE) == str(tag) else now
            tags = {RELEASE: str(tag), TIME: made, COUNTER: str(tag.counter), **({URL: url} if url else {})}
            for key, value in tags.items():
                set_version_tag(self.champion.client, self.name, tag.version, key, value)


def _claimant(who: str) -> str:
    if not CLAIMANT.fullmatch(who):
        raise RegistryError(f"{who[:80]!r}: not a claimant; use up to 64 of A-Z, a-z, 0-9, dot, dash and underscore")
    return who


def _shown(key: str, value: object) -> str:
    text = "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    if not OUTPUT.fullmatch(text):
        raise RegistryError(f"{key} is {repr(text)[:80]}, which cannot be a line of an output file; rename it")
    return text
