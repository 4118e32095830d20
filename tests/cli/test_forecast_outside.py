"""Forecasts of assets that are unlike those of training: said everywhere, and without an error measured on others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_pipeline import EDGE, make, synthetic_assets

import dlnet
from dlnet.baselines.saved import TrendDocument
from dlnet.cli import main
from dlnet.data.windows import WindowDataset
from dlnet.files import write_json
from dlnet.forecast import draw, forecast
from dlnet.forecast.fleet import forecast_fleet
from dlnet.forecast.outside import outside
from dlnet.forecast.picture import draw_fleet
from dlnet.models.document import Range, Seen
from dlnet.plots.style import figure_style
from dlnet.saved import load
from tasks import BATTERY


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("made"))


@pytest.fixture
def model(made, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return made / "models/edge" / EDGE


def cell(name="cell-3", rows=60):
    table = synthetic_assets().query("asset == @name").head(rows).reset_index(drop=True)
    return table.rename(columns={"quantity": "capacity"})[["CC Q", "CV Q", "capacity"]]


def run(model, *words):
    return main(["forecast", *words, "--model", str(model), "--out", "out"])


def broken(how):
    table = cell()
    match how:
        case "nominal":
            table["capacity"] *= 0.5
        case "feature":
            table["CC Q"] += 10
        case "order":
            table = pd.concat([table.iloc[i::2] for i in range(2)]).sample(frac=1, random_state=0)
            table["capacity"] = np.where(np.arange(60) % 12 < 6, 1.1, 0.9)
        case "cycle":
            table["cycle"] = np.roll(np.arange(60), 7)
    table.to_csv("odd.csv", index=False)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("nominal", "first SoH 0.4"),
        ("feature", "CC Q 10"),
        ("order", "SoH jumps by over"),
        ("cycle", "column 'cycle' does not rise"),
    ],
)
def test_an_asset_unlike_those_of_training_is_said_in_table_csv_page_and_exit_code_without_an_error(
    model, capsys, how, words
):
    broken(how)
    assert run(model, "odd.csv") == 3
    printed = capsys.readouterr().out
    assert f"Outside the training range: {words}" in printed
    assert "±" not in printed
    table = pd.read_csv("out/odd.csv")
    assert table["outside"].all()
    assert table["typical_error"].isna().all()
    page = Path("out/odd.html").read_text()
    assert f"outside: {words}" in page.replace("&#x27;", "'")
    assert "±" not in page


def test_an_asset_like_those_of_training_has_its_typical_error(model, capsys):
    cell().to_csv("cell.csv", index=False)
    assert run(model, "cell.csv") == 0
    assert "Outside" not in capsys.readouterr().out
    table = pd.read_csv("out/cell.csv")
    assert not table["outside"].any()
    assert table["typical_error"].notna().all()


def test_in_a_fleet_only_the_odd_one_is_outside(model):
    Path("cells").mkdir()
    for name in ("cell-0", "cell-1"):
        cell(name).to_csv(f"cells/{name}.csv", index=False)
    cell().assign(capacity=0.3).to_csv("cells/odd.csv", index=False)
    assert run(model, "cells") == 3
    table = pd.read_csv("out/assets.csv").set_index("asset")
    assert table["outside"].to_dict() == {"odd": True, "cell-0": False, "cell-1": False}
    assert table["typical_error"].isna().to_dict() == table["outside"].to_dict()
    assert table["status"]["odd"] == "outside"


def test_an_asset_outside_has_no_rank_and_stands_below_the_others_with_the_reason(model):
    Path("cells").mkdir()
    for name in ("cell-0", "cell-1"):
        cell(name).to_csv(f"cells/{name}.csv", index=False)
    cell().assign(capacity=0.3).to_csv("cells/odd.csv", index=False)  # its forecast would be the most urgent
    Path("cells/broken.csv").write_text("CC Q,CV Q,capacity\n1,2,three\n")
    run(model, "cells", "--end-of-life", "0.8")
    table = pd.read_csv("out/assets.csv")
    assert table["asset"].tolist()[2:] == ["odd", "broken"]
    assert table["rank"].tolist()[:2] == [1, 2]
    assert table["rank"].isna().tolist() == [False, False, True, True]
    assert "first SoH" in table["reason"][2]
    assert pd.isna(table["ranked_by"][2])
    page = Path("out/forecasts.html").read_text()
    assert '<tr class="outside"><td></td><td class=text>odd</td>' in page
    assert "they have no rank" in page


def test_the_picture_of_an_asset_outside_has_no_band_and_says_why(model):
    broken("nominal")
    odd = draw(forecast(Path("odd.csv"), load(model)))
    cell().to_csv("cell.csv", index=False)
    like = draw(forecast(Path("cell.csv"), load(model)))
    assert [len(figure.axes[0].collections) for figure in (odd, like)] == [0, 1]
    assert "No band: unlike the training cells" in odd.get_supxlabel()
    assert "(outside the training range)" in odd.get_suptitle()
    assert "typical error on validation cells" in like.get_supxlabel()


def test_python_says_it_too(model):
    broken("nominal")
    table = dlnet.load(model).forecast(pd.read_csv("odd.csv"))
    assert table["outside"].all()
    assert table["typical_error"].isna().all()


def test_a_model_stores_the_ranges_of_its_training_rows(model, made):
    dataset = WindowDataset.load(made / "data/windows")
    seen = load(model).document.seen
    rows = dataset.health[dataset.training_rows]
    assert seen.health == pytest.approx(np.quantile(rows, [0.001, 0.999]))
    first = [
        np.median(dataset.health[dataset.asset_index == dataset.assets.index(name)][:5]) for name in dataset.training
    ]
    assert seen.first == pytest.approx((min(first), max(first)))
    assert set(seen.features) == set(dataset.feature_names)


@pytest.mark.parametrize("unknown", [0, 3])
def test_first_rows_without_a_target_do_not_hide_that_an_asset_is_outside(unknown):
    seen = Seen(health=Range(0.8, 1.0), first=Range(0.98, 1.0), features={})
    health = np.full(40, 0.5)
    health[:unknown] = np.nan
    lines = outside(seen, health, np.empty((40, 0)), (), 30, BATTERY.target)
    assert [line.split(",")[0] for line in lines] == ["first SoH 0.5", "SoH 0.5 in 30 of the last 30 rows"]


def older(model, folder):
    folder.mkdir()
    for path in model.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    content = json.loads((folder / "model.json").read_text())
    del content["seen"]
    write_json(folder / "model.json", content)
    return folder


def test_a_model_that_stored_no_ranges_is_judged_by_its_encoder(model, tmp_path):
    old = older(model, tmp_path / "old")
    broken("feature")
    assert run(old, "odd.csv") == 3
    cell().to_csv("cell.csv", index=False)
    assert run(old, "cell.csv") == 0


def test_a_model_that_says_nothing_of_its_training_says_that(model, tmp_path, capsys):
    edge = load(model).document
    common = {name: getattr(edge, name) for name in ("data", "clean", "quantities", "validation")}
    old = tmp_path / "line"
    TrendDocument(name="line", degree=1, length=20, horizon=12, **common).write(old / "model.json")
    cell().to_csv("cell.csv", index=False)
    assert run(old, "cell.csv") == 0
    assert "nothing says whether these rows are like it" in capsys.readouterr().out


SEEN = Seen(health=Range(0.8, 1.0), first=Range(0.98, 1.0), features={"x": Range(1.0, 2.0)})
LINE = np.linspace(1.0, 0.9, 50)


@pytest.mark.parametrize(
    ("health", "feature", "count"),
    [
        (LINE, 1.5, 0),
        (LINE, 2.2, 0),  # within a quarter of the range's width
        (LINE, 2.3, 1),
        (LINE, 0.7, 1),
        (LINE - 0.05, 1.5, 1),  # begins below all training assets
        (LINE + 0.03, 1.5, 1),  # and above
        (LINE * 1.4, 1.5, 2),
    ],
)
def test_what_counts_as_outside(health, feature, count):
    values = np.full((50, 1), feature)
    assert len(outside(SEEN, health, values, ["x"], 50, BATTERY.target)) == count


@pytest.mark.parametrize(("odd", "count"), [(5, 0), (6, 1)])
def test_a_few_rows_beyond_the_range_are_no_other_asset(odd, count):
    values = np.full((50, 1), 1.5)
    values[:odd] = 9.0
    assert len(outside(SEEN, LINE, values, ["x"], 50, BATTERY.target)) == count


def test_rows_before_the_window_do_not_count_but_the_first_health_does():
    values = np.full((100, 1), 1.5)
    values[:50] = 9.0
    health = np.concatenate([np.full(50, 1.3), LINE - 0.02])
    (line,) = outside(SEEN, health, values, ["x"], 50, BATTERY.target)
    assert line.startswith("first SoH 1.3, in training 0.98 to 1")


def test_an_asset_outside_does_not_flatten_the_picture_of_the_others(model):
    for name in ("cell-0", "cell-1"):
        cell(name).to_csv(f"{name}.csv", index=False)
    cell().assign(capacity=0.3).to_csv("odd.csv", index=False)
    paths = [Path(f"{name}.csv") for name in ("cell-0", "cell-1", "odd")]
    fleet = forecast_fleet(paths, load(model))
    figure = draw_fleet(fleet)
    low, high = figure.axes[0].get_ylim()
    assert low > fleet.unlike[0].ahead.max()
    assert all(low < one.ahead.min() and one.history[-1] < high for one in fleet.forecasts[:2])
    assert "some beyond this picture" in figure.get_supxlabel()
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels[-1] == "outside: odd"


def test_a_long_caption_is_as_wide_as_its_picture(model):
    broken("nominal")
    with figure_style():
        figure = draw(forecast(Path("odd.csv"), load(model)))
        figure.canvas.draw()
        extent = figure._supxlabel.get_window_extent()
    assert "\n" in figure.get_supxlabel()
    assert 0 <= extent.x0 < extent.x1 <= figure.bbox.x1


def test_the_page_of_one_asset_says_nothing_of_a_ranking(model):
    cell().to_csv("cell.csv", index=False)
    run(model, "cell.csv")
    page = Path("out/cell.html").read_text()
    assert "rank" not in page.lower().replace("data:image", "").split("base64")[0]
    assert "ranked by" not in page
    assert "± " in page
