"""Fitted forms of the baselines stage as edge models: alone, and blended with a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dlnet.baselines.boosting import Boosting
from dlnet.baselines.devices import fit_linear_device
from dlnet.baselines.forms import Form as FittedForm
from dlnet.baselines.trends import Trend
from dlnet.config.baselines import BaselinesParams, FormKind
from dlnet.config.task import Channels, TaskParams
from dlnet.data.encode import Encoder, fit_encoder
from dlnet.data.windows import Ends, Floats, Singles, WindowDataset
from dlnet.errors import ModelError
from dlnet.export.absent import form_alone
from dlnet.export.edge import make_model
from dlnet.export.form import ONE, Form, blend, form_levels
from dlnet.export.form_inputs import FormInputs
from dlnet.export.layout import Spec
from dlnet.export.make_form import integer_forest, integer_form
from dlnet.export.reference import (
    Int16s,
    from_fixed,
    levels,
    lines,
    predict_reference,
    quantise_anchor,
    quantise_inputs,
    run_network,
)

NEAR = 1.01  # times the least error: then the smaller form is taken
SHARES = tuple(i / 10 for i in range(11))  # of the network, that ``auto`` chooses from
USUAL = 0.6  # share that ``auto`` stays near
CLOSE = 1.02  # times the least error: shares of more are no choice of ``auto``
SHIPPED = {"linear": "linear_device", "forest": "forest_device"}  # folder of models/edge -> baseline
Baseline = Trend | FittedForm | Boosting


@dataclass(frozen=True)
class Fitted:
    """A fitted form in integers.

    Attributes:
        name: of the baseline. model: it, in floats.
    """

    name: str
    model: FittedForm | Boosting
    form: Form
    inputs: FormInputs

    @classmethod
    def of(cls, name: str, model: FittedForm | Boosting, knots: Sequence[int]) -> Fitted:
        """From a baseline, for forecasts of the given knots.

        Raises:
            ModelError: it has no integer form; names it.
        """
        try:
            if isinstance(model, FittedForm):
                return cls(name, model, *integer_form(model, knots))
            if model.start is not None:
                raise ModelError("a forest that corrects a ridge has no integer form; fit it on the last health")
            return cls(name, model, *integer_forest(model.summary, model.knots.anchored, model.forests, knots))
        except ModelError as error:
            raise ModelError(f"models/baselines/{name}: {error}") from error

    def reads_only(self, encoder: Encoder) -> bool:
        """Whether windows and features of this encoder are all that the form reads."""
        summary = self.model.summary
        same = (summary.window, summary.block) == (encoder.window, encoder.block)
        return same and set(self.inputs.features) <= set(encoder.features)


@dataclass(frozen=True)
class EdgeForm:
    """An edge model with a form: its spec, the encoder of its rows, and what the form reads."""

    spec: Spec
    encoder: Encoder
    inputs: FormInputs

    def codes(self, dataset: WindowDataset, ends: Ends) -> Int16s:
        """Inputs (N, P) of the form at windows of a dataset."""
        return self.inputs.of(dataset.histories(ends, self.encoder.features), self.encoder)

    def windows(self, dataset: WindowDataset, ends: Ends) -> tuple[Singles, Singles]:
        """Encoded windows (N, T, C) and anchors (N, 1)."""
        return self.encoder.encode(dataset, ends), self.encoder.anchor(dataset, ends)

    def predict(self, dataset: WindowDataset, ends: Ends) -> Floats:
        """Forecasts (N, horizon) in health, by the integer reference."""
        return predict_reference(self.spec, *self.windows(dataset, ends), self.codes(dataset, ends))


def shipped(baselines: Mapping[str, Baseline], knots: Sequence[int]) -> dict[str, Fitted]:
    """Forms of the baselines that ship alone, by their folder in models/edge.

    Raises:
        ModelError: a baseline of that name has no integer form; names it.
    """
    found = {}
    for name, source in SHIPPED.items():
        model = baselines.get(source)
        if isinstance(model, Trend):
            raise ModelError(f"models/baselines/{source}: a trend has no integer form; name another baseline")
        if model is not None:
            found[name] = Fitted.of(source, model, knots)
    return found


def alone(fitted: Fitted, dataset: WindowDataset, task: TaskParams) -> EdgeForm:
    """A form without a network; its device is pushed the features that the form reads, and no others.

    Raises:
        ModelError: the device cannot compute its inputs.
    """
    channels = Channels(features=fitted.inputs.features, relative=(), quantiles=0, noise=0.0)
    own = replace(dataset, task=dataset.task.model_copy(update={"channels": channels}))
    encoder = fit_encoder(own, task)
    spec = form_alone(fitted.form, encoder.steps, len(encoder.channels), encoder.knots)
    facts = dataset.task.clean, dataset.task.quantities
    make_model(fitted.name, spec, encoder, *facts, form_inputs=fitted.inputs)
    return EdgeForm(spec, encoder, fitted.inputs)


def forms_of_kind(baselines: Mapping[str, Baseline], kind: FormKind, knots: Sequence[int]) -> list[Fitted]:
    """All forms of a kind among the baselines."""
    forms = {name: model for name, model in sorted(baselines.items()) if isinstance(model, FittedForm)}
    return [Fitted.of(name, form, knots) for name, form in forms.items() if form.kind == kind]


def beside_networks(
    baselines: Mapping[str, Baseline],
    dataset: WindowDataset,
    task: TaskParams,
    params: BaselinesParams,
    kind: FormKind,
) -> list[Fitted]:
    """Forms of a kind that networks may be blended with: those among the baselines.

    Where all of them read features that the networks do not, one of the networks' own features is fitted.
    """
    forms = forms_of_kind(baselines, kind, task.knots)
    own = set(dataset.task.channels.features)
    if any(set(one.inputs.features) <= own for one in forms):
        return forms
    return [*forms, fit_beside(dataset, task, params, kind)]


def fit_beside(dataset: WindowDataset, task: TaskParams, params: BaselinesParams, kind: FormKind) -> Fitted:
    """A form of a kind, of the networks' own features, fitted as the baseline ``linear_device`` is."""
    device = params.linear_device.model_copy(update={"forms": [kind]})
    own = params.model_copy(update={"features": {task.track: ["own"]}, "linear_device": device})
    return Fitted.of("linear_device", fit_linear_device(dataset, task, own), task.knots)


