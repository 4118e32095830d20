"""The document models/baselines/baselines.json."""

from __future__ import annotations

from pydantic import JsonValue

from dlnet.documents import Document, RootDocument
from dlnet.metrics import Errors


class BaselineRecord(Document):
    """One baseline.

    Attributes:
        bytes: on a device. bytes_in_library: of a forest as its library stores it.
        validation: errors on validation windows. chosen, tried: settings chosen on them, and all that were tried.
    """

    bytes: int
    bytes_in_library: int | None = None
    parameters: int
    uses_target: bool
    validation: Errors
    chosen: dict[str, JsonValue]
    tried: tuple[dict[str, JsonValue], ...]


class BaselineTable(RootDocument[dict[str, BaselineRecord]]):
    """Name -> baseline."""
