"""Models as they would run on the device: int8 students, and the best form of any kind within the budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from dlnet.baselines.fit import LINE
from dlnet.baselines.trends import Trend
from dlnet.cost.table import costs
from dlnet.data.encode import Encoder
from dlnet.data.windows import Ends, Floats
from dlnet.export.convert import weights_of
from dlnet.export.costs import spec_costs
from dlnet.export.edge_form import EdgeForm, Fitted, alone, beside_networks, best_beside, blended, shipped
from dlnet.export.form import ONE
from dlnet.export.reference import predict_reference, quantise_inputs
from dlnet.export.size import spec_bytes
from dlnet.export.spec import Spec, make_spec
from dlnet.gate.choice import choose
from dlnet.gate.competitor import MODELLED, Competitor, Costs, Rival
from dlnet.models.trained import TrainedModel
from studies.cell_split import Forecast
from studies.results.work import baselines, students
from studies.results.work.setting import Row, Setting
from studies.stored import Rows

Forecaster = Callable[[Any], Forecast]


@dataclass(frozen=True)
class Shippable:
    """A competitor, its forecasts by the integer reference, and its bytes as firmware stores it."""

    competitor: Competitor
    forecast: Forecaster
    bytes: int


def run(setting: Setting) -> Rows:
    """Rows of kind ``edge`` (a seed and kind of cell), ``candidate`` and ``other form`` (a seed each)."""
    models, specs = students.trained(setting), _Specs(setting)
    rows = [
        _edge_row(setting, model, specs.of(model), cell or "all")
        for cell in (None, "ltc")
        for model in students.best(setting, models, cell).values()
    ]
    alone_forms, beside = _forms(setting)
    for seed in setting.config.students.seeds:
        own = [model for model in models if model.lineage["seed"] == seed]
        shippable = [*alone_forms]
        for model in _best_of_each_size(own):
            shippable += _network(setting, model, specs.of(model), beside)
        rows += _candidate_rows(setting, shippable, seed)
    return rows


class _Specs:
    """Integer specs of the students of a split."""

    def __init__(self, setting: Setting) -> None:
        data = setting.cell_split.training_data
        self._train = quantise_inputs(data.z[: data.labelled].numpy())

    def of(self, model: TrainedModel) -> Spec:
        return make_spec(weights_of(model), self._train)


def _reference(setting: Setting, spec: Spec, encoder: Encoder) -> Forecaster:
    dataset = setting.cell_split.dataset
    return lambda ends: predict_reference(spec, encoder.encode(dataset, ends), encoder.anchor(dataset, ends))


def _edge_row(setting: Setting, model: TrainedModel, spec: Spec, among: str) -> Row:
    """The row of an int8 student; ``mae_test_float`` is that of the network that it was made from."""
    floats = setting.network_row(model, kind="edge", seed=model.lineage["seed"], chosen_among=among)
    scores = setting.scores(_reference(setting, spec, model.encoder))
    return {**floats, "mae_test_float": floats["mae_test"], **scores, "bytes": spec_bytes(spec)}


def _best_of_each_size(models: list[TrainedModel]) -> list[TrainedModel]:
    order = sorted(models, key=lambda model: (model.metrics["mae_validation"], model.name), reverse=True)
    return list({(model.config.cell, model.config.hidden): model for model in order}.values())


def _forms(setting: Setting) -> tuple[list[Shippable], list[Fitted]]:
    """The forms that ship alone, and those that networks may be blended with."""
    fitted_models, split, blend = baselines.fitted(setting), setting.cell_split, setting.config.quantise.blend
    found = []
    for name, fitted in shipped(fitted_models, split.task.knots).items():
        mae_float = setting.on_validation(partial(fitted.model.forecast, split.dataset))[0]
        found.append(_with_form(setting, name, alone(fitted, split.dataset, split.task), mae_float))
    if blend.form == "none":
        return found, []
    return found, beside_networks(fitted_models, split.dataset, split.task, setting.config.baselines, blend.form)


def _network(setting: Setting, model: TrainedModel, spec: Spec, beside: list[Fitted]) -> list[Shippable]:
    """An int8 student, and its blend with the best of ``beside`` where one is wanted."""
    split, encoder, config = setting.cell_split, model.encoder, setting.config
    dataset, ends = split.dataset, split.windows.validation
    modelled = costs(model, config.cost)
    own_costs = {key: modelled[key] for key in Costs.model_fields}
    mae_float = setting.on_validation(partial(model.forecast, dataset))[0]
    found = [_shippable(setting, model.name, spec, own_costs, _reference(setting, spec, encoder), mae_float)]
    fitted = best_beside(beside, encoder, dataset, ends)
    weight = config.quantise.blend.weight
    fixed = None if weight == "auto" else weight
    both = None if fitted is None else blended(spec, encoder, fitted, dataset, split.task, fixed)
    if fitted is None or both is None:
        return found
    share = both.spec.weight / ONE

    def floats(at: Ends) -> Floats:
        return np.asarray(share * model.forecast(dataset, at) + (1 - share) * fitted.model.forecast(dataset, at))

    return [*found, _with_form(setting, f"{model.name}-blend", both, setting.on_validation(floats)[0])]


def _with_form(setting: Setting, name: str, edge: EdgeForm, mae_float: float) -> Shippable:
    forecast = partial(edge.predict, setting.cell_split.dataset)
    return _shippable(setting, name, edge.spec, spec_costs(edge.spec, edge.encoder, edge.inputs), forecast, mae_float)


def _shippable(
    setting: Setting, name: str, spec: Spec, modelled: dict[str, float], forecast: Forecaster, mae_float: float
) -> Shippable:
    mae, cells = setting.on_validation(forecast)
    competitor = Competitor(
        name=name,
        kind=spec.kind,
        mae_validation=mae,
        mae_float=mae_float,
        assets=cells,
        costs=Costs(**modelled),
        origin=MODELLED,
    )
    return Shippable(competitor, forecast, spec_bytes(spec))


def _candidate_rows(setting: Setting, shippable: list[Shippable], seed: int) -> list[Row]:
    """The form that the gate chooses, and the best of another kind that takes at most its flash."""
    named = {one.competitor.name: one for one in shippable}
    words = setting.cell_split.dataset.task.quantities
    windows = len(setting.cell_split.windows.validation)
    competitors = [one.competitor for one in shippable]
    choice = choose(competitors, _rivals(setting), setting.config.publish, words, windows)
    chosen = named[choice.name].competitor
    smaller = [
        one
        for one in competitors
        if one.kind not in (chosen.kind, "network") and one.costs.flash_bytes <= chosen.costs.flash_bytes
    ]
    rows = [_form_row(setting, named[choice.name], "candidate", seed, passed=choice.candidate)]
    if smaller:
        other = min(smaller, key=lambda one: (one.mae_validation, one.name))
        rows.append(_form_row(setting, named[other.name], "other form", seed))
    return rows


def _form_row(setting: Setting, one: Shippable, kind: str, seed: int, **more: Any) -> Row:
    model = one.competitor
    costs = model.costs.content()
    named = {"kind": kind, "name": model.name, "form": model.kind, "seed": seed, "bytes": one.bytes}
    return {**named, **costs, **more, **setting.scores(one.forecast)}


def _rivals(setting: Setting) -> dict[str, Rival]:
    """What the gate holds every model against."""
    dataset, task = setting.cell_split.dataset, setting.cell_split.task
    trends = {"persistence": Trend(0, 1, task.horizon), "line": Trend(1, min(LINE, task.window), task.horizon)}
    return {name: Rival(*setting.on_validation(partial(trend.forecast, dataset))) for name, trend in trends.items()}
