"""``python -m tests.bench [--pipeline SOURCE | --forecast]``: speed of training, the pipeline, forecasts, in one run.

Compare ratios and medians; absolute times depend on the machine and its load.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import torch
from ncps.torch import LTC
from torch.nn import functional

from dlnet.cli.set_params import set_params
from dlnet.models.head import horizon_basis
from dlnet.models.network import NetConfig, forward, initial
from dlnet.train.data import TrainingData
from dlnet.train.job import Job
from dlnet.train.loop import train
from dlnet.train.plan import TrainPlan
from tests.forecast_speed import forecast_speed

BATCH, STEPS, CHANNELS, HORIZON = 256, 10, 16, 100
STUDENT, TEACHER = 13, 110
REPEATS = 5


def shape(hidden: int, solver: str, cell: str = "liquid") -> NetConfig:
    """A network of the shape that the pipeline trains."""
    knots = (5, 15, 30, 50, 75, 100)
    return NetConfig(cell, solver, 1, hidden, CHANNELS, STEPS, "slopes", knots, HORIZON, False)


def throughput(step: Callable[[], torch.Tensor], windows: int) -> tuple[float, float]:
    """Windows a second, forward and backward: median and spread (half the range) over repeats."""
    torch.autograd.backward(step())
    rates = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        torch.autograd.backward(step())
        rates.append(windows / (time.perf_counter() - start))
    return statistics.median(rates), (max(rates) - min(rates)) / 2


def liquid(hidden: int, solver: str, models: int = 1) -> Callable[[], torch.Tensor]:
    """A step of ``models`` stacked liquid networks."""
    config = shape(hidden, solver)
    parameters = {k: v.requires_grad_(True) for k, v in initial(config, range(models)).items()}
    z, basis = torch.randn(models, BATCH, STEPS, CHANNELS), horizon_basis(config)
    return lambda: forward(parameters, z, basis, config)[0].abs().mean()


def recurrent(layer: torch.nn.Module, hidden: int) -> Callable[[], torch.Tensor]:
    """A step of a layer from a library, with a linear head."""
    head, z = torch.nn.Linear(hidden, HORIZON), torch.randn(BATCH, STEPS, CHANNELS)
    return lambda: head(layer(z)[0][:, -1]).abs().mean()


def training_speed() -> None:
    """Print windows/s of both sizes of liquid network beside GRU and the LTC of ncps."""
    for name, hidden, solver in (("student", STUDENT, "euler"), ("teacher", TEACHER, "fused")):
        rows = {
            f"liquid, {solver}": liquid(hidden, solver),
            "torch.nn.GRU": recurrent(torch.nn.GRU(CHANNELS, hidden, batch_first=True), hidden),
            "ncps LTC": recurrent(LTC(CHANNELS, hidden, batch_first=True), hidden),
        }
        rates = {label: throughput(step, BATCH) for label, step in rows.items()}
        own = rates[f"liquid, {solver}"][0]
        for label, (rate, spread) in rates.items():
            print(
                f"{name} n={hidden}: {label:14s} {rate:10,.0f} ± {spread:,.0f} windows/s, {rate / own:.3f} x the liquid"
            )


def sweep_speed(count: int = 15, steps: int = 60) -> None:
    """Print how much faster a sweep trains side by side than one network after another."""
    config, source = shape(STUDENT, "euler"), torch.Generator().manual_seed(0)
    z, change = torch.randn(2000, STEPS, CHANNELS, generator=source), -torch.rand(2000, HORIZON, generator=source)
    training_data = TrainingData(z, change, len(z), slice(2, CHANNELS), z[:100], change[:100], 0.02)
    plan = TrainPlan(steps, check=steps)
    jobs = [Job(f"s{seed}", seed) for seed in range(count)]
    ratios = []
    for _ in range(3):
        start = time.perf_counter()
        train(config, jobs, [training_data], plan)
        together = time.perf_counter() - start
        start = time.perf_counter()
        for job in jobs:
            train(config, [job], [training_data], plan)
        ratios.append((time.perf_counter() - start) / together)
    print(f"sweep of {count} students: {statistics.median(ratios):.1f} x faster together than one by one ({ratios})")


def timed(folder: Path, *command: str) -> tuple[float, float]:
    """Seconds a command takes in ``folder``, and the most memory (GB) its processes held at one time.

    Stages run without containers, whose processes would not be children of the command.
    """
    environment = {**os.environ, "PYTHONPATH": str(folder), "DLNET_RUNNER": "local"}
    start, peak = time.perf_counter(), 0
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while process.poll() is None:
            peak = max(peak, memory_of(psutil.Process(process.pid)))
            time.sleep(0.5)
    if process.returncode:
        sys.exit(f"error: {' '.join(command)} ended with code {process.returncode} in {folder}")
    return time.perf_counter() - start, peak / 1e9


def memory_of(parent: psutil.Process) -> int:
    """Memory of a process and its descendants, B; shared pages are divided among the processes that share them."""
    total = 0
    for process in (parent, *parent.children(recursive=True)):
        # A process may end, or become a zombie, meanwhile.
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess, FileNotFoundError):
            total += process.memory_full_info().pss
    return total


def pipeline_speed(source: str) -> None:
    """Print the times of ``dvc repro`` in a clean clone: from nothing, again, and after one changed loss weight."""
    dvc = shutil.which("dvc") or sys.exit("error: dvc is not on PATH; run make bench")
    with tempfile.TemporaryDirectory() as temporary:
        clone = Path(temporary) / "clone"
        subprocess.run(["git", "clone", "--quiet", ".", str(clone)], check=True)
        (clone / "dvc.lock").unlink()
        set_params([f"data.source={source}"], clone / "params.yaml")
        first, peak = timed(clone, dvc, "repro")
        print(f"dvc repro, {source}, from nothing: {first / 60:.1f} min, at most {peak:.1f} GB of memory")
        print(f"dvc repro again: {timed(clone, dvc, 'repro')[0]:.1f} s")
        set_params(["students.alpha=0.4"], clone / "params.yaml")
        again, _ = timed(clone, dvc, "repro")
        print(f"after students.alpha changed: {again / 60:.1f} min")


def launcher_overhead() -> None:
    """Print how much longer an empty stage takes in its container than locally; the image exists already."""
    command = [sys.executable, "-m", "stages.container", "train", "--", "python", "-c", "pass"]
    seconds: dict[str, list[float]] = {"docker": [], "local": []}
    for _ in range(REPEATS + 1):
        for runner, measured in seconds.items():
            start = time.perf_counter()
            completed = subprocess.run(
                command, env={**os.environ, "DLNET_RUNNER": runner}, capture_output=True, check=False
            )
            measured.append(time.perf_counter() - start)
            if completed.returncode:
                print(f"launcher: not measured: {completed.stderr.decode().strip()}")
                return
    docker, local = (statistics.median(measured[1:]) for measured in seconds.values())
    print(f"launcher: an empty stage takes {docker:.2f} s in its container, {local:.2f} s here")
    print(f"launcher: {docker - local:.2f} s more a stage")


def main() -> None:
    """Run the benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--pipeline", metavar="SOURCE", help="time dvc repro on this source instead: embedded, mit")
    parser.add_argument("--forecast", action="store_true", help="time dlnet forecast of many made assets instead")
    arguments = parser.parse_args()
    functional.softplus(torch.zeros(1))
    print(f"{os.cpu_count()} cores, torch {torch.__version__}, {torch.get_num_threads()} threads")
    if arguments.pipeline:
        pipeline_speed(arguments.pipeline)
    elif arguments.forecast:
        forecast_speed()
    else:
        training_speed()
        sweep_speed()
        launcher_overhead()


if __name__ == "__main__":
    main()