def best_beside(forms: list[Fitted], encoder: Encoder, dataset: WindowDataset, ends: Ends) -> Fitted | None:
    """Of the forms that read what this encoder reads and no more, the smallest of those near the least error.

    Near means within ``NEAR`` times the least error on the windows ``ends``. None where no form fits.
    """
    fitting = [one for one in forms if one.reads_only(encoder)]
    mae = [dataset.errors(one.model.forecast(dataset, ends), ends).mae for one in fitting]
    near = [one for one, error in zip(fitting, mae, strict=True) if error <= NEAR * min(mae)]
    return min(near, key=lambda one: one.form.parameters, default=None)


def blended(
    spec: Spec, encoder: Encoder, fitted: Fitted, dataset: WindowDataset, task: TaskParams, share: float | None
) -> EdgeForm | None:
    """A network with a form that reads its features only; None where one of them alone is as good.

    Args:
        share: of the network, 0 to 1; None: chosen on validation windows by ``best_share``.
    """
    ends = dataset.windows("validation", task.stride_eval)
    chosen = share if share is not None else _share(spec, encoder, fitted, dataset, ends)
    weight = round(chosen * ONE)
    if weight in (0, ONE):
        return None
    both = replace(spec, form=fitted.form, weight=weight)
    facts = dataset.task.clean, dataset.task.quantities
    make_model(fitted.name, both, encoder, *facts, form_inputs=fitted.inputs)
    return EdgeForm(both, encoder, fitted.inputs)


def _share(spec: Spec, encoder: Encoder, fitted: Fitted, dataset: WindowDataset, ends: Ends) -> float:
    edge = EdgeForm(spec, encoder, fitted.inputs)
    z, anchor = edge.windows(dataset, ends)
    codes, anchors = quantise_inputs(z), quantise_anchor(anchor)
    network = levels(spec, run_network(spec, codes, anchors).logits, anchors)
    form = form_levels(fitted.form, len(spec.knots), edge.codes(dataset, ends), anchors)
    return best_share(
        [
            dataset.errors(from_fixed(lines(spec, blend(network, form, round(share * ONE)))), ends).mae
            for share in SHARES
        ]
    )


def best_share(mae: Sequence[float]) -> float:
    """Of ``SHARES``, the one nearest ``USUAL`` whose error is at most ``CLOSE`` times the least.

    The share of least error varies much from one set of validation assets to the next.

    Args:
        mae: of each of ``SHARES``.
    """
    close = [share for share, error in zip(SHARES, mae, strict=True) if error <= CLOSE * min(mae)]
    return min(close, key=lambda share: round(abs(share - USUAL), 1))
