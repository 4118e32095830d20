"""Findings: typed, stored with the source, and shown as one table of the data report."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from synthetic_cells import SOURCE, cells_table, clean_params, split_params, task_params

from dlnet.data.documents import SourceRecord
from dlnet.data.findings import Finding, Kind, spans
from dlnet.data.prepare import prepare
from dlnet.data.report import SHOWN, describe, markdown
from tasks import BATTERY


def page(*findings):
    source = SOURCE.model_copy(update={"findings": findings})
    prepared = prepare(cells_table(), source, BATTERY, clean_params(), split_params(), task_params())
    return markdown(describe(prepared, clean_params(), split_params()), BATTERY, [])


@given(st.lists(st.booleans(), max_size=18))
def test_spans_are_the_stretches_of_odd_rows(odd):
    rows = {row for first, last in spans(np.array(odd, dtype=bool)) for row in range(first, last + 1)}
    assert rows == {i + 1 for i, one in enumerate(odd) if one}


def test_at_most_ten_stretches_are_listed():
    assert spans(np.arange(100) % 2 == 0) == tuple((i, i) for i in range(1, 20, 2))


def test_a_finding_stands_in_the_report_with_its_rows():
    text = page(Finding(asset="c|3", rows=((4, 9), (12, 12)), kind=Kind.JUMP, text="two jumps"))
    assert "| jump | c\\|3 | 4-9, 12 | two jumps |" in text


def test_the_page_lists_twenty_of_a_kind_and_counts_the_rest():
    many = [Finding(asset=f"c{i}", rows=(), kind=Kind.FILE, text="a word") for i in range(SHOWN + 3)]
    text = page(*many)
    assert text.count("| a word |") == SHOWN
    assert "3 more of kind 'file'" in text


def test_findings_are_stored_with_the_source(tmp_path):
    finding = Finding(asset="c1", rows=((1, 2),), kind=Kind.CHECK_UP, text="left out")
    SOURCE.model_copy(update={"findings": (finding,)}).write(tmp_path / "source.json")
    assert SourceRecord.read(tmp_path / "source.json").findings == (finding,)


def test_a_finding_of_two_lines_is_refused():
    with pytest.raises(ValidationError, match="must be one line"):
        Finding(asset="c1", rows=(), kind=Kind.FILE, text="a\nb")
