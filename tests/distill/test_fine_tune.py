"""Fine-tuning on own windows: what it trains on, and that it never makes a student worse on validation."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from synthetic_dataset import small_net, synthetic_training_data

from dlnet.config.students import FineTuneParams
from dlnet.distill.fine_tune import fine_tune
from dlnet.models.architectures import predict
from dlnet.train.job import Job
from dlnet.train.loop import train
from dlnet.train.plan import TrainPlan

PLAN = TrainPlan(steps=40, batch=16, warmup=5, noise=0.0, check=10, patience=99, points=5)
FEW_STEPS = FineTuneParams(steps=30, learning_rate=5e-3)
CONFIG = small_net()
JOBS = [Job("taught", 0, "hint", 0.5), Job("alone", 1)]


def mixed_data(wrong: bool = True):
    """40 windows, of which the last 25 are public; the labels and forecasts of those are wrong."""
    data = synthetic_training_data(CONFIG)
    public = torch.arange(40) >= 15
    change, teacher = data.change.clone(), data.change.clone()
    if wrong:
        change[public] *= -1
        teacher[public] *= -1
    return replace(data, change=change, teacher=teacher, own=~public, weights=torch.ones(40, dtype=torch.float64))


def error(result, data) -> float:
    stacked = {name: value[None] for name, value in result.parameters.items()}
    gap = predict(stacked, data.validation_z, CONFIG)[0] - data.validation_change
    return float(gap.abs().mean()) * data.delta_scale


@pytest.fixture(scope="module")
def data():
    return mixed_data()


@pytest.fixture(scope="module")
def before(data):
    return train(CONFIG, JOBS, [data], PLAN)


def test_own_labels_mend_what_wrong_public_ones_did(data, before):
    for old, new in zip(before, fine_tune(before, data, PLAN, FEW_STEPS), strict=True):
        assert new.lineage["fine_tuned"]
        assert new.result.mae_validation == pytest.approx(error(new.result, data), rel=1e-4)
        assert new.result.mae_validation < 0.97 * old.mae_validation
        assert (new.result.job.name, new.result.job.loss) == (old.job.name, old.job.loss)


def test_a_student_that_gets_worse_stays_as_it_was(data, before):
    own = data.own.nonzero()[:, 0]
    change = data.change.clone()
    change[own] *= -5
    spoiled = replace(data, change=change, teacher=change)
    for old, new in zip(before, fine_tune(before, spoiled, PLAN, FEW_STEPS), strict=True):
        assert not new.lineage["fine_tuned"]
        assert new.lineage["mae_validation_after"] >= old.mae_validation
        assert new.result is old


def test_without_public_sources_or_steps_nothing_is_trained(data, before):
    alone = replace(data, own=None, weights=None)
    none = FineTuneParams(steps=0)
    for found in (fine_tune(before, alone, PLAN, FEW_STEPS), fine_tune(before, data, PLAN, none)):
        assert [part.result for part in found] == before
        assert [part.lineage for part in found] == [{}, {}]


def test_windows_of_own_assets_are_kept_with_all_that_teachers_said():
    data = replace(mixed_data(), labelled=30)
    own = data.of_own()
    torch.testing.assert_close(own.z, data.z[:15])
    for name in ("change", "teacher", "spread", "hint", "attention"):
        torch.testing.assert_close(getattr(own, name), getattr(data, name)[:15])
    assert (own.labelled, own.synthetic, own.own, own.weights) == (15, 0, None, None)
