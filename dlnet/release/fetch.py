"""Writes a version's files and lineage to a folder, so that later steps need neither the registry nor its token.

They come from the registry, or from a bundle that was made where the registry is.
"""

from __future__ import annotations

import re
from pathlib import Path

from dlnet.errors import RefusedError, SignatureError, UntrustedError
from dlnet.export.documents import VersionRecord
from dlnet.export.saved import VERSION
from dlnet.files import read_bytes
from dlnet.outputs import replaced_dir
from dlnet.registry.client import connect, tracking_uri
from dlnet.registry.fetch import Fetched, Version, fetch, fetch_from, find
from dlnet.registry.names import edge_name, parse_uri, plain
from dlnet.registry.signature import PUBLISHERS, publishers
from dlnet.release.blockers import release_blockers, result_blockers
from dlnet.release.bundle import MAX_BUNDLE, open_bundle
from dlnet.release.plan import ReleasePlan
from dlnet.release.tags import release_tag

COMMAND = "dlnet release fetch"
TAG = re.compile(r"dlnet\.[A-Za-z0-9._-]{1,100}", re.ASCII)


def check_out(uri: str, out: Path) -> Version:
    """Write the files of ``models:/NAME@ALIAS`` or ``models:/NAME/VERSION`` to the folder ``out``.

    ``version.json`` beside them holds ``name``, ``number`` and the project's own ``tags``.

    Raises:
        RefusedError: the version did not pass its gate or budget. UntrustedError: it has unknown or changed files.
        RegistryError: there is none, it is no edge model, or the registry does not answer.
        OutputError: the folder holds something else than an earlier result.
    """
    edge_name(parse_uri(uri).name)
    registry = tracking_uri()
    client = connect(registry)
    version = find(uri, client, registry)
    blockers = release_blockers(version, client, registry)
    if blockers:
        raise RefusedError(f"{version} may not be released: {'; '.join(blockers)}")
    with replaced_dir(out, COMMAND) as folder:
        _record(fetch(version, folder, registry=registry))
    return version


def check_out_bundle(file: Path, out: Path) -> ReleasePlan:
    """Write the files of the version in a bundle to the folder ``out``, as ``check_out`` does; no registry is asked.

    Returns:
        The release to be made of it: version, tag, counter.

    Raises:
        SignatureError: no publisher is committed, or none signed the bundle.
        RefusedError: the version did not pass its gate or budget.
        UntrustedError: it is no bundle, or holds unknown or changed files.
        OutputError: the folder holds something else than an earlier result.
    """
    known = publishers()
    if known is None:
        raise SignatureError(f"{PUBLISHERS}: no such file; a bundle is only read if its publisher is committed there")
    if not file.is_file():
        raise UntrustedError(f"{file}: no such file; dlnet release bundle writes one")
    if file.stat().st_size > MAX_BUNDLE:
        raise UntrustedError(f"{file}: over {MAX_BUNDLE:,} bytes; refused")
    bundle = open_bundle(read_bytes(file, MAX_BUNDLE), known, str(file))
    version = bundle.version
    blockers = result_blockers(version)
    if blockers:
        raise RefusedError(f"{version} may not be released: {'; '.join(blockers)}")
    tag = release_tag(version, bundle.counter)
    with replaced_dir(out, COMMAND) as folder:
        _record(fetch_from(bundle, version, folder))
    return ReleasePlan(True, f"{version} is to be built as {tag}", version.name, version.number, tag.counter, str(tag))


def _record(fetched: Fetched) -> None:
    """Write ``version.json``. Where publishers are committed, its tags are those that were signed."""
    version = fetched.version
    tags = {key: plain(value) for key, value in version.tags.items() if TAG.fullmatch(key)}
    VersionRecord(name=version.name, number=version.number, tags=tags).write(fetched.folder / VERSION)
