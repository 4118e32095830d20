"""``python -m tests.bench [--pipeline]``: how fast training and the pipeline are, in one run on this machine.

Ratios and medians count; absolute times are those of the machine at that moment.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from ncps.torch import LTC
from ruamel.yaml import YAML
from torch.nn import functional

from dlnet.distill.loop import Fold, Job, Plan, train
from dlnet.models.network import NetConfig, forward, horizon_basis, initial

BATCH, STEPS, CHANNELS, HORIZON = 256, 10, 16, 100
STUDENT, TEACHER = 13, 110
REPEATS = 5


def shape(hidden: int, solver: str, cell: str = "liquid") -> NetConfig:
    """A network as the pipeline trains it."""
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
    fold = Fold(z, change, len(z), slice(2, CHANNELS), z[:100], change[:100], 0.02)
    plan = Plan(steps, check=steps)
    jobs = [Job(f"s{seed}", seed) for seed in range(count)]
    ratios = []
    for _ in range(3):
        start = time.perf_counter()
        train(config, jobs, [fold], plan)
        together = time.perf_counter() - start
        start = time.perf_counter()
        for job in jobs:
            train(config, [job], [fold], plan)
        ratios.append((time.perf_counter() - start) / together)
    print(f"sweep of {count} students: {statistics.median(ratios):.1f} x faster together than one by one ({ratios})")


def timed(folder: Path, *command: str) -> float:
    """Seconds a command takes in ``folder``."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    start = time.perf_counter()
    subprocess.run(
        command, cwd=folder, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return time.perf_counter() - start


def pipeline_speed() -> None:
    """Print the times of ``dvc repro`` in a clean clone: from nothing, again, and after one changed loss weight."""
    dvc = shutil.which("dvc") or sys.exit("error: dvc is not on PATH; run make bench")
    with tempfile.TemporaryDirectory() as temporary:
        clone = Path(temporary) / "clone"
        subprocess.run(["git", "clone", "--quiet", ".", str(clone)], check=True)
        (clone / "dvc.lock").unlink()
        print(f"dvc repro, embedded, from nothing: {timed(clone, dvc, 'repro') / 60:.1f} min")
        print(f"dvc repro again: {timed(clone, dvc, 'repro'):.1f} s")
        yaml = YAML()
        params = yaml.load(clone / "params.yaml")
        params["students"]["alpha"] = 0.4
        yaml.dump(params, clone / "params.yaml")
        status = subprocess.run([dvc, "status", "-q"], cwd=clone, check=False).returncode
        print(f"after students.alpha changed (status {status}): {timed(clone, dvc, 'repro') / 60:.1f} min")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    print(f"peak memory of the largest process: {peak:.1f} GB")


def main() -> None:
    """Run the benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--pipeline", action="store_true", help="also time dvc repro; about fifteen minutes")
    arguments = parser.parse_args()
    functional.softplus(torch.zeros(1))
    print(f"{os.cpu_count()} cores, torch {torch.__version__}, {torch.get_num_threads()} threads")
    training_speed()
    sweep_speed()
    if arguments.pipeline:
        pipeline_speed()


if __name__ == "__main__":
    main()
