"""Stacked training against one network trained alone with torch's own parts."""

from dataclasses import replace

import numpy as np
import plain_truth
import pytest
import torch
from plain_gru import PlainGru
from synthetic_dataset import small_gru, small_net, synthetic_training_data

from dlnet.losses import LOSSES
from dlnet.models import architectures
from dlnet.models.architectures import predict
from dlnet.models.network import generator, initial
from dlnet.train.job import Job, curves
from dlnet.train.loop import train
from dlnet.train.plan import TrainPlan, loss_points

LOSSES = ("labels", *LOSSES)
BY_HAND = ("labels", "l1", "mse", "cosine", "hint")
CYCLES = [1, 3, 5, 7, 9]
PLAN = TrainPlan(steps=40, batch=8, warmup=5, noise=0.0, check=40, patience=99, points=5)


def assert_same(found, truth, tolerance=2e-5):
    for name, value in truth.items():
        torch.testing.assert_close(found[name], value, atol=tolerance, rtol=0, msg=lambda m, name=name: f"{name}: {m}")


def start_of_projection(job, config, width):
    """The initial projection, drawn as the loop draws it: the draw itself is not under test."""
    return torch.randn(config.hidden, width, generator=generator(job.seed + 1)) / config.hidden**0.5


@pytest.mark.parametrize(
    ("horizon", "points", "cycles"),
    [(10, 5, [1, 3, 5, 7, 9]), (100, 20, list(range(3, 100, 5))), (3, 20, [1, 2, 3])],
)
def test_loss_points_are_the_middles_of_equal_parts(horizon, points, cycles):
    assert loss_points(horizon, points).tolist() == cycles


@pytest.mark.parametrize("clip", [1e9, 0.05])
@pytest.mark.parametrize("steps", [1, 40])
def test_a_stack_of_all_losses_trains_each_as_torch_does_alone(steps, clip):
    """One AdamW step, then forty, each network on its own window; with ``clip`` 0.05 every gradient is clipped."""
    config, plan = small_net(), replace(PLAN, steps=steps, check=steps, clip=clip)
    training_sets = [synthetic_training_data(config, seed=i, count=1) for i in range(5)]
    jobs = [Job(loss, 3 + i, loss, 0.3, training_set=i) for i, loss in enumerate(BY_HAND)]
    for job, result in zip(jobs, train(config, jobs, training_sets, plan), strict=True):
        start = start_of_projection(job, config, 3)
        truth = plain_truth.train_alone(
            config, job, training_sets[job.training_set], plan, CYCLES, start if job.loss == "hint" else None
        )
        assert_same(result.parameters, truth)


@pytest.mark.parametrize("shape", [{}, {"skip": "last", "level": True}], ids=["slopes", "last and level"])
@pytest.mark.parametrize("clip", [1e9, 0.05])
@pytest.mark.parametrize("steps", [1, 40])
def test_a_stack_of_grus_trains_each_as_a_plain_loop_does(shape, steps, clip):
    """The same loss points, learning rate and clipping as the liquid networks have."""
    config, plan = small_gru(**shape), replace(PLAN, steps=steps, check=steps, clip=clip)
    training_sets = [synthetic_training_data(config, seed=i, count=1) for i in range(3)]
    jobs = [Job(str(i), 3 + i, training_set=i) for i in range(3)]
    for job, found in zip(jobs, train(config, jobs, training_sets, plan), strict=True):
        start = {name: value[0] for name, value in architectures.initial(config, [job.seed]).items()}
        plain = PlainGru(config, start)
        plain_truth.train_module(plain, training_sets[job.training_set], plan, CYCLES)
        assert_same(found.parameters, plain.as_stacked())
        assert not torch.equal(found.parameters["weight_hh_l0"], start["weight_hh_l0"])


SHAPES = {"gru": small_gru(), **{cell: small_net(cell=cell) for cell in ("liquid", "ltc", "ltc2")}}


