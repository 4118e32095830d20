"""What a publisher signs about a version: its name, its files, the results of gate and budget, where it comes from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, ValidationError

from dlnet.documents import Document
from dlnet.errors import SignatureError
from dlnet.registry.names import BUDGET, GATE, KEY, PASSED, plain, task_of_name

SIGNED = "signed.json"  # the envelope, beside MLflow's own files
SIGNED_BY = "dlnet.signed"  # tag of a version: the id of the key
SHA = "dlnet.sha256."
TAG_LENGTH = 5000
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class SignedDocument(Document):
    """A document that is signed as canonical JSON, so that one content has one form.

    Attributes:
        format: stated by each kind of document. called: name of the kind in messages.
    """

    format: str
    called: ClassVar[str]

    @property
    def payload(self) -> bytes:
        """The document as it is signed."""
        return json.dumps(self.content(), sort_keys=True, separators=(",", ":"), allow_nan=False).encode()

    @classmethod
    def parse(cls, payload: bytes, what: str) -> Self:
        """The document that was signed; ``what`` holds it.

        Raises:
            SignatureError: it has another form.
        """
        try:
            document = cls.model_validate_json(payload)
        except ValidationError as error:
            form = cls.model_fields["format"].default
            raise SignatureError(f"{what}: {cls.called} is not of format {form}; refused") from error
        if document.payload != payload:  # also a key that stands twice
            raise SignatureError(f"{what}: {cls.called} is not canonical JSON; refused")
        return document


class SignedFile(Document):
    """Size in bytes and SHA-256 of a file."""

    bytes: Annotated[int, Field(ge=0)]
    sha256: Sha256


class SignedResult(Document):
    """Result of gate or budget: the conditions that failed and those that hold, each with its figures."""

    reasons: tuple[str, ...]
    held: tuple[str, ...]


class Statement(SignedDocument):
    """The signed document. ``key``: hash of the content. ``lineage``: tags that say commit, data, its label, source.

    Attributes:
        name: registered model. gate, budget: None for a model without a gate.
    """

    called: ClassVar[str] = "the signed document"
    format: Literal["dlnet-signed/1"] = "dlnet-signed/1"
    name: str
    task: str
    key: Sha256
    files: dict[str, SignedFile]
    gate: SignedResult | None
    budget: SignedResult | None
    lineage: dict[str, str]

    @property
    def tags(self) -> dict[str, str]:
        """The tags of a version that say the same."""
        hashes = {f"{SHA}{name}": file.sha256 for name, file in self.files.items()}
        return {KEY: self.key, **hashes, **self.lineage, **result_tags(self.gate, self.budget)}

    def check(self, name: str, tags: Mapping[str, str], what: str) -> None:
        """Check that a version is the one that was signed.

        Raises:
            SignatureError: it has another name, or a tag says something else than what was signed.
        """
        if (self.name, self.task) != (name, task_of_name(name)):
            raise SignatureError(
                f"{what}: what is signed is {plain(self.name)!r} of task {plain(self.task)!r}; refused"
            )
        signed = self.tags
        extra = sorted({key for key in tags if key.startswith(SHA)} - signed.keys())
        for key in [*sorted(signed), *extra]:
            if tags.get(key) != signed.get(key):
                found, wanted = (plain(one.get(key, "absent"))[:80] for one in (tags, signed))
                raise SignatureError(f"{what}: tag {key} is {found!r}, signed was {wanted!r}; refused")


def result_tags(gate: SignedResult | None, budget: SignedResult | None) -> dict[str, str]:
    """Results of gate and budget as tags of a version."""
    tags: dict[str, str] = {}
    for name, result in ((GATE, gate), (BUDGET, budget)):
        if result is not None:
            tags[name] = "failed" if result.reasons else PASSED
            tags[f"{name}.reasons"] = "; ".join(result.reasons or result.held)[:TAG_LENGTH]
    return tags
