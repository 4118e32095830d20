import numpy as np
import pytest
import torch
from sklearn.metrics import mean_absolute_error
from sklearn.metrics.pairwise import paired_cosine_distances

from dlnet.distill import losses

M, B, P = 3, 6, 8


@pytest.fixture
def pair():
    source = torch.Generator().manual_seed(0)
    return torch.randn(M, B, P, generator=source), torch.randn(M, B, P, generator=source)


def test_l1_is_the_mean_absolute_error(pair):
    output, wanted = pair
    truth = [mean_absolute_error(w.numpy(), o.numpy()) for o, w in zip(output, wanted, strict=True)]
    np.testing.assert_allclose(losses.l1(output, wanted).numpy(), truth, rtol=1e-5)


def test_l1_counts_known_labels_alone(pair):
    output, wanted = pair
    wanted[0, 1:4], wanted[2, 0, 5:] = torch.nan, torch.nan
    truth = np.nanmean(np.abs(output.numpy() - wanted.numpy()), axis=(1, 2))
    np.testing.assert_allclose(losses.l1(output, wanted).numpy(), truth, rtol=1e-5)


def test_unknown_labels_leave_no_nan_in_the_gradient(pair):
    output, wanted = pair[0].requires_grad_(True), pair[1]
    wanted[:, 2:], wanted[1] = torch.nan, torch.nan
    losses.l1(output, wanted).sum().backward()
    known = ~torch.isnan(wanted)
    size = torch.where(known, 1 / known.sum((1, 2), keepdim=True).clamp(min=1), 0.0)
    torch.testing.assert_close(output.grad, torch.sign(output.detach() - wanted.nan_to_num()) * size)


def test_l1_without_any_label_is_zero(pair):
    output, wanted = pair
    wanted[1] = torch.nan
    assert losses.l1(output, wanted)[1] == 0


def test_mse_is_five_times_torchs(pair):
    truth = [5 * torch.nn.functional.mse_loss(o, w) for o, w in zip(*pair, strict=True)]
    torch.testing.assert_close(losses.mse(*pair), torch.stack(truth))


def test_cosine_is_one_minus_the_cosine(pair):
    truth = [paired_cosine_distances(o.numpy(), w.numpy()).mean() for o, w in zip(*pair, strict=True)]
    np.testing.assert_allclose(losses.cosine(*pair).numpy(), truth, rtol=1e-4)


def test_cosine_looks_at_the_shape_alone(pair):
    torch.testing.assert_close(losses.cosine(7 * pair[0], pair[1]), losses.cosine(*pair))


def test_cosine_of_a_flat_forecast_has_a_finite_gradient():
    output = torch.zeros(1, 2, P, requires_grad=True)
    losses.cosine(output, torch.ones(1, 2, P)).sum().backward()
    assert torch.isfinite(output.grad).all()


def test_hint_is_twice_the_mean_square_of_the_projected_path():
    rng, t, n, k = np.random.default_rng(1), 4, 5, 2
    path, projection = rng.normal(size=(t, M, n, B)), rng.normal(size=(M, n, k))
    wanted = rng.normal(size=(M, B, t, k))
    truth = [
        2 * np.mean([[(path[s, m, :, b] @ projection[m] - wanted[m, b, s]) ** 2 for s in range(t)] for b in range(B)])
        for m in range(M)
    ]
    found = losses.hint(list(torch.tensor(path)), torch.tensor(projection), torch.tensor(wanted))
    np.testing.assert_allclose(found.numpy(), truth, rtol=1e-6)


@pytest.mark.parametrize("name", losses.ON_OUTPUT)
def test_a_perfect_student_has_no_loss(name, pair):
    loss = losses.ON_OUTPUT[name](pair[0], pair[0].clone())
    torch.testing.assert_close(loss, torch.zeros(M), atol=1e-6, rtol=0)
