"""The data report: numbers against a direct count, Markdown, pictures."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.image import imread
from synthetic_cells import SOURCE, cells_table, clean_params, split_params, task_params

from dlnet.data.prepare import prepare
from dlnet.data.report import describe, markdown
from dlnet.plots.data import PICTURES, draw
from dlnet.plots.style import figure_style, palette, save_figure
from tasks import BATTERY


@pytest.fixture(scope="module")
def prepared():
    table = cells_table()
    short = (table["asset"] == "c0") & (table["row"] >= 20)
    table = table[~short].reset_index(drop=True)
    return prepare(table, SOURCE, BATTERY, clean_params(), split_params(), task_params())


@pytest.fixture(scope="module")
def report(prepared):
    return describe(prepared, clean_params(), split_params())


def test_splits_are_counted(prepared, report):
    test = prepared.assets[prepared.assets["split"] == "test"]
    rows = prepared.rows[prepared.rows["asset"].isin(test["asset"])]
    part = report["splits"]["test"]
    assert part["assets"] == len(test)
    assert part["rows"] == len(rows)
    assert part["life"]["max"] == test["rows"].max()
    assert part["target"] == {"min": rows["health"].min(), "max": rows["health"].max()}


def test_the_share_outside_of_training_is_that_of_a_direct_count(prepared, report):
    split = prepared.assets.set_index("asset")["split"]
    split_of_row = prepared.rows["asset"].map(split)
    train, test = (prepared.rows.loc[split_of_row == name, "slope"].to_numpy() for name in ("train", "test"))
    low, high = np.percentile(train, [1, 99])
    assert report["ranges"]["slope"]["test"]["outside"] == sum(x < low or x > high for x in test) / len(test)


def test_cleaned_points_are_counted_and_the_worst_cell_is_first(prepared, report):
    changed = prepared.raw != prepared.rows["health"].to_numpy()
    per_asset = prepared.rows.assign(changed=changed).groupby("asset")["changed"].sum()
    assert report["cleaned"]["replaced_inputs"] == changed.sum()
    assert report["cleaned"]["worst_assets"][0]["touched_inputs"] == per_asset.max()


def test_an_unused_cell_is_named_with_its_reason(report):
    assert report["unused"] == [{"asset": "c0", "rows": 20, "why": "fewer than 30 cycles"}]


def test_markdown_has_label_notes_unused_cells_and_pictures(report):
    text = markdown(report, BATTERY, PICTURES)
    for text_part in ("# Data: own cells: synthetic", "- A note.", "c0 (20)", "| test |", "(life_curves.png)"):
        assert text_part in text


def test_simulated_data_are_labelled_in_text_and_titles(prepared):
    source = {"source": "embedded", "label": "embedded fleet (simulated)", "simulated": True}
    simulated = prepare(
        cells_table(), SOURCE.model_copy(update=source), BATTERY, clean_params(), split_params(), task_params()
    )
    report = describe(simulated, clean_params(), split_params())
    assert "(simulated)" in markdown(report, BATTERY, PICTURES).splitlines()[0]
    with figure_style():
        figures = draw(simulated, report)
    assert all("(simulated)" in figure.get_suptitle() for figure in figures)


def test_pictures_are_drawn_and_the_same_bytes_twice(prepared, report, tmp_path):
    for turn in ("one", "two"):
        with figure_style():
            for figure, (_, name) in zip(draw(prepared, report), PICTURES, strict=True):
                save_figure(figure, tmp_path / turn / name)
    for _, name in PICTURES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
        assert imread(tmp_path / "one" / name).std() > 0.05


def test_data_without_features_are_drawn_too(tmp_path):
    table = cells_table().drop(columns="slope")
    out = prepare(table, SOURCE, BATTERY, clean_params(), split_params(), task_params(features=()))
    report = describe(out, clean_params(), split_params())
    assert "Charge features" not in markdown(report, BATTERY, PICTURES)
    with figure_style():
        for figure in draw(out, report):
            save_figure(figure, tmp_path / "x.png")


def test_colours_repeat_when_they_run_out():
    assert palette(9)[8] == palette(9)[0]
