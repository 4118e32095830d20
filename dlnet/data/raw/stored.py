"""What a table of cycles says of the time series it was made from: it stands in the metadata of its Parquet file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import ValidationError

from dlnet.data.features import ChargeWindow
from dlnet.data.findings import Finding
from dlnet.documents import Document
from dlnet.errors import DataError
from dlnet.files import printable

KEY = b"dlnet-cycles"
"""Key in the metadata: JSON with the window of the features and the findings."""


class _About(Document):
    window: dict[str, float] | None = None
    findings: tuple[Finding, ...]


def about(window: ChargeWindow | None, findings: Sequence[Finding]) -> dict[bytes, bytes]:
    """The metadata of a table of cycles."""
    content = {
        "window": None if window is None else asdict(window),
        "findings": [finding.model_dump(mode="json") for finding in findings],
    }
    return {KEY: json.dumps(content, sort_keys=True).encode()}


def stored_findings(path: Path, metadata: Mapping[bytes, bytes]) -> tuple[Finding, ...]:
    """Findings about the time series behind a table; none where it was not made of them.

    Raises:
        DataError: they cannot be read; names the file.
    """
    if KEY not in metadata:
        return ()
    try:
        return _About.model_validate_json(metadata[KEY]).findings
    except ValidationError as error:
        name = printable(str(path))
        raise DataError(f"{name}: damaged notes of its conversion; run dlnet data cycles again") from error
