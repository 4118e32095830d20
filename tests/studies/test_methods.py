"""Gains of methods against figures known by hand."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dlnet.compress.methods import METHODS
from dlnet.errors import ModelError
from dlnet.files import read_json
from dlnet.losses import LOSSES
from studies.methods.page import summarise, with_tables, with_toolbox
from studies.methods.toolbox import TOOLBOX

PROJECT = Path(__file__).parents[2]


def row(method, seed, mae, baseline="labels", **more):
    content = {"track": "with_target", "share": 1.0, "family": "losses", "method": method, "seed": seed}
    content |= {"baseline": baseline, "mae_validation": mae, "mae_test": 2 * mae, "parameters": 10}
    return content | {"flash_bytes": 100.0, "instructions": 50.0, "note": ""} | more


@pytest.fixture
def table():
    labels = [row("labels", seed, 0.001 * (seed + 1)) for seed in range(3)]
    better = [row("l1", seed, 0.0009 * (seed + 1)) for seed in range(3)]
    worse = [row("mse", seed, 0.0011 * (seed + 1) + 1e-5 * seed) for seed in range(3)]
    same = [row("hint", seed, 0.001 * (seed + 1) * (0.9, 1.1, 1.0)[seed], note=f"n{seed}") for seed in range(3)]
    return pd.DataFrame(labels + better + worse + same)


def test_gain_is_paired_by_seed(table):
    found = {one["method"]: one for one in summarise(table)}
    assert found["l1"]["gain_validation"] == pytest.approx({"mean": 0.1, "std": 0.0}, abs=1e-12)
    assert found["hint"]["gain_test"]["std"] == pytest.approx(np.std([0.1, -0.1, 0.0], ddof=1))
    assert "gain_validation" not in found["labels"]


def test_a_method_that_is_itself_the_baseline_has_no_gain_also_when_read_back(table, tmp_path):
    whole = [row("whole", seed, 0.001, baseline=None, family="structure") for seed in range(3)]
    pd.concat([table, pd.DataFrame(whole)]).to_parquet(tmp_path / "rows.parquet")
    found = [one for one in summarise(pd.read_parquet(tmp_path / "rows.parquet")) if one["method"] == "whole"]
    assert [(one["baseline"], one["verdict"], "gain_validation" in one) for one in found] == [(None, "", False)]


@pytest.fixture
def controlled():
    """What three units leave of one family: a control first, then the untouched network and a method."""
    control = [row("whole, trained on", seed, 0.0008 * (seed + 1), baseline="whole") for seed in range(3)]
    whole = [row("whole", seed, 0.001 * (seed + 1), baseline=None) for seed in range(3)]
    pruned = [row("pruned", seed, 0.00088 * (seed + 1), baseline="whole, trained on") for seed in (2, 0, 1)]
    return pd.concat([pd.DataFrame(part) for part in (control, pruned, whole)], ignore_index=True)


def test_a_baseline_in_the_rows_of_another_unit_is_found(controlled):
    found = {one["method"]: one for one in summarise(controlled)}
    assert found["pruned"]["gain_validation"] == pytest.approx({"mean": -0.1, "std": 0.0}, abs=1e-12)
    assert found["whole, trained on"]["gain_validation"] == pytest.approx({"mean": 0.2, "std": 0.0}, abs=1e-12)
    assert found["pruned"]["verdict"] == "hurts"


def test_baselines_come_first_and_are_not_among_the_methods_that_help(controlled):
    rows = summarise(controlled)
    assert [one["method"] for one in rows] == ["whole", "whole, trained on", "pruned"]
    assert "Helps: none." in with_tables("<!-- methods --><!-- /methods -->", rows)


def test_a_note_that_all_seeds_share_is_told_once(controlled):
    page = with_tables("<!-- methods --><!-- /methods -->", summarise(controlled.assign(note="2 left")))
    assert page.count("2 left") == len(controlled["method"].unique())


def test_words_say_what_the_seeds_allow(table):
    verdicts = {one["method"]: one["verdict"] for one in summarise(table)}
    assert verdicts == {"labels": "", "l1": "helps", "mse": "hurts", "hint": "no clear effect"}


def test_tables_stand_between_the_marks_and_the_rest_stays(table):
    page = with_tables("before <!-- methods -->old<!-- /methods --> after", summarise(table))
    assert page.startswith("before <!-- methods -->")
    assert page.endswith("<!-- /methods --> after")
    assert "old" not in page
    assert "| l1 | 0.00180 ± 0.00090 | 0.00360 ± 0.00180 | +10.0 ± 0.0 % | +10.0 ± 0.0 % | 100 | 50 | helps |" in page
    assert "n0 · n1 · n2" in page
    assert "Helps: l1 (+10.0 %)." in page


def test_the_toolbox_names_every_method_and_code_that_exists():
    switches = " ".join(f"{tool.kind} {tool.switch}" for tool in TOOLBOX)
    assert [name for name in (*LOSSES, *METHODS) if f"{name}`" not in switches] == []
    assert [tool.code for tool in TOOLBOX if not (PROJECT / "dlnet" / tool.code).is_file()] == []


def test_the_page_of_the_project_has_the_toolbox_as_it_is():
    page = (PROJECT / "docs/methods.md").read_text()
    assert with_toolbox(page) == page
    assert read_json(PROJECT / "docs/methods.json")["toolbox"] == [asdict(tool) for tool in TOOLBOX]


def test_a_page_without_marks_is_refused(table):
    with pytest.raises(ModelError, match="marks"):
        with_tables("nothing", summarise(table))
