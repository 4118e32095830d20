"""Signatures of registered models: Ed25519 over one document, in the envelope of DSSE (Dead Simple Signing Envelope).

The private key comes from the environment and is never stored. The public keys of all publishers are committed in
``mlflow/publishers.pem``: as soon as that file exists, only versions that one of them signed are read.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, ValidationError

from dlnet.errors import SignatureError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_VARIABLE = "DLNET_SIGNING_KEY"
PUBLISHERS = Path("mlflow/publishers.pem")  # below the project's folder
PAYLOAD: Final = "application/vnd.dlnet-signed+json"  # a statement about a version
BUNDLE: Final = "application/vnd.dlnet-bundle+json"  # the head of a bundle
Kind = Literal["application/vnd.dlnet-signed+json", "application/vnd.dlnet-bundle+json"]
MOST = 256 << 10  # bytes of an envelope, of a private key, and of the file of public keys
_PUBLIC = re.compile(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)
_MAKE = "make a pair with dlnet keys new"


class _Signature(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    keyid: str = Field(pattern=r"^[0-9a-f]{64}$")
    sig: Base64Bytes


class Envelope(BaseModel):
    """A signed document: its bytes, and one signature of them with the id of its key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    payloadType: Kind  # noqa: N815 - DSSE's name
    payload: Base64Bytes
    signatures: tuple[_Signature]  # one


@dataclass(frozen=True)
class Signer:
    """A publisher's private key. ``key_id``: SHA-256 (hex) of its public key, DER of SubjectPublicKeyInfo."""

    key_id: str
    private: Ed25519PrivateKey = field(repr=False)

    def sign(self, payload: bytes, kind: Kind = PAYLOAD) -> bytes:
        """The envelope of a document of one kind; the same document gives the same bytes."""
        signature = {"keyid": self.key_id, "sig": _text(self.private.sign(_encoded(payload, kind)))}
        envelope = {"payloadType": kind, "payload": _text(payload), "signatures": [signature]}
        return (json.dumps(envelope, indent=1, sort_keys=True) + "\n").encode()

    @property
    def publishers(self) -> Publishers:
        """Its public key alone, as if nobody else published."""
        return Publishers(KEY_VARIABLE, {self.key_id: self.private.public_key()})


@dataclass(frozen=True)
class Publishers:
    """Public keys by id, and the file that they are from."""

    source: str
    keys: Mapping[str, Ed25519PublicKey]

    def verified(self, envelope: bytes, what: str, kind: Kind = PAYLOAD) -> bytes:
        """The document of one kind in an envelope that one of the publishers signed.

        Raises:
            SignatureError: another form, an unknown key, or a signature that is not of these bytes.
        """
        from cryptography.exceptions import InvalidSignature

        parsed = _parsed(envelope, what)
        if parsed.payloadType != kind:
            raise SignatureError(f"{what}: what is signed is a document of another kind; refused")
        (signature,) = parsed.signatures
        public = self.keys.get(signature.keyid)
        if public is None:
            raise SignatureError(
                f"{what}: signed with key {signature.keyid[:16]}..., which is not among the publishers in {self.source}"
            )
        try:
            public.verify(signature.sig, _encoded(parsed.payload, kind))
        except InvalidSignature as error:
            raise SignatureError(f"{what}: the signature is not of this document; refused") from error
        return parsed.payload


def signer() -> Signer | None:
    """The key in ``DLNET_SIGNING_KEY``: PKCS #8 as PEM, or the same in base64. None if the variable is not set.

    Raises:
        SignatureError: it holds anything else; its content is not shown.
    """
    text = os.environ.get(KEY_VARIABLE, "").strip()
    return _signer(_private(text)) if text else None


def new_key(path: Path) -> Signer:
    """Make a private key, as a file of mode 600. An existing file is never touched.

    Raises:
        SignatureError: there is such a file.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private = Ed25519PrivateKey.generate()
    content = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        raise SignatureError(f"{path}: exists; a key is never overwritten, name another file") from error
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(handle)
    return _signer(private)


def public_pem(one: Signer) -> str:
    """The public key, as it stands in ``mlflow/publishers.pem``."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return one.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def publishers(path: Path = PUBLISHERS) -> Publishers | None:
    """The committed public keys; None if there is no such file. Text around the keys is comment.

    Raises:
        SignatureError: the file holds no key, or one that is not Ed25519.
    """
    if not path.exists():
        return None
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    text = path.read_bytes()[: MOST + 1].decode("ascii", "replace")
    blocks = _PUBLIC.findall(text)
    if not blocks or text.count("-----BEGIN") != len(blocks):
        raise SignatureError(f"{path}: must hold public keys in PEM and nothing else in PEM; {_MAKE}")
    keys = {}
    for number, block in enumerate(blocks, 1):
        try:
            key = load_pem_public_key(block.encode())
        except (ValueError, UnsupportedAlgorithm) as error:
            raise SignatureError(f"{path}: key {number} cannot be read; {_MAKE}") from error
        if not isinstance(key, Ed25519PublicKey):
            raise SignatureError(f"{path}: key {number} is not an Ed25519 key; {_MAKE}")
        keys[_key_id(key)] = key
    return Publishers(str(path), keys)


def check_publisher(one: Signer | None, known: Publishers | None) -> None:
    """Check, before anything is published, that what will be signed will be read.

    Raises:
        SignatureError: publishers are committed, and the key is not set or not one of theirs.
    """
    if known is None or (one and one.key_id in known.keys):
        return
    problem = f"its key {one.key_id[:16]}... is not in {known.source}" if one else "is not set"
    raise SignatureError(f"{KEY_VARIABLE}: {problem}; only versions signed by a publisher named there are read")


def _private(text: str) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key

    try:
        content = text.encode() if text.startswith("-----BEGIN") else base64.b64decode(text, validate=True)
        load = load_pem_private_key if content.startswith(b"-----BEGIN") else load_der_private_key
        key = load(content, None)
    except (ValueError, TypeError, binascii.Error, UnsupportedAlgorithm):
        # No cause: the library's message may hold a part of the key.
        raise SignatureError(f"{KEY_VARIABLE}: not an unencrypted private key in PKCS #8; {_MAKE}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SignatureError(f"{KEY_VARIABLE}: not an Ed25519 key; {_MAKE}")
    return key


def _signer(private: Ed25519PrivateKey) -> Signer:
    return Signer(_key_id(private.public_key()), private)


def _key_id(public: Ed25519PublicKey) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _parsed(envelope: bytes, what: str) -> Envelope:
    if len(envelope) > MOST:
        raise SignatureError(f"{what}: over {MOST:,} bytes; refused")
    try:
        return Envelope.model_validate_json(envelope)
    except ValidationError as error:
        raise SignatureError(f"{what}: not a signed document; refused") from error


def _encoded(payload: bytes, kind: Kind) -> bytes:
    """What is signed: DSSE's pre-authentication encoding, so that a document of one type is never taken for another."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
