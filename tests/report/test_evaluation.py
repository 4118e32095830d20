"""Every model is measured on the right windows, against the right targets."""

from dataclasses import replace

import made_report
import numpy as np
import pytest

from dlnet.data.windows import Bank
from dlnet.errors import DataError, ModelError
from dlnet.export.reference import predict_reference
from dlnet.report.evaluation import cases_of, evaluate
from dlnet.report.pipeline import Pipeline

STRIDE = 3


def mae(forecast, target) -> float:
    return float(np.mean([abs(float(a) - float(b)) for a, b in zip(forecast.ravel(), target.ravel(), strict=True)]))


def truth(bank, ends):
    return np.stack([bank.target[end : end + bank.horizon] for end in ends]).astype(np.float32)


@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_student_is_measured_against_the_rows_behind_each_window(evaluation, pipeline, bank, part):
    name = made_report.PARENT
    ends = bank.windows(part, STRIDE)
    expected = mae(pipeline.students[name].forecast(bank, ends), truth(bank, ends))
    assert evaluation.content["students"][name][part]["mae"] == pytest.approx(expected, rel=1e-6)


def test_a_baseline_has_its_validation_windows_first(evaluation, bank):
    """``line`` was made as a fall of 1e-4 a cycle from the last SoH."""
    ahead = np.arange(1, bank.horizon + 1)
    for part in ("validation", "test"):
        ends = bank.windows(part, STRIDE)
        forecast = bank.soh[ends - 1][:, None] - 1e-4 * ahead
        found = evaluation.content["baselines"]["line"][part]["mae"]
        assert found == pytest.approx(mae(forecast, truth(bank, ends)), rel=1e-4)


def test_the_teacher_is_the_mean_of_its_members(evaluation, pipeline, bank):
    ends, teacher = bank.windows("test", STRIDE), pipeline.teacher
    members = [
        replace(teacher, parameters={key: value[i : i + 1] for key, value in teacher.parameters.items()})
        for i in range(2)
    ]
    forecast = np.mean([member.forecast(bank, ends) for member in members], axis=0)
    assert evaluation.content["teacher"]["test"]["mae"] == pytest.approx(mae(forecast, truth(bank, ends)), rel=1e-5)


def test_the_int8_model_is_the_integer_reference(evaluation, pipeline, bank):
    ends = bank.windows("test", STRIDE)
    for name, edge in pipeline.edges.items():
        encoder = edge.student.encoder
        forecast = predict_reference(edge.spec, encoder.encode(bank, ends), encoder.anchor(bank, ends))
        assert np.array_equal(evaluation.int8[name], forecast)
        found = evaluation.content["edge"][name]["int8"]["test"]["mae"]
        assert found == pytest.approx(mae(forecast, truth(bank, ends)), rel=1e-9)


def test_the_distance_of_an_interpreter_from_the_reference_is_in_soh(evaluation):
    for scores in evaluation.content["edge"].values():
        assert scores["litert"]["test"]["most_from_int8"] == pytest.approx(made_report.SHIFT * 2.0**-24)
        assert scores["tflm"]["test"]["most_from_int8"] == 0


def test_windows_count_as_after_the_knee_once_their_last_target_is_beyond_it(bank):
    cases = cases_of(bank, "test", 1)
    starts = {name: int(np.flatnonzero(bank.cell_index == bank.cells.index(name))[0]) for name in cases.knees}
    assert set(cases.knees.values()) == {made_report.KNEE}
    for end, cell, after in zip(cases.ends, cases.cell, cases.after, strict=True):
        last_row = end - starts[bank.cells[cell]] + bank.horizon - 1
        assert after == (last_row > made_report.KNEE)


def test_a_cell_without_a_knee_has_no_window_behind_it(bank):
    straight = replace(bank, target=1 - 1e-4 * np.arange(len(bank.target)))
    assert not cases_of(straight, "test", 1).after.any()


def test_elites_and_yardsticks_have_errors_by_cycle_and_cell_and_others_do_not(evaluation, pipeline):
    for name, scores in evaluation.content["students"].items():
        assert ("by_horizon" in scores["test"]) == ("cells" in scores["test"]) == (name in pipeline.elites)
    assert len(evaluation.content["baselines"]["ridge"]["test"]["by_horizon"]) == 10


def test_cells_outside_validation_and_test_change_nothing(evaluation, pipeline, bank, engines):
    others = np.isin(
        bank.cell_index, [i for i, name in enumerate(bank.cells) if bank.split[name] in ("unused", "train")]
    )
    changed = replace(bank, target=np.where(others, 0.5, bank.target), soh=np.where(others, 0.5, bank.soh))
    assert evaluate(pipeline, changed, STRIDE).content == evaluation.content


def test_targets_of_test_cells_do_not_reach_the_validation_figures(evaluation, pipeline, bank, engines):
    test = np.isin(bank.cell_index, [i for i, name in enumerate(bank.cells) if bank.split[name] == "test"])
    changed = evaluate(pipeline, replace(bank, target=np.where(test, bank.target - 0.1, bank.target)), STRIDE).content
    before = evaluation.content
    assert changed["teacher"]["validation"] == before["teacher"]["validation"]
    assert changed["teacher"]["test"] != before["teacher"]["test"]
    for name, scores in before["edge"].items():
        assert changed["edge"][name]["int8"]["validation"] == scores["int8"]["validation"]


def test_hidden_test_targets_are_refused(project, pipeline):
    with pytest.raises(DataError, match="allow_test"):
        evaluate(pipeline, Bank.load(project / "data/windows"), STRIDE)


def test_a_split_without_windows_is_named(pipeline, bank):
    empty = replace(bank, split={name: "train" if part == "test" else part for name, part in bank.split.items()})
    with pytest.raises(DataError, match="no test cell"):
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
def test_forecasts_of_a_baseline_that_do_not_fit_are_refused(pipeline, bank, change, message):
    with pytest.raises(ModelError, match=message):
        evaluate(_with_predictions(pipeline, change), bank, STRIDE)


def test_a_baseline_without_forecasts_is_named(pipeline, bank):
    with pytest.raises(ModelError, match="boosting: missing"):
        evaluate(replace(pipeline, predictions={}), bank, STRIDE)
