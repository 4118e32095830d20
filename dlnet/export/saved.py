"""An edge model as a saved model: one folder with its spec, front end, LiteRT files and golden vectors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from dlnet.data.encode import Encoder
from dlnet.data.encoder_check import check_encoder
from dlnet.data.windows import Floats, Histories, Singles
from dlnet.errors import ModelError
from dlnet.export.bounds import ANCHOR_LIMIT
from dlnet.export.codec_bounds import check_codec
from dlnet.export.documents import VersionRecord
from dlnet.export.edge import LOCAL, DeviceModel, make_model
from dlnet.export.golden import save_golden
from dlnet.export.layout import Spec
from dlnet.export.litert import EdgeFiles
from dlnet.export.reference import Int16s, Int32s, predict_reference, quantise_anchor, quantise_inputs
from dlnet.export.spec import load_spec, save_spec
from dlnet.files import read_bytes, read_tensors, write_bytes
from dlnet.models.document import FILE, Facts, ForecastErrors, ModelDocument, read_document

SPEC, GOLDEN, STEP, HEAD = "spec.json", "golden.safetensors", "step.tflite", "head.tflite"
VERSION = "version.json"  # in a folder from the registry: name, number, tags
GOLDEN_WINDOWS = 2  # stored in the header; the other windows of the self test are generated on the device


class EdgeDocument(ModelDocument):
    """``model.json`` of an edge model; ``validation``: errors of the integer reference."""

    kind: Literal["edge"] = "edge"
    encoder: Encoder


@dataclass(frozen=True)
class SavedEdge:
    """An edge model opened from its folder; ``device`` is what firmware is made from."""

    document: EdgeDocument
    device: DeviceModel
    folder: Path

    @property
    def window(self) -> int:
        """Rows that it reads."""
        return self.device.encoder.window

    @property
    def horizon(self) -> int:
        """Rows ahead."""
        return self.device.spec.horizon

    @property
    def features(self) -> tuple[str, ...]:
        """Features that it reads."""
        return self.device.encoder.features

    @property
    def remembers(self) -> bool:
        """Whether rows before the window are inputs: then ``predict`` reads ``Histories.life``."""
        return False

    @property
    def uses_target(self) -> bool:
        """Whether the health of past rows is an input."""
        return self.device.encoder.track == "with_target"

    @property
    def files(self) -> EdgeFiles:
        """The LiteRT graphs.

        Raises:
            DLNetError: a file is missing, or no plain file.
        """
        return EdgeFiles(read_bytes(self.folder / STEP), read_bytes(self.folder / HEAD))

    def predict(self, histories: Histories) -> Floats:
        """N windows -> (N, horizon) health, by the integer reference."""
        encoder, history = self.device.encoder, histories.last(self.window)
        z = encoder.encode_history(history.health, history.of(encoder.features))
        return predict_reference(self.device.spec, z, encoder.anchor_history(history.health))


def save_edge(
    folder: Path,
    name: str,
    facts: Facts,
    validation: ForecastErrors,
    encoder: Encoder,
    spec: Spec,
    files: EdgeFiles,
    golden: tuple[Singles, Singles],
) -> None:
    """Write the folder of an edge model.

    Args:
        facts: of the data it was trained on. validation: errors of the integer reference.
        golden: encoded windows (G, T, C) and anchors (G, 1) that golden vectors are made of.
    """
    write_bytes(folder / STEP, files.step)
    write_bytes(folder / HEAD, files.head)
    save_spec(folder / SPEC, spec)
    save_golden(folder / GOLDEN, spec, quantise_inputs(golden[0]), quantise_anchor(golden[1]))
    document = EdgeDocument(**dict(facts), name=name, validation=validation, encoder=encoder)
    document.write(folder / FILE)


def open_edge(folder: Path) -> SavedEdge:
    """Open the folder of an edge model.

    Raises:
        ModelError: a file is missing or damaged, or spec and encoder do not belong together.
    """
    document, spec = read_document(folder, EdgeDocument), load_spec(folder / SPEC)
    golden = _golden(folder / GOLDEN, spec)
    facts = document.clean, document.quantities
    try:
        check_encoder(document.encoder)
        device = make_model(document.name, spec, document.encoder, *facts, _version(folder / VERSION), golden)
        check_codec(device.codec)
    except ModelError as error:
        raise ModelError(f"{folder / FILE}: {error}") from error
    return SavedEdge(document, device, folder)


def _version(path: Path) -> str:
    if not path.is_file():
        return LOCAL
    version = VersionRecord.read(path)
    return f"{version.name}/{version.number}"


def _golden(path: Path, spec: Spec) -> tuple[Int16s, Int32s] | None:
    if not path.is_file():
        return None
    stored = read_tensors(path)
    if not {"input", "anchor"} <= set(stored):
        raise ModelError(f"{path}: has no golden vectors, only {', '.join(sorted(stored))}; run dvc repro")
    if not (stored["input"].ndim and stored["anchor"].ndim):
        raise ModelError(f"{path}: a number where golden vectors belong; run dvc repro")
    window, anchor = stored["input"][:GOLDEN_WINDOWS], stored["anchor"][:GOLDEN_WINDOWS]
    shapes = (len(window), spec.steps, spec.channels), (len(window),)
    if window.dtype != np.int16 or anchor.dtype != np.int32 or (window.shape, anchor.shape) != shapes:
        raise ModelError(f"{path}: windows of shape {window.shape} do not fit the spec; run dvc repro")
    if (np.abs(anchor.astype(np.int64)) > ANCHOR_LIMIT).any():
        raise ModelError(f"{path}: an anchor is above 2 in size; run dvc repro")
    return window, anchor
