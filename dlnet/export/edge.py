"""What firmware is made from: an integer spec, its front end, its name and version."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace

import numpy as np

from dlnet.config.clean import CleanParams
from dlnet.config.quantities import Quantities
from dlnet.data.encode import Encoder
from dlnet.errors import ModelError
from dlnet.export.form import Form
from dlnet.export.form_inputs import FormCodec, FormInputs, make_form_codec
from dlnet.export.frontend import Codec, make_codec
from dlnet.export.reference import Int16s, Int32s
from dlnet.export.spec import Spec, to_json

FORMAT = "dlnet-device/6"
LOCAL = "local"  # version of a model that is not from the registry
NO_COUNTER, MOST_COUNTER = 0, 999_999_999  # security counter of firmware that is no release, and the highest one


@dataclass(frozen=True)
class DeviceModel:
    """A model as compiled into firmware.

    Attributes:
        version: of the registry, or ``local``.
        golden: quantised windows (G, T, C) and anchors (G,) for the self test.
        form_inputs: what the form reads, of a model that has one. golden_form: (G, P) its inputs for the self test.
        counter: security counter of the release, 1 to 999,999,999; 0 for firmware that is no release.
    """

    name: str
    version: str
    spec: Spec
    encoder: Encoder
    clean: CleanParams
    quantities: Quantities
    golden: tuple[Int16s, Int32s]
    counter: int = NO_COUNTER
    form_inputs: FormInputs | None = None
    golden_form: Int16s | None = None

    @property
    def codec(self) -> Codec:
        """The front end in integers."""
        return make_codec(self.encoder, self.clean, self.quantities)

    @property
    def form_codec(self) -> FormCodec | None:
        """The inputs of the form in integers; None of a network alone."""
        return None if self.form_inputs is None else make_form_codec(self.codec, self.form_inputs)

    @property
    def document(self) -> bytes:
        """All that determines a forecast and its words, as canonical JSON; the model's SHA-256 is its hash."""
        clean = self.clean.model_dump(include={"window", "sigmas", "feature_sigmas"})
        content = {
            "format": FORMAT,
            "spec": to_json(self.spec),
            "encoder": self.encoder.to_json(),
            "clean": clean,
            "task": self.quantities.model_dump(mode="json"),
        }
        if self.form_inputs is not None:
            content["form_inputs"] = asdict(self.form_inputs)
        return (json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()

    @property
    def sha256(self) -> str:
        """SHA-256 of ``document``, as hex."""
        return hashlib.sha256(self.document).hexdigest()


def make_model(
    name: str,
    spec: Spec,
    encoder: Encoder,
    clean: CleanParams,
    quantities: Quantities,
    version: str = LOCAL,
    golden: tuple[Int16s, Int32s] | None = None,
    form_inputs: FormInputs | None = None,
    golden_form: Int16s | None = None,
) -> DeviceModel:
    """A model from its parts.

    Raises:
        ModelError: spec and encoder do not belong together.
    """
    of_spec, of_encoder = (spec.channels, spec.steps, spec.knots), (len(encoder.channels), encoder.steps, encoder.knots)
    if of_spec != of_encoder:
        raise ModelError(
            f"{name}: the spec has channels, steps, knots {of_spec}, its encoder {of_encoder}; run dvc repro"
        )
    if golden is None:
        golden = np.zeros((0, spec.steps, spec.channels), np.int16), np.zeros(0, np.int32)
    model = DeviceModel(name, version, spec, encoder, clean, quantities, golden)
    return model if spec.form is None else _with_form(model, spec.form, form_inputs, golden_form)


def _with_form(
    model: DeviceModel, form: Form, form_inputs: FormInputs | None, golden_form: Int16s | None
) -> DeviceModel:
    if form_inputs is None or form_inputs.width != form.inputs:
        raise ModelError(f"{model.name}: the spec's form reads {form.inputs} inputs, model.json names others")
    anchored = len(form.bias) == len(model.spec.knots)
    if anchored != (model.encoder.track == "with_target"):
        raise ModelError(f"{model.name}: a form starts at the last health on track with_target, and only there")
    if golden_form is None:
        golden_form = np.zeros((len(model.golden[0]), form.inputs), np.int16)
    if golden_form.dtype != np.int16 or golden_form.shape != (len(model.golden[0]), form.inputs):
        raise ModelError(f"{model.name}: golden inputs of the form have shape {golden_form.shape}; run dvc repro")
    whole = replace(model, form_inputs=form_inputs, golden_form=golden_form)
    make_form_codec(whole.codec, form_inputs)
    return whole
