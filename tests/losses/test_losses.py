from itertools import product
from typing import get_args

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist, squareform
from sklearn.metrics import mean_absolute_error
from sklearn.metrics.pairwise import paired_cosine_distances

from dlnet.config.students import TeacherLossName
from dlnet.losses import LOSSES, StudentOutputs, TeacherTargets, features, outputs, relations, soft

M, B, P = 3, 6, 8


@pytest.fixture
def pair():
    source = torch.Generator().manual_seed(0)
    return torch.randn(M, B, P, generator=source), torch.randn(M, B, P, generator=source)


def test_l1_is_the_mean_absolute_error(pair):
    output, target = pair
    truth = [mean_absolute_error(w.numpy(), o.numpy()) for o, w in zip(output, target, strict=True)]
    np.testing.assert_allclose(outputs.l1(output, target).numpy(), truth, rtol=1e-5)


def test_l1_counts_only_known_labels(pair):
    output, target = pair
    target[0, 1:4], target[2, 0, 5:] = torch.nan, torch.nan
    truth = np.nanmean(np.abs(output.numpy() - target.numpy()), axis=(1, 2))
    np.testing.assert_allclose(outputs.l1(output, target).numpy(), truth, rtol=1e-5)


def test_unknown_labels_leave_no_nan_in_the_gradient(pair):
    output, target = pair[0].requires_grad_(True), pair[1]
    target[:, 2:], target[1] = torch.nan, torch.nan
    outputs.l1(output, target).sum().backward()
    known = ~torch.isnan(target)
    size = torch.where(known, 1 / known.sum((1, 2), keepdim=True).clamp(min=1), 0.0)
    torch.testing.assert_close(output.grad, torch.sign(output.detach() - target.nan_to_num()) * size)


def test_l1_without_any_label_is_zero(pair):
    output, target = pair
    target[1] = torch.nan
    assert outputs.l1(output, target)[1] == 0


def test_mse_is_five_times_torchs(pair):
    truth = [5 * torch.nn.functional.mse_loss(o, w) for o, w in zip(*pair, strict=True)]
    torch.testing.assert_close(outputs.mse(*pair), torch.stack(truth))


def test_cosine_is_one_minus_the_cosine(pair):
    truth = [paired_cosine_distances(o.numpy(), w.numpy()).mean() for o, w in zip(*pair, strict=True)]
    np.testing.assert_allclose(outputs.cosine(*pair).numpy(), truth, rtol=1e-4)


def test_cosine_depends_only_on_the_shape(pair):
    torch.testing.assert_close(outputs.cosine(7 * pair[0], pair[1]), outputs.cosine(*pair))


def test_cosine_of_a_flat_forecast_has_a_finite_gradient():
    output = torch.zeros(1, 2, P, requires_grad=True)
    outputs.cosine(output, torch.ones(1, 2, P)).sum().backward()
    assert torch.isfinite(output.grad).all()


def test_hint_is_twice_the_mean_square_of_the_projected_path():
    rng, t, n, k = np.random.default_rng(1), 4, 5, 2
    path, projection = rng.normal(size=(t, M, n, B)), rng.normal(size=(M, n, k))
    target = rng.normal(size=(M, B, t, k))
    truth = [
        2 * np.mean([[(path[s, m, :, b] @ projection[m] - target[m, b, s]) ** 2 for s in range(t)] for b in range(B)])
        for m in range(M)
    ]
    loss = features.hint(list(torch.tensor(path)), torch.tensor(projection), torch.tensor(target))
    np.testing.assert_allclose(loss.numpy(), truth, rtol=1e-6)


T, N, K = 4, 5, 2


@pytest.fixture
def hidden():
    """A hidden path (T of (M, N, B)), a projection (M, N, K) and the teacher's last states (M, B, K)."""
    source = torch.Generator().manual_seed(1)
    path = [torch.randn(M, N, B, generator=source) for _ in range(T)]
    return path, torch.randn(M, N, K, generator=source), torch.randn(M, B, K, generator=source)


@pytest.fixture
def spread():
    return 0.2 * torch.rand(M, B, P, generator=torch.Generator().manual_seed(2))


def test_gaussian_is_torchs_divergence_of_normal_distributions(pair, spread):
    width = (spread**2 + soft.FLOOR**2).sqrt()
    teacher, student = torch.distributions.Normal(pair[1], width), torch.distributions.Normal(pair[0], width)
    truth = soft.UNIT * torch.distributions.kl_divergence(teacher, student).mean((1, 2))
    torch.testing.assert_close(soft.gaussian(*pair, spread), truth)