@pytest.mark.slow
@pytest.mark.parametrize("cell", SHAPES)
def test_a_stack_gives_the_weights_of_each_alone(cell):
    config, plan = SHAPES[cell], replace(PLAN, noise=0.2, check=10)
    training_data = synthetic_training_data(config, labelled=30)
    jobs = [Job(f"{loss}-{seed}", seed, loss, 0.5) for loss in LOSSES for seed in (0, 1)]
    for job, result in zip(jobs, train(config, jobs, [training_data], plan), strict=True):
        alone = train(config, [job], [training_data], plan)[0]
        assert_same(result.parameters, alone.parameters)
        assert result.mae_validation == pytest.approx(alone.mae_validation, rel=1e-4)


def misled(config):
    """Data whose labels lead away from the truth of validation: after the first validation it only gets worse."""
    training_data = synthetic_training_data(config)
    return replace(
        training_data,
        change=torch.full_like(training_data.change, -50.0),
        validation_change=training_data.validation_change * 0,
    )


def test_early_stopping_is_independent():
    config, plan = small_net(), replace(PLAN, steps=60, check=5, patience=2, noise=0.1)
    training_sets = [synthetic_training_data(config), misled(config)]
    jobs = [
        Job("a", 0),
        Job("misled", 1, training_set=1),
        Job("b", 2, "l1", 0.5),
        Job("misled too", 5, training_set=1),
    ]
    results = train(config, jobs, training_sets, plan)
    for job, result in zip(jobs, results, strict=True):
        assert_same(result.parameters, train(config, [job], training_sets, plan)[0].parameters)
    last = [result.curve[-1][0] for result in results]
    assert last[1] == last[3] == 15  # the first validation is the best, two more do not improve
    assert last[0] == last[2] == 60


def test_training_ends_when_its_only_network_stops():
    config = small_net()
    result = train(config, [Job("misled", 1)], [misled(config)], replace(PLAN, steps=1000, check=5, patience=1))[0]
    assert (result.steps, [point[0] for point in result.curve]) == (5, [5, 10])


def test_the_weights_of_the_best_validation_are_returned():
    config, training_data = small_net(), synthetic_training_data(small_net())
    result = train(config, [Job("a", 4)], [training_data], replace(PLAN, steps=60, check=3, learning_rate=0.1))[0]
    best = min(result.curve, key=lambda point: point[3])
    assert best[0] < 60  # else the test would prove nothing
    assert (result.steps, result.mae_validation) == (best[0], best[3])
    stack = {name: value[None] for name, value in result.parameters.items()}
    change = predict(stack, training_data.validation_z, config)[0].numpy()
    mae = np.abs(change * 0.02 - training_data.validation_change.numpy() * 0.02).mean()
    assert result.mae_validation == pytest.approx(mae, rel=1e-5)


def test_training_learns():
    config, training_data = small_net(), synthetic_training_data(small_net(), count=400)
    result = train(config, [Job("a", 0)], [training_data], replace(PLAN, steps=300, batch=64, check=100))[0]
    constant = (training_data.change.mean(0) - training_data.validation_change).abs().mean().item() * 0.02
    assert result.mae_validation < 0.6 * constant


def test_masked_weights_stay_zero_and_the_rest_moves():
    config, training_data = small_net(), synthetic_training_data(small_net())
    keep = {k: (torch.rand(v[0].shape) > 0.5).float() for k, v in initial(config, [0]).items() if k in ("wx", "wh")}
    start = {k: v[0] * keep.get(k, 1) for k, v in initial(config, [0]).items()}
    jobs = [Job("masked", 0, start=start, mask=keep), Job("free", 0)]
    masked, free = (result.parameters for result in train(config, jobs, [training_data], replace(PLAN, check=10)))
    for name, mask in keep.items():
        assert (masked[name][mask == 0] == 0).all()
        assert (masked[name][mask == 1] != start[name][mask == 1]).all()
        assert (free[name] != 0).all()


