"""Stacks in a pool of processes: the same results as in one process, and no process left running."""

import os
import signal
import subprocess
import sys
import time
from multiprocessing import active_children
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from synthetic_dataset import small_net, synthetic_training_data

from dlnet.train.job import Job
from dlnet.train.loop import train
from dlnet.train.plan import TrainPlan
from dlnet.train.pool import WIDEST, Stack, run_stacks, stacked

TESTS = Path(__file__).parents[1]
PLAN = TrainPlan(steps=20, batch=8, check=10, noise=0.1)


@given(st.integers(1, 60))
def test_jobs_are_assigned_once_in_order_and_evenly(count):
    jobs = [Job(str(i), i) for i in range(count)]
    stacks = stacked(small_net(), jobs)
    widths = [len(stack.jobs) for stack in stacks]
    assert [job for stack in stacks for job in stack.jobs] == jobs
    assert max(widths) <= WIDEST
    assert max(widths) - min(widths) <= 1
    assert len(stacks) == -(-count // WIDEST)


@pytest.mark.slow
def test_a_pool_gives_what_one_process_gives():
    narrow, wide = small_net(), small_net(hidden=7, cell="ltc")
    training_sets = [synthetic_training_data(narrow), synthetic_training_data(narrow, seed=1, labelled=20)]
    start = {"b": torch.full((1, 10), 0.25)}
    mask = {"wx": (torch.arange(40).reshape(4, 10) % 3 > 0).float()}
    stacks = [
        Stack(narrow, (Job("a", 0), Job("pruned", 1, "l1", 0.4, 1, start, mask))),
        Stack(wide, (Job("hint", 2, "hint", 0.5, 1), Job("b", 3))),
        Stack(narrow, (Job("c", 4, "cosine", 0.5, 0),)),
    ]
    results = run_stacks(stacks, training_sets, PLAN, "test")
    truth = [result for stack in stacks for result in train(stack.config, stack.jobs, training_sets, PLAN)]
    assert [result.job.name for result in results] == ["a", "pruned", "hint", "b", "c"]
    for result, expected in zip(results, truth, strict=True):
        assert (result.mae_validation, result.steps, result.curve) == (
            expected.mae_validation,
            expected.steps,
            expected.curve,
        )
        assert all(torch.equal(result.parameters[name], expected.parameters[name]) for name in expected.parameters)


@pytest.mark.parametrize(("stacks", "cores"), [(1, 8), (3, 1)])
def test_one_at_a_time_needs_no_other_process(monkeypatch, stacks, cores):
    config, data = small_net(), [synthetic_training_data(small_net())]
    work = [Stack(config, (Job(str(i), i),)) for i in range(stacks)]
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    torch.set_num_threads(2)
    results = run_stacks(work, data, PLAN, "test")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    assert not active_children()
    assert threads == 2  # those of before
    truth = [result for stack in work for result in train(config, stack.jobs, data, PLAN)]
    for result, expected in zip(results, truth, strict=True):
        assert (result.job.name, result.curve) == (expected.job.name, expected.curve)
        assert all(torch.equal(result.parameters[name], value) for name, value in expected.parameters.items())


def children(parent):
    """Living descendants of the process ``parent``, from /proc."""
    below, found = {parent}, set()
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, above = stat.read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended meanwhile
        if state != "Z":
            parents[int(stat.parent.name)] = int(above)
    while more := {pid for pid, above in parents.items() if above in below} - below:
        below |= more
        found |= more
    return found


def alive(pids):
    return [pid for pid in pids if Path(f"/proc/{pid}").exists() and "State:\tZ" not in status(pid)]


def status(pid):
    try:
        return Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return "State:\tZ"


def wait_until(condition, seconds, process=None):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        assert process is None or process.poll() is None, "the process ended too early"
        time.sleep(0.02)
    return condition()


def endless_sweep(folder, stderr):
    """A sweep that trains for hours, in a session of its own."""
    paths = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    return subprocess.Popen(
        [sys.executable, str(TESTS / "train" / "endless_sweep.py"), str(folder)],
        env={**os.environ, "PYTHONPATH": paths},
        stderr=stderr,
        start_new_session=True,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("how", ["interrupt of all", "interrupt of the parent", "kill of the parent"])
def test_no_process_is_left_running(tmp_path, how):
    """Ctrl-C reaches all processes of the terminal; `kill -INT` and `kill -9` only the parent."""
    process = endless_sweep(tmp_path, stderr=subprocess.DEVNULL)
    family = set()
    try:
        assert wait_until(lambda: len(list(tmp_path.glob("state-*"))) == 2, 900, process), "training never began"
        family = children(process.pid)
        if how == "interrupt of all":
            os.killpg(process.pid, signal.SIGINT)
        else:
            os.kill(process.pid, signal.SIGINT if how == "interrupt of the parent" else signal.SIGKILL)
        assert wait_until(lambda: process.poll() is not None, 60), "the parent still runs"
        assert wait_until(lambda: not alive(family), 60), "children still run"
    finally:
        process.kill()
        process.wait()
        for pid in alive(family):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("which", [0, 1], ids=["first", "last"])
def test_a_worker_that_is_killed_ends_the_sweep_with_a_reason(tmp_path, which):
    process = endless_sweep(tmp_path, stderr=subprocess.PIPE)
    try:
        assert wait_until(lambda: len(list(tmp_path.glob("state-*"))) == 2, 900, process), "training never began"
        workers = sorted(pid for pid in children(process.pid) if "spawn_main" in command(pid))
        os.kill(workers[which], signal.SIGKILL)
        _, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 1
    assert "SweepError: endless: a training process was killed" in stderr


def command(pid):
    return Path(f"/proc/{pid}/cmdline").read_text()
