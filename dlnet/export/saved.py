"""An edge model as a saved model: one folder with its spec, front end, LiteRT files and golden vectors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from dlnet.data.encode import Encoder
from dlnet.data.encoder_check import check_encoder
from dlnet.data.windows import Floats, Histories, Singles
from dlnet.errors import ModelError
from dlnet.export.bounds import ANCHOR_LIMIT
from dlnet.export.codec_bounds import check_codec
from dlnet.export.documents import VersionRecord
from dlnet.export.edge import LOCAL, DeviceModel, make_model
from dlnet.export.form_inputs import FormInputs
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
    """``model.json`` of an edge model; ``validation``: errors of the integer reference.

    ``form_inputs``: what the form reads, of a model that has one.
    """

    kind: Literal["edge"] = "edge"
    encoder: Encoder
    form_inputs: FormInputs | None = None


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
        inputs = self.device.form_inputs
        return inputs is not None and inputs.looks_back

    @property
    def uses_target(self) -> bool:
        """Whether the health of past rows is an input."""
        return self.device.encoder.track == "with_target"

    @property
    def files(self) -> EdgeFiles:
        """The LiteRT graphs of the network.

        Raises:
            DLNetError: a file is missing, or no plain file; a form without a network has none.
        """
        return EdgeFiles(read_bytes(self.folder / STEP), read_bytes(self.folder / HEAD))

    def predict(self, histories: Histories) -> Floats:
        """N windows -> (N, horizon) health, by the integer reference."""
        encoder, history = self.device.encoder, histories.last(self.window)
        z = encoder.encode_history(history.health, history.of(encoder.features))
        inputs = self.device.form_inputs
        x = None if inputs is None else inputs.of(histories, encoder)
        return predict_reference(self.device.spec, z, encoder.anchor_history(history.health), x)


def save_edge(
    folder: Path,
    name: str,
    facts: Facts,
    validation: ForecastErrors,
    encoder: Encoder,
    spec: Spec,
    files: EdgeFiles | None,
    golden: tuple[Singles, Singles],
    form: tuple[FormInputs, Int16s] | None = None,
) -> None:
    """Write the folder of an edge model.

    Args:
        facts: of the data it was trained on. validation: errors of the integer reference.
        files: the LiteRT graphs of the network; None of a form alone.
        golden: encoded windows (G, T, C) and anchors (G, 1) that golden vectors are made of.
        form: what the form reads, and its inputs (G, P) at these windows.
    """
    if files is not None:
        write_bytes(folder / STEP, files.step)
        write_bytes(folder / HEAD, files.head)
    inputs, x = (None, None) if form is None else form
    save_spec(folder / SPEC, spec)
    save_golden(folder / GOLDEN, spec, quantise_inputs(golden[0]), quantise_anchor(golden[1]), x)
    document = EdgeDocument(**dict(facts), name=name, validation=validation, encoder=encoder, form_inputs=inputs)
    document.write(folder / FILE)


def open_edge(folder: Path) -> SavedEdge:
    """Open the folder of an edge model.

    Raises:
        ModelError: a file is missing or damaged, or spec and encoder do not belong together.
    """
    document, spec = read_document(folder, EdgeDocument), load_spec(folder / SPEC)
    stored = _golden(folder / GOLDEN, spec)
    facts = document.clean, document.quantities
    try:
        check_encoder(document.encoder)
        version, inputs = _version(folder / VERSION), document.form_inputs
        golden, x = (None, None) if stored is None else ((stored.window, stored.anchor), stored.form)
        device = make_model(document.name, spec, document.encoder, *facts, version, golden, inputs, x)
        check_codec(device.codec)
    except ModelError as error:
        raise ModelError(f"{folder / FILE}: {error}") from error
    return SavedEdge(document, device, folder)


def _version(path: Path) -> str:
    if not path.is_file():
        return LOCAL
    version = VersionRecord.read(path)
    return f"{version.name}/{version.number}"


class _Golden(NamedTuple):
    """Golden windows (G, T, C), anchors (G,) and inputs (G, P) of a form, if the model has one."""

    window: Int16s
    anchor: Int32s
    form: Int16s | None


def _golden(path: Path, spec: Spec) -> _Golden | None:
    if not path.is_file():
        return None
    stored = read_tensors(path)
    needed = {"input", "anchor", *(["form"] if spec.form is not None else [])}
    if not needed <= set(stored):
        raise ModelError(f"{path}: has no golden vectors, only {', '.join(sorted(stored))}; run dvc repro")
    if not all(stored[name].ndim for name in needed):
        raise ModelError(f"{path}: a number where golden vectors belong; run dvc repro")
    window, anchor = stored["input"][:GOLDEN_WINDOWS], stored["anchor"][:GOLDEN_WINDOWS]
    shapes = (len(window), spec.steps, spec.channels), (len(window),)
    if window.dtype != np.int16 or anchor.dtype != np.int32 or (window.shape, anchor.shape) != shapes:
        raise ModelError(f"{path}: windows of shape {window.shape} do not fit the spec; run dvc repro")
    if (np.abs(anchor.astype(np.int64)) > ANCHOR_LIMIT).any():
        raise ModelError(f"{path}: an anchor is above 2 in size; run dvc repro")
    return _Golden(window, anchor, None if spec.form is None else stored["form"][:GOLDEN_WINDOWS])
