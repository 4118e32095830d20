"""Which model goes to the device."""

from dlnet.gate.choice import choose_edge


def test_the_least_validation_error_wins():
    assert choose_edge({"a": 0.002, "b": 0.001}).name == "b"


def test_of_equal_models_the_first_by_name_is_taken():
    assert choose_edge({"b": 0.001, "a": 0.001}).name == "a"
