"""The study's figures against a small table whose means and spreads are known by hand."""

import numpy as np
import pandas as pd
import pytest

from dlnet.errors import ModelError
from studies.results.page import front_page, page
from studies.results.results import stage1_gains, stage2_gains, summarise

SCORES = ("mae", "rmse", "asset_mae", "worst_asset_mae")


def row(kind, name, split, seed, mae, **more):
    scores = {f"{score}_{part}": mae for score in SCORES for part in ("test", "validation")}
    shape = {"cell": "liquid", "hidden": 8, "parameters": 300, "bytes": 1200}
    return {"kind": kind, "name": name, "split": split, "seed": seed, **shape, **scores, **more}


@pytest.fixture
def table():
    rows = []
    for split in (0, 1):
        names = ("persistence", "line", "parabola", "ridge", "boosting", "gru_small", "gru_large")
        rows += [row("baseline", name, split, 0, 0.004 + 0.002 * split, uses_target=True) for name in names]
        rows.append(row("teacher", "teacher", split, 0, 0.0009))
        for seed in (0, 1):
            labels = 0.001 * (1 + split) * (1 + seed)
            rows.append(row("student", f"liquid-8-labels-s{seed}", split, seed, labels, loss="labels"))
            rows.append(row("student", f"liquid-8-l1-s{seed}", split, seed, 0.9 * labels, loss="l1"))
            edge = row("edge", f"liquid-8-l1-s{seed}", split, seed, 0.002, stored_bytes=1500)
            edge |= {f"int8_{score}_test": 0.003 for score in SCORES}
            rows += [{**edge, "chosen_among": among} for among in ("all", "ltc")]
            for tag, mae in (("taught", 0.003), ("labels", 0.004)):
                more = {"method": "structured", "sparsity": 0.5, "parent": f"p{seed}", "stage2": tag}
                rows.append(row("pruned", f"p{seed}-{tag}", split, seed, mae, **more))
    return pd.DataFrame(rows)


def test_spread_is_over_splits_of_the_mean_over_seeds_and_over_seeds_within_a_split(table):
    labels = next(one for one in summarise(table, "with_target")["students"] if one["loss"] == "labels")
    by_hand = np.array([[0.001, 0.002], [0.002, 0.004]])  # splits x seeds
    assert labels["mae"]["mean"] == pytest.approx(by_hand.mean())
    assert labels["mae"]["std_splits"] == pytest.approx(by_hand.mean(axis=1).std())
    assert labels["mae"]["std_seeds"] == pytest.approx(by_hand.std(axis=1).mean())


def test_ratio_is_of_means_over_splits_with_the_range_of_single_splits(table):
    ratio = summarise(table, "with_target")["ratios"]["int8 over boosting"]
    assert ratio == pytest.approx({"mean": 0.003 / 0.005, "least": 0.003 / 0.006, "most": 0.003 / 0.004})


def test_the_edge_student_is_named_by_what_was_chosen_most(table):
    edge = summarise(table, "with_target")["edge"]
    assert (edge["name"], edge["spec_bytes"]) == ("liquid-8-l1", 1500)
    assert edge["worst_asset"]["mae"]["mean"] == pytest.approx(0.003)


def test_gain_is_paired_by_split_and_seed(table):
    students = table[table["kind"] == "student"]
    gain = next(one for one in stage1_gains(students, ["cell", "hidden", "loss"]) if one["loss"] == "l1")["gain"]
    assert gain == pytest.approx({"mean": 0.1, "std": 0.0}, abs=1e-12)


def test_stage2_gain_is_paired_by_network(table):
    (one,) = stage2_gains(table[table["kind"] == "pruned"])
    assert one["networks"] == 4
    assert one["gain"] == pytest.approx({"mean": 0.25, "std": 0.0})


def test_verdict_counts_the_splits_in_which_the_teacher_wins(table):
    assert "in 2 of 2 splits" in summarise(table, "with_target")["verdict"]


@pytest.fixture
def content(table):
    protocol = {"splits": [0, 1], "seeds": [0, 1], "shares": [], "share_splits": [0], "horizon": 100, "window": 50}
    return {
        "data": {"source": "mit", "label": "MIT–Stanford (measured)", "assets": 125, "rows": 85577},
        "protocol": {**protocol, "most_parameters": {"with_target": 1000}},
        "tracks": {"with_target": summarise(table, "with_target")},
    }


def test_page_shows_every_baseline_and_the_ratio(content):
    text = page(content)
    for word in ("persistence", "boosting", "liquid teacher", "int8 student", "0.600", "structured"):
        assert word in text


def test_front_page_keeps_what_stands_around_the_marks(content):
    text = front_page("before\n<!-- results -->\nold\n<!-- /results -->\nafter\n", content)
    assert text.startswith("before\n<!-- results -->")
    assert text.endswith("<!-- /results -->\nafter\n")
    assert "old" not in text
    assert "| **int8 liquid student** | 0.00300 ± 0.00000 | 0.0030 | 1,500 |" in text


def test_front_page_without_marks_is_refused(content):
    with pytest.raises(ModelError, match="marks"):
        front_page("no marks here", content)
