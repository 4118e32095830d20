"""The table of docs/tasks.md."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dlnet.errors import DLNetError
from dlnet.files import read_json
from studies.tasks.__main__ import RUNS
from studies.tasks.table import Entry, paired, with_table

ROOT = Path(__file__).parents[2]


def test_a_constant_ratio_has_an_interval_of_no_width() -> None:
    theirs = {f"a{i}": float(i + 1) for i in range(7)}
    found = paired({name: 0.5 * value for name, value in theirs.items()}, theirs)
    assert (found.ratio, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))


def test_the_interval_is_that_of_the_normal_approximation() -> None:
    """Of a ratio of means, by the delta method, for many assets."""
    rng = np.random.default_rng(1)
    theirs = rng.uniform(1, 2, 400)
    own = theirs * rng.uniform(0.5, 1.1, 400)
    names = [f"a{i:03}" for i in range(400)]
    found = paired(dict(zip(names, own, strict=True)), dict(zip(names, theirs, strict=True)))
    ratio = own.mean() / theirs.mean()
    spread = (own - ratio * theirs).std() / theirs.mean() / np.sqrt(400)
    assert found.ratio == pytest.approx(ratio)
    assert (found.low, found.high) == pytest.approx((ratio - 1.96 * spread, ratio + 1.96 * spread), rel=0.01)


def test_the_page_holds_the_table_of_the_committed_figures() -> None:
    stored = read_json(ROOT / "docs/tasks.json")
    entries = [Entry.model_validate(stored[run.name]) for run in RUNS]
    page = (ROOT / "docs/tasks.md").read_text()
    assert with_table(page, entries) == page
    assert {entry.task for entry in entries} == {"battery", "pump", "generic"}


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(DLNetError, match="expected the marks"):
        with_table("# A page", [])
