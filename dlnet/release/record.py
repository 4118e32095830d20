"""``release.json`` of a release: its tag, the version and security counter that the firmware carries, its files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from dlnet.documents import Document
from dlnet.export.edge import MOST_COUNTER, NO_COUNTER, DeviceModel
from dlnet.files import sha256
from dlnet.registry.statement import Sha256, SignedFile

RECORD = "release.json"


class ReleaseRecord(Document):
    """release.json.

    Attributes:
        tag: of the release. version: as the board reports it, ``NAME/NUMBER`` or ``local``. counter: security counter,
            0 for what is no release. sha256: of the model, as the board reports it. files: all others of the release.
    """

    format: Literal["dlnet-release/1"] = "dlnet-release/1"
    tag: str
    task: str
    model: str
    version: str
    counter: Annotated[int, Field(ge=NO_COUNTER, le=MOST_COUNTER)]
    sha256: Sha256
    files: dict[str, SignedFile]


def release_record(tag: str, model: DeviceModel, folder: Path) -> ReleaseRecord:
    """The record of a release whose other files are in ``folder``."""
    return ReleaseRecord(
        tag=tag,
        task=model.quantities.name,
        model=model.name,
        version=model.version,
        counter=model.counter,
        sha256=model.sha256,
        files={
            path.name: SignedFile(bytes=path.stat().st_size, sha256=sha256(path)) for path in sorted(folder.iterdir())
        },
    )
