"""The study's figures against a small table whose means and spreads are known by hand."""

import re

import numpy as np
import pandas as pd
import pytest

from dlnet.errors import ModelError
from studies.results.page import front_page, page
from studies.results.ratios import gains, over
from studies.results.results import stage2_gains, summarise

SCORES = ("mae", "rmse", "asset_mae", "worst_asset_mae")


def row(kind, name, split, seed, mae, **more):
    scores = {f"{score}_{part}": mae for score in SCORES for part in ("test", "validation")}
    shape = {"cell": "liquid", "hidden": 8, "parameters": 300, "bytes": 1200}
    cells = {"a": (mae, 3), f"of split {split}": (2 * mae, 1)}
    return {"kind": kind, "name": name, "split": split, "seed": seed, **shape, **scores, "cells_test": cells, **more}


@pytest.fixture
def table():
    rows = []
    for split in (0, 1):
        names = ("persistence", "line", "parabola", "ridge", "boosting", "boosting_age", "gru_small", "gru_large")
        rows += [row("baseline", name, split, 0, 0.004 + 0.002 * split, uses_target=True) for name in names]
        rows.append(row("teacher", "teacher", split, 0, 0.0009))
        for seed in (0, 1):
            labels = 0.001 * (1 + split) * (1 + seed)
            rows.append(row("student", f"liquid-8-labels-s{seed}", split, seed, labels, loss="labels"))
            rows.append(row("student", f"liquid-8-l1-s{seed}", split, seed, 0.9 * labels, loss="l1"))
            edge = {**row("edge", f"liquid-8-l1-s{seed}", split, seed, 0.003), "mae_test_float": 0.002, "bytes": 1500}
            rows += [{**edge, "chosen_among": among} for among in ("all", "ltc")]
            costs = {"flash_bytes": 7000, "ram_bytes": 900, "instructions": 20000, "ms_modelled": 1.25}
            form = row("candidate", f"liquid-8-l1-s{seed}-blend", split, seed, 0.0025, form="blend", **costs)
            rows += [form, {**form, "kind": "other form", "form": "linear"}]
            for tag, mae in (("taught", 0.003), ("labels", 0.004)):
                more = {"method": "structured", "sparsity": 0.5, "parent": f"p{seed}", "stage2": tag}
                rows.append(row("pruned", f"p{seed}-{tag}", split, seed, mae, **more))
    return pd.DataFrame(rows)


def test_spread_is_over_splits_of_the_mean_over_seeds_and_over_seeds_within_a_split(table):
    labels = next(one for one in summarise(table, "with_target", 8)["students"] if one["loss"] == "labels")
    by_hand = np.array([[0.001, 0.002], [0.002, 0.004]])  # splits x seeds
    assert labels["mae"]["mean"] == pytest.approx(by_hand.mean())
    assert labels["mae"]["std_splits"] == pytest.approx(by_hand.mean(axis=1).std())
    assert labels["mae"]["std_seeds"] == pytest.approx(by_hand.std(axis=1).mean())


def test_a_ratio_is_of_the_summed_errors_of_the_same_cells(table):
    ratios = summarise(table, "with_target", 8)["ratios"]
    (one,) = [entry for entry in ratios if (entry["above"], entry["below"]) == ("int8 student", "boosting")]
    assert one["ratio"] == pytest.approx(0.003 / 0.005)  # of both splits together
    assert (one["least"], one["most"]) == pytest.approx((0.003 / 0.006, 0.003 / 0.004))
    assert one["goal"] == 1.0
    assert one["low"] <= one["ratio"] <= one["high"]


def test_a_goal_over_the_strongest_baseline_names_it(table):
    table.loc[(table["kind"] == "baseline") & (table["name"] == "line"), "mae_test"] /= 2
    ratios = summarise(table, "with_target", 8)["ratios"]
    assert {row["below"] for row in ratios if "strongest" in row["below"]} == {"the strongest baseline, line"}


def test_errors_of_a_cell_in_several_splits_count_with_their_windows(table):
    one = pd.DataFrame([row("edge", "n", split, seed, 0.001 * (1 + seed)) for split in (0, 1) for seed in (0, 1)])
    two = pd.DataFrame([row("edge", "n", split, 0, 0.003) for split in (0, 1)])
    assert over(one, two)["ratio"] == pytest.approx(0.5)


def test_the_edge_student_is_named_by_what_was_chosen_most(table):
    edge = summarise(table, "with_target", 8)["edge"]
    assert (edge["name"], edge["bytes"]) == ("liquid-8-l1", 1500)
    assert edge["worst_asset_mae"]["mean"] == pytest.approx(0.003)


def test_the_gain_of_a_loss_is_over_labels_alone_on_the_same_cells(table):
    (gain,) = gains(table[table["kind"] == "student"])
    assert (gain["loss"], gain["gain"]) == ("l1", pytest.approx(0.1))
    assert gain["low"] == pytest.approx(gain["high"])  # each cell gains the same


def test_stage2_gain_is_paired_by_network(table):
    (one,) = stage2_gains(table[table["kind"] == "pruned"])
    assert one["networks"] == 4
    assert one["gain"] == pytest.approx({"mean": 0.25, "std": 0.0})


def test_verdict_counts_the_splits_in_which_the_teacher_wins(table):
    assert "in 2 of 2 splits" in summarise(table, "with_target", 8)["verdict"]


@pytest.fixture
def content(table):
    protocol = {"splits": [0, 1], "seeds": [0, 1], "shares": [], "share_splits": [0], "horizon": 100, "window": 50}
    return {
        "data": {"source": "mit", "label": "MIT–Stanford (measured)", "assets": 125, "rows": 85577},
        "protocol": {**protocol, "most_parameters": {"with_target": 1000}},
        "tracks": {"with_target": summarise(table, "with_target", 8)},
        "few": {"own": 4, "ratio": 0.8, "low": 0.7, "high": 0.95, "goal": 0.9},
    }


def test_page_shows_every_baseline_and_the_ratio(content):
    text = page(content)
    for word in ("persistence", "boosting", "liquid teacher", "int8 student", "0.600", "≤ 1.00", "structured"):
        assert word in text


def test_front_page_keeps_what_stands_around_the_marks(content):
    text = front_page("before\n<!-- results -->\nold\n<!-- /results -->\nafter\n", content)
    assert text.startswith("before\n<!-- results -->")
    assert text.endswith("<!-- /results -->\nafter\n")
    assert "old" not in text
    assert "| int8 liquid student | 0.00300 ± 0.00000 | 0.0030 | 1,500 |" in text


def test_front_page_tells_every_goal_and_whether_it_is_reached(content):
    text = front_page("<!-- results -->\n<!-- /results -->\n", content)
    assert re.search(r"\| `with_target`: int8 student over boosting \| 0\.600 \| [\d.–]+ \| ≤ 1\.00 \| yes \|", text)
    assert re.search(r"\| `with_target`: int8 student over line \| 0\.600 \| [\d.–]+ \| ≤ 0\.50 \| no \|", text)
    assert "| `with_target`: gain of distilling, 8 neurons, 100% of the cells | +10.0 % |" in text
    assert "4 own cells and public ones over own alone | 0.800 | 0.700–0.950 | ≤ 0.90 | yes |" in text


def test_front_page_without_marks_is_refused(content):
    with pytest.raises(ModelError, match="marks"):
        front_page("no marks here", content)
