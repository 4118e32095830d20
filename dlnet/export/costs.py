"""What an edge model takes on the device, by the cost model."""

from __future__ import annotations

from dlnet.cost.device import ModelShape
from dlnet.cost.form import FormShape, form_costs
from dlnet.data.encode import Encoder
from dlnet.export.form import Form, Polynomial, Trees
from dlnet.export.form_inputs import FormInputs
from dlnet.export.layout import Spec

BUDGETED = ("flash_bytes", "ram_bytes", "instructions", "ms_modelled")


def network_shape(spec: Spec, inputs: int, window: int) -> ModelShape:
    """What the cost model sees of a network; ``inputs`` a row, ``window`` rows."""
    return ModelShape(
        inputs=spec.channels,
        hidden=spec.hidden,
        cell=spec.cell,
        substeps=spec.substeps,
        steps=spec.steps,
        skip=len(spec.skip),
        outputs=spec.outputs,
        horizon=spec.horizon,
        cycle_inputs=inputs,
        window=window,
        branches=spec.branches,
        rank=spec.rank,
        precision=spec.precision,
    )


def form_shape(form: Form, spec: Spec, own: FormInputs, inputs: int, window: int) -> FormShape:
    """What the cost model sees of a form."""
    return FormShape(
        inputs=form.inputs,
        outputs=len(form.bias),
        knots=len(spec.knots),
        quadratic=isinstance(form, Polynomial) and form.quadratic,
        trees=form.count if isinstance(form, Trees) else 0,
        horizon=spec.horizon,
        cycle_inputs=inputs,
        window=window,
        life_bytes=life_bytes(own),
    )


def life_bytes(inputs: FormInputs) -> int:
    """RAM of what a device keeps of an asset's life: its age, sums of youth, block means."""
    if not inputs.looks_back:
        return 0
    young = max(1, len(inputs.features)) if inputs.youth is not None else 1
    return 8 + 4 * young + 4 * ((max(1, inputs.ring) + 1) // 2)


def model_costs(spec: Spec, own: FormInputs, inputs: int, window: int) -> dict[str, float]:
    """All modelled figures of a model that has a form; ``inputs`` a row, ``window`` rows."""
    if spec.form is None:
        raise TypeError("a network alone has the costs of its shape")
    network = network_shape(spec, inputs, window) if spec.has_network else None
    return form_costs(form_shape(spec.form, spec, own, inputs, window), network)


def spec_costs(spec: Spec, encoder: Encoder, own: FormInputs) -> dict[str, float]:
    """The figures that have a limit (``publish.budget``), of a model that has a form."""
    costs = model_costs(spec, own, len(encoder.features) + (encoder.track == "with_target"), encoder.window)
    return {name: costs[name] for name in BUDGETED}
