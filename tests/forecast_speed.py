"""How many assets a minute ``dlnet forecast`` takes: processor time of the command, its start counted apart."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tests import helper_paths

helper_paths.use("", "device")
from board_models import FEATURES, PROJECT, device_model  # noqa: E402
from saved_models import save_device_model  # noqa: E402

CELLS, FEW = 420, 120  # of both, files are read by a process a core, whose start does not count
OUTSIDE = 3  # exit code that made cells may have: they are not those that the model was fitted on


@dataclass(frozen=True)
class Taken:
    """What one command took: processor time of it and its processes, and time by the clock; seconds."""

    processor: float
    clock: float


def forecast_speed(count: int = CELLS) -> None:
    """Print the processor time that an asset takes, and assets a minute, on both tracks, of a table and of files."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        rows = {n: write_fleet(folder, n) for n in (FEW, count)}
        for track in ("with_target", "sensors_only"):
            save_device_model(folder / track, device_model(track, "liquid", "made"), (5.0,))
            for kind, path, processes in (
                ("one Parquet", "{}.parquet", 1),
                ("a folder of CSV", "{}", os.cpu_count() or 1),
            ):
                few, many = (command(folder, track, path.format(n)) for n in (FEW, count))
                print(
                    f"forecast, {track}, {kind}: {_each(few, many, count, processes)}; "
                    f"{count} assets of {rows[count] // count} rows in {many.clock:.1f} s"
                )


def _each(few: Taken, many: Taken, count: int, processes: int) -> str:
    """What an asset takes, and assets a minute where ``processes`` have a core each."""
    each = (many.processor - few.processor) / (count - FEW)
    rate = 60 * processes / each
    start = few.processor - FEW * each
    words = f"start {start:.1f} s ({rate:,.0f} a minute on {processes} of the cores)"
    return f"{1e3 * each:.1f} ms of the processor an asset, {words}"


def write_fleet(folder: Path, count: int) -> int:
    """Write ``count`` assets, as one Parquet file and as a folder of CSV files; returns their rows in all."""
    tables = list(fleet(count))
    whole = pd.concat(tables, ignore_index=True)
    whole.to_parquet(folder / f"{count}.parquet")
    (folder / str(count)).mkdir()
    for table in tables:
        name = table["asset"].iloc[0]
        table.drop(columns="asset").to_csv(folder / str(count) / f"{name}.csv", index=False)
    return len(whole)


def fleet(count: int) -> Iterator[pd.DataFrame]:
    """Lives of the embedded fleet, each many times, with noise of its own."""
    lives = [life for _, life in pd.read_parquet(PROJECT / "data/embedded.parquet").groupby("asset")]
    rng = np.random.default_rng(0)
    for i in range(count):
        life = lives[i % len(lives)]
        values = life[["quantity", *FEATURES]] * (1 + rng.normal(0, 1e-4, (len(life), 1 + len(FEATURES))))
        yield values.rename(columns={"quantity": "capacity"}).assign(asset=f"cell-{i:05}")


def command(folder: Path, track: str, path: str) -> Taken:
    """Run ``dlnet forecast`` once."""
    words = [sys.executable, "-m", "dlnet.cli", "forecast", path, "--model", track, "--out", f"out-{track}-{path}"]
    begun = time.perf_counter()
    with subprocess.Popen(
        words,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, OUTSIDE):
        sys.exit(f"error: {' '.join(words)} ended with code {process.returncode}")
    return Taken(used.ru_utime + used.ru_stime, time.perf_counter() - begun)
