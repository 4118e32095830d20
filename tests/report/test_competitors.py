"""What competes for the device: errors from the evaluation, costs from the compiler or from the cost model."""

from dataclasses import replace

import made_report
import pytest
from registry.made_pipeline import firmware_report

from dlnet.cost.device import model_cost
from dlnet.cost.shape import model_shape
from dlnet.errors import ModelError
from dlnet.firmware.documents import DifferingModel, FirmwareReport
from dlnet.gate.competitor import COMPILED, MODELLED
from dlnet.report.competitors import competitors, rivals


def found(evaluation, pipeline, firmware=made_report.NOT_COMPILED):
    return {one.name: one for one in competitors(evaluation.content, pipeline, firmware)}


def test_every_model_of_the_edge_folder_competes(evaluation, pipeline, project):
    known = found(evaluation, pipeline)
    assert sorted(known) == sorted(path.name for path in (project / "models/edge").iterdir())
    assert [one.kind for one in known.values()] == ["network"] * len(pipeline.edges) + ["linear"]


def test_errors_are_those_of_the_integer_reference_on_validation_windows(evaluation, pipeline):
    for name, one in found(evaluation, pipeline).items():
        scores = evaluation.content.shipped(name).validation
        assert (one.mae_validation, one.assets) == (scores.mae, scores.assets)
    name = next(iter(pipeline.edges))
    assert found(evaluation, pipeline)[name].mae_float == evaluation.content.students[name].validation.mae
    assert found(evaluation, pipeline)[made_report.FORM].mae_float == 0.02


def test_a_form_is_measured_by_its_own_forecasts(evaluation, pipeline, dataset):
    """It was stored from a student of the sweep: its errors are those of that student's integers."""
    form = pipeline.forms[made_report.FORM].saved
    ends = dataset.windows("test", 3)
    forecast = form.predict(dataset.histories(ends, form.features))
    expected = dataset.errors(forecast, ends).mae
    assert evaluation.content.forms[made_report.FORM].test.mae == pytest.approx(expected, rel=1e-6)


def test_without_a_compiler_costs_are_modelled(evaluation, pipeline):
    name = next(iter(pipeline.edges))
    one, modelled = found(evaluation, pipeline)[name], model_cost(model_shape(pipeline.edges[name].student), 64.0)
    assert one.origin == MODELLED
    assert not one.proven
    for key in ("flash_bytes", "ram_bytes", "instructions"):
        assert getattr(one.costs, key) == getattr(modelled, key)
    assert dict(found(evaluation, pipeline)[made_report.FORM].costs) == made_report.FORM_COSTS


def test_what_was_compiled_and_emulated_comes_first(evaluation, pipeline):
    name = next(iter(pipeline.edges))
    one = found(evaluation, pipeline, firmware_report(name, pipeline.edges[name].sha256))[name]
    assert (one.origin, one.proven, one.equal) == (COMPILED, True, ("numpy",))
    assert dict(one.costs) == {"flash_bytes": 5000, "ram_bytes": 1100, "instructions": 14_000, "ms_modelled": 0.9}


def test_what_was_compiled_of_another_content_is_not_taken(evaluation, pipeline):
    name = next(iter(pipeline.edges))
    assert found(evaluation, pipeline, firmware_report(name, "0" * 64))[name].origin == MODELLED
    assert found(evaluation, pipeline, firmware_report("other", pipeline.edges[name].sha256))[name].origin == MODELLED


def test_code_that_differs_is_known(evaluation, pipeline):
    name = next(iter(pipeline.edges))
    entry = DifferingModel(model=name, sha256=pipeline.edges[name].sha256, differs="state differs: Arm, DSP path")
    one = found(evaluation, pipeline, FirmwareReport(compiler="gcc", models=(entry,)))[name]
    assert (one.differs, one.proven) == ("state differs: Arm, DSP path", False)


def test_a_form_without_costs_is_named(evaluation, pipeline):
    form = pipeline.forms[made_report.FORM]
    bare = replace(form, metrics=form.metrics.model_copy(update={"modelled": None}))
    with pytest.raises(ModelError, match="models/edge/linear/metrics.json: modelled: expected flash_bytes"):
        found(evaluation, replace(pipeline, forms={made_report.FORM: bare}))


def test_baselines_and_the_teacher_stand_beside(evaluation):
    beside = rivals(evaluation.content)
    assert sorted(beside) == sorted([*evaluation.content.baselines, "teacher"])
    assert beside["line"].mae == evaluation.content.baselines["line"].validation.mae
