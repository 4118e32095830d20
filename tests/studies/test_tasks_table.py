"""The table of docs/tasks.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlnet.errors import DLNetError
from dlnet.files import read_json
from studies.tasks.__main__ import RUNS
from studies.tasks.table import Entry, with_table

ROOT = Path(__file__).parents[2]


def test_the_page_holds_the_table_of_the_committed_figures() -> None:
    stored = read_json(ROOT / "docs/tasks.json")
    entries = [Entry.model_validate(stored[run.name]) for run in RUNS]
    page = (ROOT / "docs/tasks.md").read_text()
    assert with_table(page, entries) == page
    assert {entry.task for entry in entries} == {"battery", "pump", "generic"}


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(DLNetError, match="expected the marks"):
        with_table("# A page", [])
