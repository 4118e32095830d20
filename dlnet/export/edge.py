"""What firmware is made from: an integer spec, the front end that feeds it, and who it is."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dlnet.config.clean import CleanParams
from dlnet.data.encode import Encoder
from dlnet.errors import ModelError
from dlnet.export.documents import VersionRecord
from dlnet.export.frontend import Codec, make_codec
from dlnet.export.reference import Int16s, Int32s
from dlnet.export.spec import Spec, load_spec, to_json
from dlnet.files import read_json, read_tensors

FORMAT = "dlnet-device/1"
KINDS = ("students", "pruned")
VERSION = "version.json"  # beside files out of the registry: name, number, tags
GOLDEN_WINDOWS = 2  # stored in the header; all others of the self test are made on the device


@dataclass(frozen=True)
class DeviceModel:
    """A model as firmware holds it.

    Attributes:
        version: of the registry, or ``local``.
        golden: quantised windows (G, T, C) and anchors (G,) for the self test.
    """

    name: str
    version: str
    spec: Spec
    encoder: Encoder
    clean: CleanParams
    golden: tuple[Int16s, Int32s]

    @property
    def codec(self) -> Codec:
        """The front end in integers."""
        return make_codec(self.encoder, self.clean)

    @property
    def document(self) -> bytes:
        """All that decides a forecast, as canonical JSON: what the model's SHA-256 is taken of."""
        clean = {"window": self.clean.window, "sigmas": self.clean.sigmas, "floor_soh": self.clean.floor_soh}
        content = {
            "format": FORMAT,
            "spec": to_json(self.spec),
            "encoder": self.encoder.to_json(),
            "clean": {**clean, "feature_sigmas": self.clean.feature_sigmas},
        }
        return (json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()

    @property
    def sha256(self) -> str:
        """SHA-256 of ``document``, as hex."""
        return hashlib.sha256(self.document).hexdigest()


def load_model(folder: Path, clean: CleanParams, version: str | None = None) -> DeviceModel:
    """Read a model from models/edge/NAME, or from a folder out of the registry.

    Args:
        version: what it is called; else what ``dlnet fetch`` wrote beside it, else ``local``.

    Raises:
        ModelError: no spec or no encoder there, or they do not belong together.
    """
    spec = load_spec(folder / "spec.json")
    student = _student(folder)
    encoder = Encoder.from_json(student["encoder"])
    golden = _golden(folder / "golden.safetensors", spec)
    return make_model(str(student["name"]), spec, encoder, clean, version or _version(folder / VERSION), golden)


def make_model(
    name: str,
    spec: Spec,
    encoder: Encoder,
    clean: CleanParams,
    version: str = "local",
    golden: tuple[Int16s, Int32s] | None = None,
) -> DeviceModel:
    """A model from its parts.

    Raises:
        ModelError: spec and encoder do not belong together.
    """
    has, wants = (spec.channels, spec.steps, spec.knots), (len(encoder.channels), encoder.steps, encoder.knots)
    if has != wants:
        raise ModelError(f"{name}: the spec has channels, steps, knots {has}, its encoder {wants}; run dvc repro")
    if golden is None:
        golden = np.zeros((0, spec.steps, spec.channels), np.int16), np.zeros(0, np.int32)
    return DeviceModel(name, version, spec, encoder, clean, golden)


def _version(path: Path) -> str:
    if not path.is_file():
        return "local"
    known = VersionRecord.read(path)
    return f"{known.name}/{known.number}"


def _student(folder: Path) -> dict[str, Any]:
    beside = [folder / "student.json", *(folder.parent.parent / kind / f"{folder.name}.json" for kind in KINDS)]
    found = next((path for path in beside if path.is_file()), None)
    if found is None:
        raise ModelError(f"{beside[1]}: no such file, and the encoder of {folder} stands in it; run dvc repro")
    student: dict[str, Any] = read_json(found)
    return student


def _golden(path: Path, spec: Spec) -> tuple[Int16s, Int32s] | None:
    if not path.is_file():
        return None
    stored = read_tensors(path)
    if not {"input", "anchor"} <= set(stored):
        raise ModelError(f"{path}: holds no golden vectors, only {', '.join(sorted(stored))}; run dvc repro")
    window, anchor = stored["input"][:GOLDEN_WINDOWS], stored["anchor"][:GOLDEN_WINDOWS]
    if window.dtype != np.int16 or window.shape[1:] != (spec.steps, spec.channels) or anchor.dtype != np.int32:
        raise ModelError(f"{path}: windows of shape {window.shape} do not fit the spec; run dvc repro")
    return window, anchor
