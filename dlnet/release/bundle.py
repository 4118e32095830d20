"""A bundle: one signed file with all that a build needs of a version, for a build that has no route to the registry.

It is a plain tar archive. Its first member, ``bundle.json``, is a signed document that says which version it is, which
security counter its release has, and the SHA-256 of all the bytes that follow. They are the version's own signed
statement, with the figures of gate and budget, and its files. Nothing behind the first member is parsed before the
signature and that SHA-256 are checked. The same version and counter signed with the same key give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from dlnet.errors import SignatureError, UntrustedError
from dlnet.export.edge import MOST_COUNTER
from dlnet.registry.artefacts import FOLDER, MAX_FILE, Entry
from dlnet.registry.fetch import CONTENT, Version
from dlnet.registry.names import edge_name, plain
from dlnet.registry.signature import BUNDLE, MOST, Publishers, Signer
from dlnet.registry.statement import SIGNED, Sha256, SignedDocument, Statement

HEAD = "bundle.json"
MAX_BUNDLE = 32 << 20  # bytes; the files of a version are well under 1 MB
BLOCK = tarfile.BLOCKSIZE
MEMBERS = CONTENT | {SIGNED}


class BundleHead(SignedDocument):
    """The signed document of a bundle: version ``number`` of the registered model ``name``, counter of its release.

    Attributes:
        size, sha256: of the archive that follows.
    """

    called: ClassVar[str] = "its head"
    format: Literal["dlnet-bundle/1"] = "dlnet-bundle/1"
    name: str
    number: Annotated[int, Field(ge=1, le=999_999_999)]
    counter: Annotated[int, Field(ge=1, le=MOST_COUNTER)]
    size: Annotated[int, Field(ge=1, le=MAX_BUNDLE)]
    sha256: Sha256


@dataclass(frozen=True)
class Bundle:
    """A bundle that a publisher signed; as a store, its files are checked like those of a registry.

    Attributes:
        version: with the tags that were signed. counter: security counter of the release to be made.
        members: content by name: the statement ``signed.json``, and the version's files.
    """

    version: Version
    counter: int
    members: Mapping[str, bytes]

    def entries(self) -> list[Entry]:
        """See ``dlnet.registry.artefacts.Store``."""
        return [Entry(_path(name), len(content)) for name, content in sorted(self.members.items())]

    def read(self, path: str) -> bytes:
        """See ``dlnet.registry.artefacts.Store``."""
        return self.members[path.rpartition("/")[2]]


def make_bundle(name: str, number: int, counter: int, members: Mapping[str, bytes], signer: Signer) -> bytes:
    """The bytes of a bundle.

    Args:
        members: the statement ``signed.json`` of the version, and its files.
    """
    archive = _archive(members)
    head = BundleHead(
        name=name, number=number, counter=counter, size=len(archive), sha256=hashlib.sha256(archive).hexdigest()
    )
    return _member(HEAD, signer.sign(head.payload, BUNDLE)) + archive


def open_bundle(content: bytes, known: Publishers, what: str) -> Bundle:
    """Check a bundle, then read it.

    Raises:
        SignatureError: no publisher signed it, or it was changed since. RegistryError: it is of no edge model.
        UntrustedError: it is no bundle, or holds what ``dlnet release bundle`` never writes.
    """
    envelope, archive = _split(content, what)
    head = BundleHead.parse(known.verified(envelope, what, BUNDLE), what)
    if (len(archive), hashlib.sha256(archive).hexdigest()) != (head.size, head.sha256):
        raise SignatureError(f"{what}: was changed after it was signed; fetch it again")
    members = _members(archive, what)
    statement = Statement.parse(known.verified(members[SIGNED], what), what)
    version = Version(edge_name(head.name), head.number, statement.tags, what)
    return Bundle(version, head.counter, members)


def _split(content: bytes, what: str) -> tuple[bytes, bytes]:
    """The signed head and the bytes that follow; of the archive only the first header is read."""
    try:
        first = tarfile.TarInfo.frombuf(content[:BLOCK], "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError) as error:
        raise UntrustedError(f"{what}: not a bundle; dlnet release bundle writes one") from error
    if (first.name, first.type) != (HEAD, tarfile.REGTYPE) or not 0 < first.size <= MOST:
        raise UntrustedError(f"{what}: does not begin with {HEAD}; dlnet release bundle writes a bundle")
    end = BLOCK + first.size
    return content[BLOCK:end], content[end + -end % BLOCK :]


def _members(archive: bytes, what: str) -> dict[str, bytes]:
    """Name -> content of every member.

    Raises:
        UntrustedError: one is no plain file of a known name, stands twice or is too large, or there is anything else.
    """
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as stream:
            for info in stream:
                _check(info, members, what)
                content = stream.extractfile(info)
                members[info.name] = content.read() if content else b""
    except (tarfile.TarError, UnicodeDecodeError) as error:
        raise UntrustedError(f"{what}: the archive in it is damaged; refused") from error
    if SIGNED not in members:
        raise UntrustedError(f"{what}: holds no {SIGNED}; refused")
    if _archive(members) != archive:  # so nothing is hidden behind the end, in other headers or between the members
        raise UntrustedError(f"{what}: the archive in it is not as dlnet release bundle writes it; refused")
    return members


def _check(info: tarfile.TarInfo, members: Mapping[str, bytes], what: str) -> None:
    shown = plain(info.name)[:100]
    if info.type != tarfile.REGTYPE or info.sparse is not None:
        raise UntrustedError(f"{what}: {shown!r} is not a plain file; refused")
    if info.name not in MEMBERS:
        raise UntrustedError(f"{what}: {shown!r} is a file that the pipeline does not publish; refused")
    if info.name in members:
        raise UntrustedError(f"{what}: {shown!r} stands twice; refused")
    if info.size > MAX_FILE:
        raise UntrustedError(f"{what}: {shown!r} has {info.size:,} bytes, over {MAX_FILE:,}; refused")


def _archive(members: Mapping[str, bytes]) -> bytes:
    """A tar archive of some files: sorted, without times and owners."""
    blocks = b"".join(_member(name, members[name]) for name in sorted(members))
    return blocks + bytes(2 * BLOCK)


def _member(name: str, content: bytes) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    return info.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % BLOCK)


def _path(name: str) -> str:
    return name if name == SIGNED else f"{FOLDER}/{name}"
