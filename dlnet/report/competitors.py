"""What competes for the device: every model of models/edge, with its errors on validation windows and its costs."""

from __future__ import annotations

from dlnet.errors import ModelError
from dlnet.firmware.documents import DeviceCosts, DifferingModel, FirmwareReport, ProvenModel
from dlnet.gate.competitor import COMPILED, MODELLED, Competitor, Costs, Rival
from dlnet.report.documents import EvaluationReport, ScoresBySplit
from dlnet.report.pipeline import Form, Pipeline
from dlnet.report.summary import costed


def competitors(content: EvaluationReport, pipeline: Pipeline, firmware: FirmwareReport) -> list[Competitor]:
    """The int8 students and all other forms that can ship.

    Args:
        content: errors of all models. firmware: what the stage of that name found; a model that it did not compile
            has the costs of the cost model.

    Raises:
        ModelError: metrics.json of a form lacks its costs.
    """
    found = [_student(name, content, pipeline) for name in content.edge]
    found += [_form(name, form, content) for name, form in pipeline.forms.items()]
    sha256 = {name: edge.sha256 for name, edge in pipeline.edges.items()}
    sha256 |= {name: form.saved.device.sha256 for name, form in pipeline.forms.items()}
    return [_compiled(one, firmware, sha256[one.name]) for one in found]


def rivals(content: EvaluationReport) -> dict[str, Rival]:
    """What stands beside: baselines and the teacher, on validation windows."""
    beside: dict[str, ScoresBySplit] = {**content.baselines, "teacher": content.teacher}
    return {name: Rival(scores.validation.mae, scores.validation.assets) for name, scores in beside.items()}


def _student(name: str, content: EvaluationReport, pipeline: Pipeline) -> Competitor:
    int8, costs = content.edge[name].int8.validation, costed(pipeline, name)
    return Competitor(
        name=name,
        kind="network",
        mae_validation=int8.mae,
        mae_float=content.students[name].validation.mae,
        assets=int8.assets,
        costs=Costs(**{key: float(getattr(costs, key)) for key in Costs.model_fields}),
        origin=MODELLED,
    )


def _form(name: str, form: Form, content: EvaluationReport) -> Competitor:
    integer, modelled = content.forms[name].validation, form.metrics.modelled or {}
    if modelled.keys() != Costs.model_fields.keys():
        raise ModelError(
            f"models/edge/{name}/metrics.json: modelled: expected {', '.join(Costs.model_fields)}; run dvc repro"
        )
    return Competitor(
        name=name,
        kind=form.metrics.kind,
        mae_validation=integer.mae,
        mae_float=form.metrics.mae_float_validation,
        assets=integer.assets,
        costs=Costs(**modelled),
        origin=MODELLED,
    )


def _compiled(model: Competitor, firmware: FirmwareReport, sha256: str) -> Competitor:
    """The same with what the compiler, the proofs and the emulated core found."""
    entry = firmware.entry(model.name, sha256)
    if isinstance(entry, DifferingModel):
        return model.model_copy(update={"differs": entry.differs})
    if isinstance(entry, DeviceCosts):
        costs = Costs(**entry.budgeted)
        return model.model_copy(update={"costs": costs, "origin": COMPILED, "equal": entry.equal})
    return model.model_copy(update={"equal": entry.equal}) if isinstance(entry, ProvenModel) else model
