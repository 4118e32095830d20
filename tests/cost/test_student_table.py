"""Rows of a table of students against their networks and their integer specs."""

import pytest
import torch
from synthetic_dataset import small_net, synthetic_encoder

from dlnet.config.cost import CostParams
from dlnet.cost.table import costs, student_table
from dlnet.export.convert import weights_of
from dlnet.export.spec import make_spec
from dlnet.models.network import initial
from dlnet.models.precision import Precision
from dlnet.models.trained import TrainedModel

COST = CostParams(country="DEU", clock_mhz=64)
SHAPES = {
    "plain": {},
    "branches": {"branches": 3},
    "low rank": {"rank": 2, "cell": "ltc"},
    "4 bits": {"bits": 4},
    "all at once": {"branches": 2, "rank": 3, "bits": 4, "skip": "last", "level": True},
}


def random_student(**changes):
    """A student with random weights, none of them zero."""
    config, (_, encoder) = small_net(**changes), synthetic_encoder()
    return TrainedModel(
        "one", encoder, config, {k: v + 0.01 for k, v in initial(config, [0]).items()}, {"mae_validation": 1.0}
    )


@pytest.mark.parametrize("changes", SHAPES.values(), ids=SHAPES.keys())
def test_parameters_are_those_of_the_network_and_of_its_spec(changes):
    student = random_student(**changes)
    row = costs(student, COST)
    counted = sum(value[0].numel() for value in student.parameters.values())
    assert row["parameters"] == row["nonzero_parameters"] == counted
    assert make_spec(weights_of(student)).parameters == counted


def test_zeros_of_factors_and_of_branches_are_not_counted():
    student = random_student(branches=2, rank=3)
    for name, zeros in (("ux", 4), ("v", 5), ("wg", 2), ("wo", 7)):
        student.parameters[name].view(-1)[:zeros] = 0
    row = costs(student, COST)
    assert row["parameters"] - row["nonzero_parameters"] == 18


def test_bits_are_those_of_training_unless_given():
    trained, plain = random_student(bits=4), random_student()
    assert torch.equal(trained.parameters["wx"], plain.parameters["wx"])
    assert costs(trained, COST) == costs(plain, COST, Precision.of(4))
    assert costs(plain, COST) == costs(trained, COST, Precision())
    assert costs(trained, COST)["flash_bytes"] != costs(plain, COST)["flash_bytes"]


def test_a_table_has_a_row_a_student():
    table = student_table([random_student(), random_student(branches=3)], COST)
    assert table["parameters"].tolist() == [costs(random_student(branches=b), COST)["parameters"] for b in (1, 3)]
    assert table["flash_bytes"][1] > table["flash_bytes"][0]
