"""Writes a version's files and lineage to a folder, so that later steps need neither the registry nor its token."""

from __future__ import annotations

import re
from pathlib import Path

from dlnet.errors import RefusedError
from dlnet.export.documents import VersionRecord
from dlnet.export.saved import VERSION
from dlnet.outputs import replaced_dir
from dlnet.registry.client import connect, tracking_uri
from dlnet.registry.fetch import Version, fetch, find
from dlnet.registry.names import edge_name, parse_uri, plain
from dlnet.release.blockers import release_blockers

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
    tags = {key: plain(value) for key, value in version.tags.items() if TAG.fullmatch(key)}
    with replaced_dir(out, COMMAND) as folder:
        fetch(version, folder, registry=registry)
        VersionRecord(name=version.name, number=version.number, tags=tags).write(folder / VERSION)
    return version
