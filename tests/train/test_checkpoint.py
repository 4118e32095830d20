"""A killed training resumes and ends with the same bytes as an uninterrupted one."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import killed_training
import pytest
import torch
from safetensors.numpy import load_file, save_file
from synthetic_dataset import small_gru, small_net, synthetic_training_data

from dlnet.errors import ModelError
from dlnet.train import step as train_step
from dlnet.train.job import Job
from dlnet.train.loop import train
from dlnet.train.plan import TrainPlan

PLAN = TrainPlan(steps=40, batch=8, check=5, patience=3, noise=0.1)
TESTS = Path(__file__).parents[1]


class InterruptedTrainingError(Exception):
    pass


def jobs():
    return [Job("a", 0), Job("misled", 1, training_set=1), Job("hint", 2, "hint", 0.4), Job("b", 3, "cosine", 0.4)]


def training_sets(config):
    """The labels of the second set lead away from its validation targets, so that its network stops early."""
    wrong = synthetic_training_data(config, seed=1)
    wrong = replace(wrong, change=torch.full_like(wrong.change, -50.0), validation_change=wrong.validation_change * 0)
    return [synthetic_training_data(config, labelled=30), wrong]


def run(state=None, config=None):
    shape = config or small_net()
    return train(shape, jobs(), training_sets(shape), PLAN, resume=state)


def fail_at(monkeypatch, step):
    """Raise an error in the middle of the step ``step``."""
    clip = train_step._clip

    def failing(parameters, largest):
        failing.calls += 1
        if failing.calls == step:
            raise InterruptedTrainingError
        clip(parameters, largest)

    failing.calls = 0
    monkeypatch.setattr(train_step, "_clip", failing)


def assert_equal(results, truth):
    for result, expected in zip(results, truth, strict=True):
        assert (result.mae_validation, result.steps, result.curve) == (
            expected.mae_validation,
            expected.steps,
            expected.curve,
        )
        assert result.parameters.keys() == expected.parameters.keys()
        assert all(torch.equal(result.parameters[name], expected.parameters[name]) for name in result.parameters)


@pytest.mark.parametrize("step", [3, 12, 33])
def test_resumes_from_the_last_validation_to_the_same_weights(tmp_path, monkeypatch, step):
    """Step 3 is before any state, 12 with all networks live, 33 when one has stopped."""
    truth = run()
    with monkeypatch.context() as patch:
        fail_at(patch, step)
        with pytest.raises(InterruptedTrainingError):
            run(tmp_path / "state")
    assert (tmp_path / "state").exists() == (step > PLAN.check)
    fail_at(monkeypatch, 40 - (step - step % PLAN.check) + 1)  # fails if more than the remaining steps are taken
    assert_equal(run(tmp_path / "state"), truth)


def test_a_gru_resumes_to_the_same_weights(tmp_path, monkeypatch):
    truth = run(config=small_gru())
    with monkeypatch.context() as patch:
        fail_at(patch, 12)
        with pytest.raises(InterruptedTrainingError):
            run(tmp_path / "state", small_gru())
    assert_equal(run(tmp_path / "state", small_gru()), truth)


def test_a_finished_training_is_not_repeated(tmp_path, monkeypatch):
    truth = run(tmp_path / "state")
    fail_at(monkeypatch, 1)
    assert_equal(run(tmp_path / "state"), truth)


def test_saving_states_changes_nothing(tmp_path):
    assert_equal(run(tmp_path / "state"), run())


def rewritten(path, metadata=None, **changes):
    """The state with some arrays changed (None: removed) and the metadata given."""
    arrays = {**load_file(path), **changes}
    save_file({name: array for name, array in arrays.items() if array is not None}, path, metadata)


def test_truncated_or_foreign_state_is_rejected(tmp_path):
    path = tmp_path / "state"
    run(path)
    whole = path.read_bytes()
    for content in (b"", whole[:5], whole[:200], whole[:-1], b"{}" * 100):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"state: damaged checkpoint .*; delete it to train from the start"):
            run(path)


def test_state_without_its_numbers_is_rejected(tmp_path):
    path = tmp_path / "state"
    run(path)
    for metadata in (None, {"state": "{}"}, {"state": "[1]"}, {"state": "{"}):
        rewritten(path, metadata)
        with pytest.raises(ModelError, match="damaged checkpoint"):
            run(path)


def test_state_without_a_weight_is_rejected(tmp_path):
    path = tmp_path / "state"
    run(path)
    plain = {
        "state": json.dumps({"live": [0], "best_error": [0.1], "best_step": [5], "stale": [0], "step": 5, "curve": []})
    }
    rewritten(path, plain, **{"parameters.wh": None})
    with pytest.raises(ModelError, match="damaged checkpoint"):
        run(path)


@pytest.mark.parametrize("change", [{"hidden": 6}, {"channels": 5}, {"cell": "ltc"}])
def test_state_of_another_network_is_rejected(tmp_path, change):
    run(tmp_path / "state")
    with pytest.raises(ModelError, match="damaged checkpoint"):
        run(tmp_path / "state", small_net(**change))


@pytest.mark.parametrize("count", [3, 5])
def test_state_of_another_stack_is_rejected(tmp_path, count):
    config, stack = small_net(), [Job(str(i), i) for i in range(5)]
    train(config, stack[:4], training_sets(config), PLAN, resume=tmp_path / "state")
    with pytest.raises(ModelError, match="damaged checkpoint"):
        train(config, stack[:count], training_sets(config), PLAN, resume=tmp_path / "state")


def wait_for(condition, process, seconds=600):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "the process ended before it could be killed"
        assert time.monotonic() < end, "timed out"
        time.sleep(0.005)


@pytest.mark.slow
def test_a_training_killed_by_the_system_resumes_to_the_same_weights(tmp_path):
    state = tmp_path / "state"
    command = [sys.executable, killed_training.__file__, str(state)]
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths}, stderr=subprocess.DEVNULL)
    try:
        wait_for(state.exists, process)
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    assert_equal(killed_training.run(state), killed_training.run(None))
