"""Hands a champion over to GitHub as a signed bundle, for a registry that GitHub's runners do not reach.

Where the relay otherwise starts the workflow, and that asks the registry, this claims the release, makes the bundle,
stores it in a draft release and starts the workflow with it.
"""

from __future__ import annotations

import logging
import os
import time

from dlnet.errors import DLNetError, RefusedError, RegistryError, UntrustedError
from dlnet.registry.client import registry_errors
from dlnet.registry.signature import Signer
from dlnet.release.drafts import put_bundle
from dlnet.release.github import GitHub, GitHubError
from dlnet.release.pack import claimed_bundle
from dlnet.release.plan import Releases

EVENT = "bundle"  # the workflow listens for it
SERVER = "GITHUB_SERVER_URL"
AGAIN = "the message is kept and tried again"

log = logging.getLogger("dlnet.relay")


class Push:
    """Takes the place of ``GitHub`` in the relay: ``dispatch`` brings the bundle along.

    Args:
        model: the registered model whose champions are handed over.
    """

    def __init__(self, github: GitHub, model: str, signer: Signer) -> None:
        self.github = github
        self.model = model
        self.signer = signer

    @property
    def repository(self) -> str:
        """``owner/name``."""
        return self.github.repository

    def dispatch(self, version: int | None, delivery: str) -> None:
        """Hand the champion over, if it is to be released; a repeated delivery hands over the same bundle.

        Raises:
            GitHubError: it is to be tried again, or never (``lasting``).
        """
        try:
            self._hand_over(version, delivery)
        except GitHubError:
            raise
        except DLNetError as error:
            lasting = isinstance(error, RefusedError | UntrustedError) or not isinstance(error, RegistryError)
            raise GitHubError(str(error), lasting=lasting) from error

    def _hand_over(self, version: int | None, delivery: str) -> None:
        releases = Releases(self.model, exists=self.github.released)
        self._record(releases)
        plan, content = claimed_bundle(releases, f"push-{delivery}", self.signer)
        fields = {"delivery": delivery, "version": version, "reason": plan.reason}
        if content is None or plan.tag is None:
            log.info("nothing to push", extra={"fields": fields})
            return
        put_bundle(self.github, plan.tag, content)
        self.github.start(EVENT, {"tag": plan.tag, "delivery": delivery})
        log.info("pushed", extra={"fields": {**fields, "bytes": len(content)}})

    def _record(self, releases: Releases) -> None:
        """Record releases that the workflow has made since: it cannot, as it does not reach the registry."""
        with registry_errors(releases.registry, AGAIN):
            claims = releases.ledger.claims()
        server = os.environ.get(SERVER, "https://github.com")
        for claim in claims:
            if not claim.alive(time.time()) or not self.github.released(str(claim.tag)):
                continue
            url = f"{server}/{self.repository}/releases/tag/{claim.tag}"
            log.info("recorded", extra={"fields": {"tag": releases.record(claim.tag.version, claim.who, url)}})
