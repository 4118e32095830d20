"""The folder that a sketch is built with: ``model_data.h``, and the document that its SHA-256 is of."""

from __future__ import annotations

from pathlib import Path

from dlnet.config.clean import CleanParams
from dlnet.export.edge import DeviceModel, load_model
from dlnet.files import write_bytes, write_text
from dlnet.firmware.header import header

HEADER, DOCUMENT = "model_data.h", "model.json"
FILES = ("spec.json", "student.json", "golden.safetensors")


def write_bundle(model: DeviceModel, out: Path) -> None:
    """Write model_data.h and model.json; ``sha256sum model.json`` gives ``Model::sha256()``."""
    write_text(out / HEADER, header(model))
    write_bytes(out / DOCUMENT, model.document)


def load_any(name: str, clean: CleanParams) -> DeviceModel:
    """A model by its folder, or by its name in the registry (``models:/NAME@ALIAS``, ``models:/NAME/VERSION``).

    Raises:
        ModelError: nothing there that firmware can be made of. RegistryError: the registry refuses or is damaged.
    """
    if not name.startswith("models:/"):
        return load_model(Path(name), clean)
    from dlnet.registry.fetch import fetched

    with fetched(name, FILES) as files:
        return load_model(files.folder, clean, f"{files.version.name}/{files.version.number}")
