"""Low rank against NumPy's singular value decomposition."""

from itertools import product

import numpy as np
import pytest
import torch
from synthetic_dataset import small_net

from dlnet.models import factors
from dlnet.models.architectures import count_parameters, predict
from dlnet.models.network import initial


@pytest.mark.parametrize("rank", [1, 3, 8])
def test_factors_are_the_nearest_matrix_of_their_rank(rank):
    parameters = initial(small_net(), [0, 1])
    product = factors.multiply(factors.split(parameters, rank))
    for m in range(2):
        full = np.vstack([parameters["wx"][m], parameters["wh"][m]]).astype(np.float64)
        values = np.linalg.svd(full, compute_uv=False)
        found = np.vstack([product["wx"][m], product["wh"][m]])
        assert np.linalg.matrix_rank(found, tol=1e-4) == min(rank, len(values))
        assert np.linalg.norm(full - found) == pytest.approx(np.sqrt((values[rank:] ** 2).sum()), abs=1e-4)


def test_full_rank_forecasts_as_before():
    config, plain = small_net(rank=9), small_net()
    z = torch.randn(3, plain.steps, plain.channels)
    whole = initial(plain, [0])
    split = factors.split(whole, 9)
    torch.testing.assert_close(predict(split, z, config), predict(whole, z, plain), atol=1e-5, rtol=0)


def test_a_small_rank_has_fewer_parameters():
    assert count_parameters(initial(small_net(rank=2), [0])) == count_parameters(initial(small_net(), [0])) - (
        (4 + 5) * 10 - 2 * (4 + 5 + 10)
    )


def wide_factors(seed=0):
    """Two networks whose first column of [ux; uh] is small already, and the others far too large."""
    source = torch.Generator().manual_seed(seed)
    spread = torch.tensor([0.01, 1.0, 30.0])
    return {
        "ux": torch.randn(2, 4, 3, generator=source, dtype=torch.float64) * spread,
        "uh": torch.randn(2, 5, 3, generator=source, dtype=torch.float64) * spread,
        "v": torch.randn(2, 3, 10, generator=source, dtype=torch.float64),
        "b": torch.zeros(2, 1, 10),
    }


def largest_low(ux, uh):
    """Largest of each of the r values over all inputs at ±8 and states at ±1, by trying every corner."""
    corners = np.array(list(product((-1, 1), repeat=9))) * np.array([8] * 4 + [1] * 5)
    return np.abs(corners @ np.vstack([ux, uh])).max(axis=0)


def test_balanced_factors_stay_within_the_range_of_their_format_and_keep_the_product():
    parameters = wide_factors()
    found = factors.balanced(parameters)
    for m in range(2):
        before = largest_low(parameters["ux"][m], parameters["uh"][m])
        after = largest_low(found["ux"][m], found["uh"][m])
        np.testing.assert_allclose(after, np.minimum(before, 8), rtol=1e-12)
        assert before[0] < 8 < before[1], "one column is unchanged, one is divided"
    for name, value in factors.multiply(parameters).items():
        torch.testing.assert_close(factors.multiply(found)[name], value)


def test_balanced_factors_of_one_network_are_the_same_in_a_stack():
    parameters = wide_factors()
    stacked = factors.balanced(parameters)
    for m in range(2):
        alone = factors.balanced({name: value[m] for name, value in parameters.items()})
        assert all(torch.equal(alone[name], value[m]) for name, value in stacked.items())


def test_the_divisor_is_a_constant_to_gradients():
    parameters = {name: value.requires_grad_() for name, value in wide_factors().items()}
    found = factors.balanced(parameters)
    ux, uh = (parameters[name].detach().numpy() for name in ("ux", "uh"))
    divisor = np.abs(ux).sum(1) + np.abs(uh).sum(1) / 8
    (found["ux"].sum() + found["v"].sum()).backward()
    for m in range(2):
        c = np.maximum(1, divisor[m])
        np.testing.assert_allclose(parameters["ux"].grad[m], np.tile(1 / c, (4, 1)))
        np.testing.assert_allclose(parameters["v"].grad[m], np.tile(c[:, None], (1, 10)))


def test_without_factors_nothing_is_balanced():
    parameters = initial(small_net(), [0])
    assert factors.balanced(parameters) is parameters
