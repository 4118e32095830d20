"""reports/report.md and the series of dvc plots."""

import io

import made_report
import numpy as np
import pandas as pd
import pytest

from dlnet.report.candidate import table
from dlnet.report.page import page
from dlnet.report.plots import PICTURES
from dlnet.report.series import as_csv, series
from dlnet.report.tables import notes
from tasks import changed


@pytest.fixture
def text(summary, evaluation, choice) -> str:
    return page(summary, evaluation.content, choice)


def test_every_model_has_a_row(text, summary):
    rows = [line for line in text.splitlines() if line.startswith("|")]
    for name in [one.name for one in summary.elites] + [f"int8 {one.name}" for one in summary.edges]:
        assert any(name in row for row in rows)
    for name in ("persistence", "GRU small", "liquid teacher"):
        assert any(row.startswith(f"| {name}") for row in rows)


def test_every_picture_is_shown(text):
    assert [text.count(f"(figures/{name})") for _, name in PICTURES] == [1] * len(PICTURES)


def test_simulated_cells_are_called_so_at_the_top(text, summary, evaluation, choice):
    assert "Simulated" in text.split("\n\n")[1]
    measured = summary.model_copy(update={"data": summary.data.model_copy(update={"simulated": False})})
    assert "Simulated" not in page(measured, evaluation.content, choice)


def test_what_the_quick_preset_made_is_called_a_quick_look_at_the_top(text, summary, evaluation, choice):
    assert "Quick look" not in text
    quick = summary.model_copy(update={"data": summary.data.model_copy(update={"preset": "quick"})})
    assert "> Quick look: few and small networks" in page(quick, evaluation.content, choice).split("## ")[0]
    assert notes(quick)[0].startswith("Quick look")


def test_notes_of_the_data_and_the_verdict_on_the_teacher_are_read_out(text, summary):
    assert "- Made for a test." in text
    assert summary.teacher.verdict in text


def test_baselines_that_see_more_than_the_nets_are_starred(summary, evaluation, choice):
    sensors_only = summary.model_copy(update={"data": summary.data.model_copy(update={"track": "sensors_only"})})
    text = page(sensors_only, evaluation.content, choice)
    assert "| persistence* |" in text
    assert "sees SoH, which the nets do not" in text


def test_the_page_takes_the_words_and_the_unit_of_the_task(summary, evaluation, pipeline):
    wear = {"symbol": "VB", "quantity": "wear", "unit": "um", "other_units": {}, "over_nominal": False,
            "direction": "rising", "range": [0, 290], "end_of_life": None, "noise_floor": 0}  # fmt: skip
    quantities = changed(asset={"one": "cutter", "many": "cutters"}, target=wear)
    text = page(summary.model_copy(update={"data": summary.data.model_copy(update={"quantities": quantities})}),
                evaluation.content, made_report.choice(evaluation.content, pipeline, quantities))  # fmt: skip
    assert "Errors of VB (um) over the next 10 cycles, **test cutters**" in text
    assert "worst cutter |" in text
    assert "Worst cutter: " in text
    assert "SoH" not in text


def test_branches_are_told_where_there_are_several(text, summary, evaluation, choice):
    line = "Validation windows by the branch that handles them"
    assert line not in text
    assert not any(line in note for note in notes(summary))
    first, *rest = summary.elites
    used = first.model_copy(update={"branch_usage": (0.617, 0.383)})
    branched = summary.model_copy(update={"elites": (used, *rest)})
    expected = f"{line}: {first.name} 62 / 38 %."
    assert expected in page(branched, evaluation.content, choice)
    assert expected in notes(branched)


def test_weights_of_four_bits_are_told_where_there_are_some(text, summary, evaluation, choice):
    line = "Weights of 4 bits instead of 8"
    assert line not in text
    assert not any(line in note for note in notes(summary))
    first, *rest = summary.edges
    lowered = first.model_copy(update={"four_bits": ("inner", "head")})
    mixed = summary.model_copy(update={"edges": (lowered, *rest)})
    expected = f"{line}: {first.name} inner and head."
    assert expected in page(mixed, evaluation.content, choice)
    assert expected in notes(mixed)


def test_a_table_has_as_many_cells_in_each_line():
    lines = table(["a", "b"], [["1", "2"], ["3", "4"]]).splitlines()
    assert {line.count("|") for line in lines} == {3}


@pytest.fixture
def tables(evaluation, pipeline, dataset, summary):
    return series(evaluation, pipeline, dataset, summary)


def test_series_survive_a_csv_to_nine_digits(tables):
    for found in tables.values():
        again = pd.read_csv(io.StringIO(as_csv(found)))
        assert list(again) == list(found)
        for column in found.select_dtypes("number"):
            assert again[column].to_numpy() == pytest.approx(found[column].to_numpy(), rel=1e-8, nan_ok=True)


def test_the_curve_by_row_ahead_averages_to_the_mae(tables, summary):
    table_ = tables["horizon.csv"]
    assert table_["int8"].mean() == pytest.approx(summary.edge.mae_int8)
    assert table_["boosting"].mean() == pytest.approx(summary.baselines["boosting"].mae)


def test_the_worst_asset_is_shown_at_the_row_that_was_forecast(tables, dataset, summary):
    found = tables["worst_asset.csv"]
    asset = dataset.assets.index(summary.edge.worst_asset.asset)
    life = dataset.target[dataset.asset_index == asset]
    assert found["true"].to_numpy() == pytest.approx(life[found["row"]], abs=1e-6)


def test_the_true_target_at_the_horizon_belongs_to_its_window(tables, dataset):
    ends = dataset.windows("test", 3)
    assert np.allclose(tables["forecast.csv"]["true"], dataset.target[ends + dataset.horizon - 1], atol=1e-6)


def test_a_front_is_part_of_all_its_models(tables, pipeline):
    for front in ("front1", "front2"):
        chosen, every = tables[f"{front}_front.csv"]["name"], tables[f"{front}_all.csv"]["name"]
        assert set(chosen) == set(pipeline.fronts[front].front)
        assert len(every) == len(pipeline.tables[front])
