"""The folder that a sketch is built with: ``model_data.h``, and the document that its SHA-256 is of."""

from __future__ import annotations

from pathlib import Path

from dlnet.export.edge import DeviceModel
from dlnet.files import write_bytes, write_text
from dlnet.firmware.header import header

HEADER, DOCUMENT = "model_data.h", "model.json"


def write_bundle(model: DeviceModel, out: Path) -> None:
    """Write model_data.h and model.json; ``sha256sum model.json`` gives ``Model::sha256()``."""
    write_text(out / HEADER, header(model))
    write_bytes(out / DOCUMENT, model.document)
