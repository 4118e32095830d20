"""``python -m tests.fuzz``: opens damaged models of every kind, and compiles and compares some of those accepted.

Each model must be accepted, or refused by one of the project's exceptions in one line, within two seconds and 500 MB.
Of the edge models that are accepted some are compiled with sanitisers, and must equal the NumPy reference bit for bit.
Exit code 1 where one does not. The same seed damages the same models.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from tests.fuzz.bases import bases
from tests.fuzz.compiled import TOGETHER, Compared, compare
from tests.fuzz.judge import Found, judge

SHOWN = 20  # faults that are printed
CHUNK = 500  # models that a process opens at a time


@dataclass(frozen=True)
class Outcome:
    """Of all models, and of those compiled."""

    seed: int
    found: Found
    compared: Compared

    @property
    def faults(self) -> list[tuple[int, str]]:
        """Number of a model, and what went wrong."""
        return self.found.faults + self.compared.faults

    def lines(self) -> Iterator[str]:
        """What ``make fuzz`` prints."""
        found, compared = self.found, self.compared
        yield f"tested: {found.tested:,} damaged models (seed {self.seed})"
        yield f"accepted: {len(found.accepted):,}, of them edge models: {len(found.edges):,}"
        yield f"refused: {_counts(found.refused)}"
        yield f"accepted, but not for their asset: {_counts(found.unusable)}"
        yield f"beyond the firmware's layout: {_counts(compared.refused)}"
        yield f"compiled and compared: {compared.models:,} models, {compared.windows:,} windows, {compared.rows:,} rows"
        yield f"faults: {len(self.faults):,}"
        yield from (f"  model {number}: {fault}" for number, fault in self.faults[:SHOWN])


def _counts(counter: Counter[str]) -> str:
    return f"{counter.total():,}" + "".join(f", {name} {count:,}" for name, count in counter.most_common())


def fuzz(models: int, compiled: int, seed: int = 0, jobs: int = 1) -> Outcome:
    """Damage and open so many ``models``, and compile so many of those accepted; ``jobs`` processes."""
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _one_thread) as pool:
        chunks = [range(first, min(first + CHUNK, models)) for first in range(0, models, CHUNK)]
        found = Found()
        for part in _shown(pool.map(judge, [seed] * len(chunks), chunks), len(chunks), "opened"):
            found.add(part)
        drawn = np.random.default_rng(seed).permutation(found.edges)[:compiled].tolist()
        programs = [drawn[first : first + TOGETHER] for first in range(0, len(drawn), TOGETHER)]
        compared = Compared()
        for result in _shown(pool.map(_compiled, [seed] * len(programs), programs), len(programs), "compiled"):
            compared.add(result)
    return Outcome(seed, found, compared)


def _shown(parts: Iterator[object], count: int, what: str) -> Iterator[object]:
    return iter(tqdm(parts, what, count, leave=False, disable=None))


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def _compiled(seed: int, numbers: Sequence[int]) -> Compared:
    with tempfile.TemporaryDirectory() as folder:
        return compare(bases(), seed, numbers, Path(folder))


def main() -> None:
    """Parse the arguments and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--models", type=int, default=100_000)
    parser.add_argument("--compiled", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    outcome = fuzz(arguments.models, arguments.compiled, arguments.seed, arguments.jobs)
    print("\n".join(outcome.lines()))
    sys.exit(bool(outcome.faults))
