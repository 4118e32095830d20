"""Finished units of a study: run once for the same settings and code, again after a change of either."""

import ast

import pytest

from dlnet.errors import DocumentError
from studies import stored

MODULE = "studies.cell_split"


@pytest.fixture(name="run")
def _run(tmp_path):
    """Runs the unit with the settings, and returns its rows and how often the work was done."""
    done = []

    def work():
        done.append(1)
        return [{"name": "ridge", "mae": 0.25 + len(done)}]

    def run(settings):
        rows = stored.rows_of(tmp_path / "unit.json", MODULE, settings, work)
        return rows, len(done)

    return run


def test_a_finished_unit_is_not_run_again(run):
    assert run({"seed": 1}) == run({"seed": 1}) == ([{"name": "ridge", "mae": 1.25}], 1)


def test_other_settings_run_it_again(run):
    run({"seed": 1})
    assert run({"seed": 2}) == ([{"name": "ridge", "mae": 2.25}], 2)


def test_other_code_runs_it_again(run, monkeypatch):
    run({"seed": 1})
    monkeypatch.setattr(stored, "code_hash", lambda module: "other")
    assert run({"seed": 1})[1] == 2


def test_a_file_that_is_no_unit_is_named(run, tmp_path):
    (tmp_path / "unit.json").write_text('{"rows": []}')
    with pytest.raises(DocumentError, match=r"unit\.json"):
        run({})


def hash_of(module, change, monkeypatch):
    """The code's hash if one file's text is replaced by ``change(text)``."""
    real = stored._without_docstrings
    target = stored._file("dlnet.metrics").read_text()
    with monkeypatch.context() as patch:
        patch.setattr(stored, "_without_docstrings", lambda code: real(change(code) if code == target else code))
        stored.code_hash.cache_clear()
        found = stored.code_hash(module)
    stored.code_hash.cache_clear()
    return found


def test_code_that_is_imported_indirectly_counts(monkeypatch):
    before = stored.code_hash(MODULE)
    assert hash_of(MODULE, lambda code: f"{code}\nUSED = 1\n", monkeypatch) != before


def test_a_comment_or_docstring_does_not_count(monkeypatch):
    before = stored.code_hash(MODULE)
    doc = ast.get_docstring(ast.parse(stored._file("dlnet.metrics").read_text()))
    changed = hash_of(MODULE, lambda code: code.replace(doc, "Another.") + "\n# a comment\n", monkeypatch)
    assert changed == before


def test_code_that_is_not_imported_does_not_count():
    assert "dlnet.relay" not in stored._graph().find_upstream_modules(MODULE)
