"""Every model is measured on the right windows, against the right targets."""

from dataclasses import replace

import made_report
import numpy as np
import pytest

from dlnet.data.windows import WindowDataset
from dlnet.errors import DataError, DocumentError, ModelError
from dlnet.export.reference import predict_reference
from dlnet.report.documents import Scores
from dlnet.report.evaluation import cases_of, evaluate
from dlnet.report.pipeline import Pipeline
from tasks import changed

STRIDE = 3


def mae(forecast, target) -> float:
    return float(np.mean([abs(float(a) - float(b)) for a, b in zip(forecast.ravel(), target.ravel(), strict=True)]))


def truth(dataset, ends):
    return np.stack([dataset.target[end : end + dataset.horizon] for end in ends]).astype(np.float32)


@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_student_is_measured_against_the_rows_behind_each_window(evaluation, pipeline, dataset, part):
    name = made_report.PARENT
    ends = dataset.windows(part, STRIDE)
    expected = mae(pipeline.students[name].forecast(dataset, ends), truth(dataset, ends))
    assert getattr(evaluation.content.students[name], part).mae == pytest.approx(expected, rel=1e-6)


def test_a_baseline_has_its_validation_windows_first(evaluation, dataset):
    """``line`` was made as a fall of 1e-4 a row from the last health."""
    ahead = np.arange(1, dataset.horizon + 1)
    for part in ("validation", "test"):
        ends = dataset.windows(part, STRIDE)
        forecast = dataset.health[ends - 1][:, None] - 1e-4 * ahead
        found = getattr(evaluation.content.baselines["line"], part).mae
        assert found == pytest.approx(mae(forecast, truth(dataset, ends)), rel=1e-4)


def test_the_teacher_is_the_mean_of_its_members(evaluation, pipeline, dataset):
    ends, teacher = dataset.windows("test", STRIDE), pipeline.teacher
    members = [
        replace(teacher, parameters={key: value[i : i + 1] for key, value in teacher.parameters.items()})
        for i in range(2)
    ]
    forecast = np.mean([member.forecast(dataset, ends) for member in members], axis=0)
    assert evaluation.content.teacher.test.mae == pytest.approx(mae(forecast, truth(dataset, ends)), rel=1e-5)


def test_the_int8_model_is_the_integer_reference(evaluation, pipeline, dataset):
    ends = dataset.windows("test", STRIDE)
    for name, edge in pipeline.edges.items():
        encoder = edge.student.encoder
        forecast = predict_reference(edge.spec, encoder.encode(dataset, ends), encoder.anchor(dataset, ends))
        assert np.array_equal(evaluation.int8[name], forecast)
        found = evaluation.content.edge[name].int8.test.mae
        assert found == pytest.approx(mae(forecast, truth(dataset, ends)), rel=1e-9)


def test_the_distance_of_an_interpreter_from_the_reference_is_in_the_targets_unit(evaluation):
    for scores in evaluation.content.edge.values():
        assert scores.litert.test.most_from_int8 == pytest.approx(made_report.SHIFT * 2.0**-24)
        assert scores.tflm.test.most_from_int8 == 0


def test_errors_are_in_the_unit_of_the_tasks_target(evaluation, pipeline, dataset, engines):
    """A range of 290 um is 200 um a unit of health; a rising target changes no error, and the knee is as high."""
    wear = {"unit": "um", "other_units": {}, "over_nominal": False, "direction": "rising", "range": [0, 290],
            "end_of_life": None}  # fmt: skip
    quantities = changed(target=wear, knee={"height": 200 * dataset.task.quantities.knee.height})
    other = replace(dataset, task=dataset.task.model_copy(update={"quantities": quantities}))
    assert quantities.target.size == pytest.approx(200)
    found, before = evaluate(pipeline, other, STRIDE).content, evaluation.content
    assert found.knee_rows == before.knee_rows
    for name, scores in before.edge.items():
        in_um, plain = found.edge[name].litert.test, scores.litert.test
        for figure in ("mae", "rmse", "asset_mae", "before_knee", "after_knee", "most_from_int8"):
            assert getattr(in_um, figure) == pytest.approx(200 * getattr(plain, figure))
        assert in_um.by_horizon == pytest.approx([200 * value for value in plain.by_horizon])
        assert in_um.worst_asset.asset == plain.worst_asset.asset
        assert in_um.worst_asset.mae == pytest.approx(200 * plain.worst_asset.mae)


