"""Conversion of a trained student to the exporter's input."""

import numpy as np
import torch
from synthetic_dataset import small_net, synthetic_encoder

from dlnet.export.convert import weights_of
from dlnet.models.network import initial
from dlnet.models.trained import TrainedModel


def made(**changes):
    config, (_, encoder) = small_net(**changes), synthetic_encoder()
    source = torch.Generator().manual_seed(0)
    parameters = {k: v + 0.3 * torch.randn(v.shape, generator=source) for k, v in initial(config, [0]).items()}
    return TrainedModel("one", encoder, config, parameters)


def numbers(student, name):
    return student.parameters[name][0].numpy().astype(np.float64)


def test_factors_are_rescaled_to_the_range_of_the_engine_and_keep_their_product():
    student = made(rank=3)
    weights = weights_of(student)
    seen = np.vstack([numbers(student, "ux"), numbers(student, "uh")])
    balanced = np.vstack([weights.wx, weights.wh])
    assert np.abs(balanced @ weights.v - seen @ numbers(student, "v")).max() < 1e-14
    reach = 8 * np.abs(weights.wx).sum(axis=0) + np.abs(weights.wh).sum(axis=0)
    assert reach.max() <= 8 * (1 + 1e-14)
    assert (8 * np.abs(seen[:4]).sum(axis=0) + np.abs(seen[4:]).sum(axis=0)).max() > 8


def test_the_gate_reads_inputs_then_state_and_heads_stand_one_after_the_other():
    student = made(branches=3)
    weights = weights_of(student)
    assert weights.branches == 3
    assert np.array_equal(weights.wg, numbers(student, "wg"))
    assert weights.wg.shape == (4 + 5, 3)
    assert np.array_equal(weights.bg, numbers(student, "bg")[0])
    assert np.array_equal(weights.wo, numbers(student, "wo"))
    assert weights.wo.shape[1] == len(weights.bo) == 3 * 3


def test_a_plain_student_has_neither():
    weights = weights_of(made())
    assert (weights.v, weights.wg, weights.bg) == (None, None, None)
