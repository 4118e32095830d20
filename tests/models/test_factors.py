"""Low rank against NumPy's singular value decomposition."""

import numpy as np
import pytest
import torch
from made_bank import small_net

from dlnet.models import factors
from dlnet.models.network import count_parameters, initial, predict


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
