"""docs/security.md says what the tests try."""

from tests.attacks import PAGE, collected, load, page


def test_the_table_is_that_of_the_tests():
    text = PAGE.read_text()
    assert text == page(text), "python -m tests.attacks writes it"


def test_each_attack_stands_once():
    attacks = [(attack.on, attack.attack) for attack in load()]
    assert len(set(attacks)) == len(attacks)


def test_a_case_of_each_value_is_counted():
    name = "tests/registry/test_names.py"
    cases = collected([name])
    assert cases[name] == sum(cases.values()) / 2 > len(cases) - 1 > 0
