"""The study of few own cells: who trains and who tests, its table, and its page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from synthetic_dataset import described, tables, task

from dlnet.data.documents import PublicSource
from dlnet.data.prepare import Prepared
from dlnet.data.public import PublicAssets
from dlnet.metrics import paired_ratio
from studies.few.__main__ import Unit, settings, units
from studies.few.cells import Case, available, make_case_split
from studies.few.config import FewConfig
from studies.few.page import by_cell, page, summarise, verdict

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def config() -> FewConfig:
    read = FewConfig.load(PROJECT / "params.yaml")
    few = read.few.model_copy(update={"own": [1, 3], "validation": 1, "least_test": 1})
    return read.model_copy(update={"few": few, "task": task()})


@pytest.fixture(scope="module")
def case() -> Case:
    rows, assets = tables(("train",) * 6)
    empty = np.zeros(0)
    own = Prepared(rows, assets, described(task()), empty, empty, empty)
    other, lines = tables(("train",) * 2)
    named = other.assign(asset="mit:" + other["asset"])
    lines = lines.assign(asset="mit:" + lines["asset"], weight=0.5)
    record = PublicSource(source="mit", label="MIT", simulated=False, weight=0.5, assets=2, rows=len(other), used=2)
    return Case("mit", own, (PublicAssets(record, named, lines),))


def roles(split) -> dict[str, set[str]]:
    assigned: dict[str, set[str]] = {}
    for name, role in split.dataset.split.items():
        assigned.setdefault(role, set()).add(name)
    return assigned


def test_test_cells_are_the_same_for_every_number_of_own_cells(config, case):
    few, more = (roles(make_case_split(config, case, own, 0, public=False)) for own in (1, 3))
    assert few["test"] == more["test"]
    assert few["validation"] == more["validation"]
    assert few["train"] < more["train"]
    assert [len(more[role]) for role in ("train", "validation", "test")] == [3, 1, 2]


def test_public_cells_train_beside_the_own_ones_and_change_no_other_window(config, case):
    alone, both = (make_case_split(config, case, 1, 0, public) for public in (False, True))
    assert roles(both)["train"] - roles(alone)["train"] == {"mit:c0", "mit:c1"}
    np.testing.assert_array_equal(alone.test, both.test)
    np.testing.assert_array_equal(alone.windows.validation, both.windows.validation)
    assert alone.encoder.center == both.encoder.center


def rows(error: dict[tuple[int, bool], dict[str, float]]) -> list[dict]:
    return [
        {"model": model, "own": 4, "seed": seed, "public": public, "cells": cells}
        for model in ("student", "ridge", "boosting")
        for (seed, public), cells in error.items()
    ]


def test_the_ratio_is_that_of_means_over_cells_each_over_its_seeds():
    alone = {0: {"a": 1.0, "b": 2.0}, 1: {"b": 4.0, "c": 5.0}}
    both = {0: {"a": 0.5, "b": 1.0}, 1: {"b": 3.0, "c": 4.0}}
    found = summarise(rows({(s, p): (both if p else alone)[s] for s in (0, 1) for p in (False, True)}))[0]
    truth = paired_ratio({"a": 0.5, "b": 2.0, "c": 4.0}, {"a": 1.0, "b": 3.0, "c": 5.0})
    assert (found["ratio"], found["low"], found["high"]) == (truth.ratio, truth.low, truth.high)
    assert found["ratio"] == pytest.approx(6.5 / 9.0)
    assert (found["seeds"], found["test_cells"]) == (2, 3)


def test_the_error_of_a_cell_is_the_mean_over_the_seeds_that_test_it():
    assert by_cell([{"cells": {"a": 1.0}}, {"cells": {"a": 3.0, "b": 5.0}}]) == {"a": 2.0, "b": 5.0}


@pytest.mark.parametrize(("ratio", "words"), [(0.9, "reached"), (0.91, "not reached")])
def test_the_verdict_holds_the_student_against_the_goal(ratio, words):
    row = {"model": "student", "own": 4, "ratio": ratio, "low": 0.8, "high": 1.0}
    assert verdict([row]).endswith(f": {words}.")


def test_the_page_says_what_was_not_measured(config):
    table = [
        {"model": "student", "own": 4, "mae_alone": 2e-3, "mae_public": 1e-3, "ratio": 0.5, "low": 0.4, "high": 0.6}
    ]
    text = page({"mit": table}, ["hust", "tju"], config)
    assert "| int8 student | 4 | 0.00200 | 0.00100 | 0.500 | 0.400 to 0.600 |" in text
    assert "- HUST: not measured\n- TJU: not measured\n" in text


def test_other_sources_are_measured_where_the_mirror_names_them(config, tmp_path, monkeypatch):
    monkeypatch.delenv("DLNET_DATA_MIRROR", raising=False)
    assert available(config, "mit")
    assert not available(config, "hust")
    (tmp_path / "hust").mkdir()
    monkeypatch.setenv("DLNET_DATA_MIRROR", f"{tmp_path}/{{source}}")
    assert available(config, "hust")
    assert not available(config, "tju")


def test_a_unit_is_run_again_when_its_settings_change_and_no_other(config):
    unit = Unit(1, 0, True)
    few = config.few.model_copy(update={"seeds": [0, 1, 2, 3]})
    assert settings(config.model_copy(update={"few": few}), unit) == settings(config, unit)
    other = config.few.model_copy(update={"hidden": 8})
    assert settings(config.model_copy(update={"few": other}), unit) != settings(config, unit)
    assert len({(one.own, one.seed, one.public) for one in units(config)}) == 2 * 3 * 2
