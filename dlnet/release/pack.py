"""Claims the release of the champion, and makes its bundle."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from dlnet.errors import SignatureError
from dlnet.files import read_bytes
from dlnet.registry.artefacts import MAX_FILE
from dlnet.registry.fetch import fetch, find
from dlnet.registry.signature import KEY_VARIABLE, PUBLISHERS, Signer, check_publisher, publishers, signer
from dlnet.release.bundle import make_bundle
from dlnet.release.plan import ReleasePlan, Releases


def bundle_signer() -> Signer:
    """The key in ``DLNET_SIGNING_KEY``, with which bundles are signed.

    Raises:
        SignatureError: it is not set, or not that of a committed publisher.
    """
    known, own = publishers(), signer()
    if known is None:
        raise SignatureError(f"{PUBLISHERS}: no such file; a bundle is only read where its publisher is committed")
    check_publisher(own, known)
    if own is None:
        raise SignatureError(f"{KEY_VARIABLE}: is not set; a bundle is signed")
    return own


def claimed_bundle(releases: Releases, who: str, signer: Signer) -> tuple[ReleasePlan, bytes | None]:
    """Claim the release of the champion, so that its counter is used by nobody else, and make its bundle.

    Args:
        who: the claimant; asking again with the same one gives the same bundle.

    Returns:
        The plan, and the bundle, or None if there is nothing to build.

    Raises:
        As ``Releases.claim`` and ``fetch``.
    """
    plan = releases.claim(who)
    if not plan.build or plan.version is None or plan.counter is None:
        return plan, None
    uri = f"models:/{plan.name}/{plan.version}"
    version = find(uri, releases.champion.client, releases.registry)
    with tempfile.TemporaryDirectory(prefix="dlnet-") as folder:
        fetch(version, Path(folder), releases.registry)
        members = dict(_files(Path(folder)))
    return plan, make_bundle(plan.name, plan.version, plan.counter, members, signer)


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.iterdir():
        yield path.name, read_bytes(path, MAX_FILE)
