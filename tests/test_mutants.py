"""The list of breaks: each still applies, and names tests that exist. ``make mutants`` makes them."""

import ast

import pytest

from tests.mutants import FAILED, PASSED, ROOT, Mutant, broken, load, run_tests, verdict

MUTANTS = load()


def names_of_tests(path):
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.promise)
def test_a_break_applies_once(mutant):
    assert broken(mutant, (ROOT / mutant.file).read_text()) != (ROOT / mutant.file).read_text()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.promise)
def test_a_break_names_tests_that_exist(mutant):
    assert mutant.tests
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert (ROOT / file).is_file(), file
        assert not name or (name.startswith("test_") and name in names_of_tests(ROOT / file)), test


def test_there_are_many_and_each_stands_once():
    assert len({(mutant.file, mutant.find, mutant.replace) for mutant in MUTANTS}) == len(MUTANTS) > 40
    assert len({mutant.promise for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize(
    ("checks", "expected"), [("LIMIT == 3", "noticed"), ("LIMIT", "SURVIVED"), ("missing.name(", "NOT RUN")]
)
def test_a_break_that_no_test_notices_survives(tmp_path, checks, expected):
    (tmp_path / "limits.py").write_text("LIMIT = 3\n")
    (tmp_path / "test_limits.py").write_text(f"from limits import LIMIT\ndef test_limit(): assert {checks}\n")
    mutant = Mutant("a limit", "limits.py", "LIMIT = 3", "LIMIT = 4", ("test_limits.py",))
    assert verdict(mutant, tmp_path).startswith(expected)
    assert (tmp_path / "limits.py").read_text() == "LIMIT = 3\n"


@pytest.mark.parametrize("text", ["LIMIT = 3\nLIMIT = 3\n", "nothing of it\n"])
def test_a_break_that_does_not_stand_exactly_once_is_an_error(text):
    with pytest.raises(ValueError, match="not once"):
        broken(Mutant("a limit", "limits.py", "LIMIT = 3", "LIMIT = 4", ("test_limits.py",)), text)


def test_tests_are_run_in_the_copy(tmp_path):
    (tmp_path / "test_where.py").write_text(
        f"from pathlib import Path\ndef test_where(): assert Path.cwd() == Path({str(tmp_path)!r})\n"
    )
    assert run_tests(tmp_path, ("test_where.py",)) == PASSED != FAILED