@pytest.mark.parametrize("temperature", [1.0, 2.0, 4.0])
def test_temperature_weighs_a_teacher_that_is_near(temperature):
    """T² KL of normal distributions √T wider is T times that of the narrow ones; bins cut their tails off."""
    mean, spread = torch.zeros(1, 1, 1), torch.zeros(1, 1, 1)
    near = torch.full((1, 1, 1), 0.1 * soft.FLOOR)
    wide = temperature**0.5 * soft.width_of(spread)
    teacher, student = torch.distributions.Normal(mean, wide), torch.distributions.Normal(near, wide)
    truth = soft.UNIT * temperature**2 * torch.distributions.kl_divergence(teacher, student).mean((1, 2))
    torch.testing.assert_close(truth, temperature * soft.gaussian(near, mean, spread))
    torch.testing.assert_close(soft.binned(near, mean, spread, temperature), truth, rtol=0.05, atol=0)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_binned_is_torchs_divergence_of_categories(pair, spread, temperature):
    output, mean = pair[1] + 0.1 * pair[0], pair[1]
    centres = torch.linspace(-soft.REACH, soft.REACH, soft.BINS) * soft.FLOOR + mean[..., None]
    width = soft.width_of(spread)[..., None]
    scores = [torch.distributions.Normal(at[..., None], width).log_prob(centres) for at in (mean, output)]
    teacher, student = (torch.distributions.Categorical(logits=score / temperature) for score in scores)
    truth = soft.UNIT * temperature**2 * torch.distributions.kl_divergence(teacher, student).mean((1, 2))
    torch.testing.assert_close(soft.binned(output, mean, spread, temperature), truth, rtol=1e-4, atol=1e-6)


def test_attention_compares_where_the_state_is_large(hidden):
    path, target = hidden[0], torch.rand(M, B, T, generator=torch.Generator().manual_seed(3))
    truth = np.zeros(M)
    for m in range(M):
        for b in range(B):
            own = np.array([np.mean(h[m, :, b].numpy() ** 2) for h in path])
            teacher = target[m, b].numpy()
            truth[m] += 2 * np.sum((own / np.linalg.norm(own) - teacher / np.linalg.norm(teacher)) ** 2) / B
    np.testing.assert_allclose(features.attention(path, target).numpy(), truth, rtol=1e-5)


def huber(gap):
    return np.where(np.abs(gap) <= 1, gap**2 / 2, np.abs(gap) - 0.5)


def test_relations_of_distance_are_those_of_scipy(hidden):
    state, target = hidden[0][-1].mT, hidden[2]
    truth = []
    for m in range(M):
        tables = []
        for points in (state[m].numpy(), target[m].numpy()):
            distances = pdist(points)
            tables.append(squareform(distances / distances.mean()))
        truth.append(huber(tables[0] - tables[1]).mean())
    np.testing.assert_allclose(relations.distance(state, target).numpy(), truth, rtol=1e-5)


def test_relations_of_angle_are_those_of_each_triplet(hidden):
    state, target = hidden[0][-1].mT.numpy(), hidden[2].numpy()

    def cosine(points, i, j, k):
        left, right = points[i] - points[j], points[k] - points[j]
        lengths = np.linalg.norm(left) * np.linalg.norm(right)
        return left @ right / lengths if lengths else 0.0

    truth = [
        2 * np.mean([huber(cosine(state[m], *at) - cosine(target[m], *at)) for at in product(range(B), repeat=3)])
        for m in range(M)
    ]
    loss = relations.angle(torch.from_numpy(state), torch.from_numpy(target))
    np.testing.assert_allclose(loss.numpy(), truth, rtol=1e-4)


def test_contrast_is_torchs_cross_entropy_over_the_batch(hidden):
    path, projection, target = hidden
    state = path[-1].mT
    truth = []
    for m in range(M):
        scores = [
            [torch.cosine_similarity(state[m, i] @ projection[m], target[m, j], dim=0) for j in range(B)]
            for i in range(B)
        ]
        scores = torch.tensor(scores) / relations.CONTRAST_TEMPERATURE
        truth.append(relations.CONTRAST_UNIT * torch.nn.functional.cross_entropy(scores, torch.arange(B)))
    torch.testing.assert_close(relations.contrast(state, projection, target), torch.stack(truth))


def same(pair, hidden, spread):
    """A student that computes what its teacher computes: equal forecasts, paths and states."""
    path = [h.clone() for h in hidden[0]]
    projection = torch.eye(N).expand(M, N, N)
    targets = TeacherTargets(
        pair[1], spread, torch.stack([h.mT for h in path], dim=2), torch.stack([(h**2).mean(1) for h in path], dim=2)
    )
    return StudentOutputs(pair[1].clone(), path, projection), targets


def test_params_may_name_every_loss():
    assert set(get_args(TeacherLossName)) == set(LOSSES)


@pytest.mark.parametrize("name", sorted(set(LOSSES) - {"contrast"}))
def test_a_perfect_student_has_no_loss(name, pair, hidden, spread):
    loss = LOSSES[name].loss(*same(pair, hidden, spread))
    torch.testing.assert_close(loss, torch.zeros(M), atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", LOSSES)
def test_no_loss_leaves_a_gradient_that_is_not_finite(name, pair, hidden, spread):
    student, targets = same(pair, hidden, spread)
    for part in (student.output, *student.path):
        part.requires_grad_(True)
    LOSSES[name].loss(student, targets).sum().backward()
    gradients = [part.grad for part in (student.output, *student.path) if part.grad is not None]
    assert gradients
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