def test_windows_count_as_after_the_knee_once_their_last_target_is_beyond_it(dataset):
    cases = cases_of(dataset, "test", 1)
    starts = {name: int(np.flatnonzero(dataset.asset_index == dataset.assets.index(name))[0]) for name in cases.knees}
    assert set(cases.knees.values()) == {made_report.KNEE}
    for end, asset, after in zip(cases.ends, cases.asset, cases.after, strict=True):
        last_row = end - starts[dataset.assets[asset]] + dataset.horizon - 1
        assert after == (last_row > made_report.KNEE)


def test_an_asset_without_a_knee_has_no_window_behind_it(dataset):
    straight = replace(dataset, target=1 - 1e-4 * np.arange(len(dataset.target)))
    assert not cases_of(straight, "test", 1).after.any()


def test_elites_and_yardsticks_have_errors_by_row_and_asset_and_others_do_not(evaluation, pipeline):
    for name, scores in evaluation.content.students.items():
        assert isinstance(scores.test, Scores) == (name in pipeline.elites)
    assert len(evaluation.content.baselines["ridge"].test.by_horizon) == 10


def test_a_student_without_errors_by_row_is_named_where_they_are_asked_for(evaluation, pipeline):
    name = next(name for name in pipeline.students if name not in pipeline.elites)
    with pytest.raises(DocumentError, match=f"students.{name}: no errors by row ahead"):
        evaluation.content.elite(name)


def test_assets_outside_validation_and_test_change_nothing(evaluation, pipeline, dataset, engines):
    others = np.isin(
        dataset.asset_index, [i for i, name in enumerate(dataset.assets) if dataset.split[name] in ("unused", "train")]
    )
    changed = replace(
        dataset, target=np.where(others, 0.5, dataset.target), health=np.where(others, 0.5, dataset.health)
    )
    assert evaluate(pipeline, changed, STRIDE).content == evaluation.content


def test_targets_of_test_assets_do_not_reach_the_validation_figures(evaluation, pipeline, dataset, engines):
    test = np.isin(dataset.asset_index, [i for i, name in enumerate(dataset.assets) if dataset.split[name] == "test"])
    changed = evaluate(
        pipeline, replace(dataset, target=np.where(test, dataset.target - 0.1, dataset.target)), STRIDE
    ).content
    before = evaluation.content
    assert changed.teacher.validation == before.teacher.validation
    assert changed.teacher.test != before.teacher.test
    for name, scores in before.edge.items():
        assert changed.edge[name].int8.validation == scores.int8.validation


def test_hidden_test_targets_are_refused(project, pipeline):
    with pytest.raises(DataError, match="allow_test"):
        evaluate(pipeline, WindowDataset.load(project / "data/windows"), STRIDE)


def test_a_split_without_windows_is_named(pipeline, dataset):
    empty = replace(dataset, split={name: "train" if part == "test" else part for name, part in dataset.split.items()})
    with pytest.raises(DataError, match="no test asset is as long"):
        evaluate(pipeline, empty, STRIDE)


def _with_predictions(pipeline: Pipeline, change) -> Pipeline:
    return replace(pipeline, predictions={name: change(array.copy()) for name, array in pipeline.predictions.items()})


def _nan(array):
    array[-1, -1] = np.nan
    return array


@pytest.mark.parametrize(
    ("change", "message"),
    [(lambda array: array[:-1], "boosting: shape"), (_nan, "boosting: holds NaN")],
    ids=["another stride", "NaN"],
)
def test_forecasts_of_a_baseline_that_do_not_fit_are_refused(pipeline, dataset, change, message):
    with pytest.raises(ModelError, match=message):
        evaluate(_with_predictions(pipeline, change), dataset, STRIDE)


def test_a_baseline_without_forecasts_is_named(pipeline, dataset):
    with pytest.raises(ModelError, match="boosting: missing"):
        evaluate(replace(pipeline, predictions={}), dataset, STRIDE)