def test_start_is_where_training_begins():
    config, training_data = small_net(), synthetic_training_data(small_net())
    start = {k: v[0] for k, v in initial(config, [99]).items()}
    plan = replace(PLAN, steps=1, check=1, learning_rate=1e-12, weight_decay=0.0)
    assert_same(train(config, [Job("a", 0, start=start)], [training_data], plan)[0].parameters, start, 1e-6)


def poisoned(training_data):
    """NaN in all windows without labels: their use would make weights NaN."""
    z = training_data.z.clone()
    z[training_data.labelled :] = torch.nan
    return replace(training_data, z=z)


def test_training_on_labels_only_uses_no_windows_without_labels():
    config = small_net()
    training_data = poisoned(synthetic_training_data(config, count=40, labelled=4))
    for result in train(config, [Job("a", 0), Job("b", 1)], [training_data], replace(PLAN, noise=0.1)):
        assert all(torch.isfinite(value).all() for value in result.parameters.values())


def test_a_teacher_labels_windows_without_labels():
    config = small_net()
    training_data = synthetic_training_data(config, count=40, labelled=4)
    teacher = training_data.teacher.clone()
    teacher[4:] -= 1
    jobs = [Job("with teacher", 0, "l1", 0.5), Job("alone", 0, "labels")]
    before, after = (
        train(config, jobs, [data], PLAN) for data in (training_data, replace(training_data, teacher=teacher))
    )
    assert not torch.allclose(before[0].parameters["wo"], after[0].parameters["wo"], atol=1e-3)
    assert torch.equal(before[1].parameters["wo"], after[1].parameters["wo"])


def test_alpha_one_uses_only_labels():
    config = small_net()
    jobs = [Job("labels", 0, "labels"), Job("l1", 0, "l1", 1.0)]
    labels, distilled = train(config, jobs, [synthetic_training_data(config)], PLAN)
    assert_same(distilled.parameters, labels.parameters)


def test_noise_shifts_only_the_features():
    config = small_net()
    training_data = synthetic_training_data(config, count=1)
    quiet = train(config, [Job("a", 0)], [training_data], PLAN)[0].parameters
    no_features = replace(training_data, features=slice(4, 4))
    loud = train(config, [Job("a", 0)], [no_features], replace(PLAN, noise=50.0))[0].parameters
    shifted = train(config, [Job("a", 0)], [training_data], replace(PLAN, noise=1.0))[0].parameters
    assert_same(loud, quiet, 0)
    assert not torch.allclose(shifted["wx"], quiet["wx"], atol=1e-3)


def test_training_does_not_change_its_windows():
    config = small_net()
    training_data = synthetic_training_data(config)
    before = training_data.z.clone()
    train(config, [Job("a", 0)], [training_data], replace(PLAN, noise=1.0))
    assert torch.equal(training_data.z, before)


def test_curves_have_each_validation():
    config = small_net()
    table = curves(
        train(config, [Job("a", 0), Job("b", 1, "l1")], [synthetic_training_data(config)], replace(PLAN, check=15))
    )
    assert list(table.itertuples(index=False))[0]._fields == ("name", "step", "loss", "mae_validation")
    assert table["name"].tolist() == ["a"] * 3 + ["b"] * 3
    assert table["step"].tolist() == [15, 30, 40] * 2  # the last step is validated, whatever ``check`` is
    assert np.isfinite(table[["loss", "mae_validation"]].to_numpy()).all()


def test_the_temperature_affects_only_binned():
    config = small_net()
    training_data = synthetic_training_data(config)
    jobs = [Job("binned", 0, "binned", 0.2), Job("l1", 1, "l1", 0.2)]
    cold, warm = (train(config, jobs, [training_data], replace(PLAN, temperature=value)) for value in (0.5, 8.0))
    assert not torch.equal(cold[0].parameters["wo"], warm[0].parameters["wo"])
    assert torch.equal(cold[1].parameters["wo"], warm[1].parameters["wo"])
