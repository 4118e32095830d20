"""Stacks of networks trained in a pool of processes, one thread each; one stack, or one core, needs no pool.

How jobs are assigned to stacks does not depend on the machine, so that the same parameters give the same weights on
one core or on many.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, fields, replace
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from dlnet.errors import DLNetError
from dlnet.models.architectures import Config
from dlnet.train.data import TrainingData
from dlnet.train.job import Job, Trained
from dlnet.train.loop import train
from dlnet.train.plan import TrainPlan

WIDEST = 8  # networks in one stack; more gain little, and a pool needs several stacks to keep all cores busy

_training_sets: list[TrainingData] = []


class SweepError(DLNetError):
    """A process that trains networks was killed."""


@dataclass(frozen=True)
class Stack:
    """Jobs of one shape that train side by side.

    Attributes:
        config: their shape. jobs: the networks.
        resume: file of the checkpoint, from which an interrupted run resumes.
    """

    config: Config
    jobs: tuple[Job, ...]
    resume: Path | None = None


def stacked(config: Config, jobs: Sequence[Job]) -> list[Stack]:
    """Split jobs of one shape into the fewest stacks possible, of nearly equal width."""
    count = -(-len(jobs) // WIDEST)
    parts = [jobs[len(jobs) * i // count : len(jobs) * (i + 1) // count] for i in range(count)]
    return [Stack(config, tuple(part)) for part in parts]


def run_stacks(
    stacks: Sequence[Stack], training_sets: Sequence[TrainingData], plan: TrainPlan, title: str
) -> list[Trained]:
    """Train all stacks, as many at a time as there are cores; in this process where that is one at a time.

    Returns:
        Results in the order of the stacks and their jobs.

    Raises:
        KeyboardInterrupt: Ctrl-C; the pool has been ended. Stacks with ``resume`` can be resumed.
        SweepError: a process of the pool was killed.
    """
    workers = min(len(stacks), os.cpu_count() or 1)
    if workers == 1:
        return _train_here(stacks, training_sets, plan, title)
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin_worker, (_as_arrays(training_sets),)) as pool:
        futures: list[Future[list[Trained]]] = [
            pool.submit(_train_one, stack.config, _job_arrays(stack.jobs), plan, stack.resume, f"{title} {i + 1}")
            for i, stack in enumerate(stacks)
        ]
        # A pool watches a worker only from the next submission after the one that started it.
        pool.submit(_nothing)
        try:
            done = [future.result() for future in tqdm(futures, desc=title, unit="stack")]
        except KeyboardInterrupt:
            for worker in active_children():
                worker.terminate()
            raise
        except BrokenProcessPool as error:
            raise SweepError(
                f"{title}: a training process was killed, most often for lack of memory; free some, "
                "or train fewer or smaller networks, and run the command again"
            ) from error
    return [_as_tensors(result) for part in done for result in part]


def _train_here(
    stacks: Sequence[Stack], training_sets: Sequence[TrainingData], plan: TrainPlan, title: str
) -> list[Trained]:
    """The same as in a pool: on one thread, so that the order of sums is the same."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        parts = [
            train(stack.config, stack.jobs, training_sets, plan, resume=stack.resume, title=f"{title} {i + 1}")
            for i, stack in enumerate(stacks)
        ]
    finally:
        torch.set_num_threads(threads)
    return [replace(result, job=_plain(result.job)) for part in parts for result in part]


def _nothing() -> None:
    """An empty task."""


def _begin_worker(training_sets: list[dict[str, Any]]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    _training_sets[:] = [TrainingData(**{key: _tensor(value) for key, value in data.items()}) for data in training_sets]


def _end_with_parent() -> None:
    """End this worker when its parent has ended, even if killed: a killed parent sends no signal."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _train_one(config: Config, jobs: list[Job], plan: TrainPlan, resume: Path | None, title: str) -> list[Trained]:
    results = train(
        config, [_job_tensors(job) for job in jobs], _training_sets, plan, resume=resume, title=title, position=1
    )
    return [replace(result, job=_plain(result.job), parameters=_arrays(result.parameters)) for result in results]


# Torch sends tensors through shared memory, which is small in containers, so arrays are sent instead.


def _as_arrays(training_sets: Sequence[TrainingData]) -> list[dict[str, Any]]:
    return [{part.name: _array(getattr(data, part.name)) for part in fields(data)} for data in training_sets]


def _job_arrays(jobs: Sequence[Job]) -> list[Job]:
    return [replace(job, start=_arrays(job.start), mask=_arrays(job.mask)) for job in jobs]


def _job_tensors(job: Job) -> Job:
    return replace(job, start=_tensors(job.start), mask=_tensors(job.mask))


def _plain(job: Job) -> Job:
    return replace(job, start=None, mask=None)


def _as_tensors(result: Trained) -> Trained:
    return replace(result, parameters=_tensors(result.parameters))


def _array(value: Any) -> Any:
    return value.numpy() if isinstance(value, Tensor) else value


def _tensor(value: Any) -> Any:
    return torch.from_numpy(value.copy()) if isinstance(value, np.ndarray) else value


def _arrays(values: Any) -> Any:
    return None if values is None else {name: _array(value) for name, value in values.items()}


def _tensors(values: Any) -> Any:
    return None if values is None else {name: _tensor(value) for name, value in values.items()}
