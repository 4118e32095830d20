"""Alias ``champion`` of a registered model: set after the checks, removed, or set back to an earlier version.

Each command checks first, then writes its tags, and changes the alias last. So one that was killed is taken up by
running it again: until the alias is changed, it finds the same champion and chooses the same version.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dlnet.errors import RefusedError, RegistryError
from dlnet.registry.client import connect, registry_errors, set_alias, set_version_tag, tracking_uri
from dlnet.registry.fetch import Version, find
from dlnet.registry.names import CHAMPION, VERSION, edge_name, parse_uri
from dlnet.release.blockers import release_blockers

if TYPE_CHECKING:
    from dlnet.registry.client import MlflowClient

PROMOTED, WITHDRAWN = "dlnet.promoted", "dlnet.withdrawn"  # tags: when a version became champion, and was rolled back
AGAIN = "run the command again"


@dataclass(frozen=True)
class Change:
    """Result of a command: champion before and after, as versions; None where there is none."""

    before: int | None
    after: int | None


class Champion:
    """The alias of one registered model; those of other models are neither read nor changed.

    Args:
        name: of an edge model.

    Raises (all methods):
        RegistryError: the registry does not answer, or has no such version; no edge model has this name.
    """

    def __init__(self, name: str, registry: str | None = None) -> None:
        self.name = edge_name(name)
        self.registry = registry or tracking_uri()
        self.client: MlflowClient = connect(self.registry)

    def version(self) -> int | None:
        """The version that has the alias."""
        with registry_errors(self.registry, AGAIN):
            models = self.client.search_registered_models(f"name = '{self.name}'")
            holder = models[0].aliases.get(CHAMPION) if models else None
        return int(holder) if holder is not None else None

    def promote(self, version: str) -> Change:
        """Set the alias to a version, named by its number or by another alias such as ``candidate``.

        Raises:
            RefusedError: the version does not pass the checks; nothing was changed.
        """
        uri = f"models:/{self.name}/{version}" if VERSION.fullmatch(version) else f"models:/{self.name}@{version}"
        return self._promote(find(_checked(uri), self.client, self.registry))

    def demote(self) -> Change:
        """Remove the alias; releases stay."""
        before = self.version()
        if before is None:
            raise RegistryError(f"{self.name}: no version has the alias {CHAMPION}; nothing to do")
        with registry_errors(self.registry, AGAIN):
            self._tag(before, WITHDRAWN)
            set_alias(self.client, self.name, CHAMPION, None)
        return Change(before, None)

    def rollback(self) -> Change:
        """Set the alias back to the previous champion.

        Raises:
            RefusedError: that version does not pass the checks; nothing was changed.
        """
        now = self.version()
        target = find(f"models:/{self.name}/{self._previous(now)}", self.client, self.registry)
        self._check(target)
        with registry_errors(self.registry, AGAIN):
            if now is not None:
                self._tag(now, WITHDRAWN)
            self._tag(target.number, PROMOTED)
            set_alias(self.client, self.name, CHAMPION, target.number)
        return Change(now, target.number)

    def remember(self, version: Version) -> None:
        """Record that a version is champion, so that ``rollback`` finds it; also one set in the UI."""
        if PROMOTED not in version.tags or WITHDRAWN in version.tags:
            with registry_errors(self.registry, AGAIN):
                self._stamp(version)

    def _promote(self, version: Version) -> Change:
        self._check(version)
        before = self.version()
        if before == version.number:
            self.remember(version)
            return Change(before, before)
        with registry_errors(self.registry, AGAIN):
            self._stamp(version)
            set_alias(self.client, self.name, CHAMPION, version.number)
        return Change(before, version.number)

    def _check(self, version: Version) -> None:
        blockers = release_blockers(version, self.client, self.registry)
        if blockers:
            raise RefusedError(f"{version} is not promoted: {'; '.join(blockers)}")

    def _previous(self, now: int | None) -> int:
        """The version that was champion before ``now`` and was not rolled back from.

        One with a later stamp than the champion's was to be promoted and never was: that command was killed. The stamp
        counts for nothing while a rollback from the champion is under way, as that stamps its target.
        """
        with registry_errors(self.registry, AGAIN):
            versions = self.client.search_model_versions(f"name = '{self.name}'", max_results=10_000)
        tags = {int(version.version): version.tags for version in versions}
        current = tags.get(now, {}) if now is not None else {}
        until = None if WITHDRAWN in current else current.get(PROMOTED)
        earlier = {
            number: own[PROMOTED]
            for number, own in tags.items()
            if number != now and PROMOTED in own and WITHDRAWN not in own and (until is None or own[PROMOTED] < until)
        }
        if not earlier:
            advice = f"name a version: dlnet promote models:/{self.name}/VERSION"
            raise RegistryError(f"{self.name}: no earlier champion is recorded; {advice}")
        return max(earlier, key=lambda number: earlier[number])

    def _stamp(self, version: Version) -> None:
        """Record a promotion; the stamp first, so that a version that was withdrawn never looks like an earlier one."""
        self._tag(version.number, PROMOTED)
        if WITHDRAWN in version.tags:
            self.client.delete_model_version_tag(self.name, str(version.number), WITHDRAWN)

    def _tag(self, version: int, name: str) -> None:
        set_version_tag(self.client, self.name, version, name, datetime.now(UTC).isoformat(timespec="milliseconds"))


def _checked(uri: str) -> str:
    parse_uri(uri)
    return uri
