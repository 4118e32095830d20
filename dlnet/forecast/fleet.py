"""Forecasts of many assets, from files, folders and tables of several: one bad asset does not stop the rest."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from tqdm import tqdm

from dlnet.data.own import NO_CELLS
from dlnet.data.tablefiles import SUFFIXES, read_table
from dlnet.errors import DataError
from dlnet.forecast.assets import Refused, each_asset
from dlnet.forecast.layout import AS_TRAINED, FileLayout, check_layout
from dlnet.forecast.predict import Needs, Prepared, predict, prepare
from dlnet.forecast.ranking import Fleet
from dlnet.saved import LoadedModel

ALONE = 100  # files that one process reads sooner than others are started
CHUNK = 16  # files that a process is given at once

_given: list[tuple[Needs, FileLayout]] = []  # of a process that reads files


def forecast_fleet(
    paths: Sequence[Path],
    model: LoadedModel,
    layout: FileLayout = AS_TRAINED,
    end_of_life: float | None = None,
    jobs: int | None = None,
) -> Fleet:
    """Forecast every asset in files and folders.

    Args:
        paths: files and folders. end_of_life: value of the target; None: the task's, if it has one.
        jobs: processes that read files; None: one a core.

    Raises:
        DataError: a path does not exist, a folder has no tables in it, or ``layout`` does not fit the model.
        ModelError: a forecast is not finite.
    """
    needs = Needs.of(model)
    check_layout(needs, layout)
    threshold = _threshold(needs, end_of_life)
    files = table_files(paths)
    bar = tqdm(_read(files, needs, layout, jobs), total=len(files), desc="reading", unit="file", disable=len(files) < 2)
    read = [one for part in bar for one in part]
    ready = [one for one in read if isinstance(one, Prepared)]
    refused = tuple(one for one in read if isinstance(one, Refused))
    return Fleet.of(predict(ready, model), refused, threshold)


def _threshold(needs: Needs, end_of_life: float | None) -> float | None:
    target = needs.document.quantities.target
    low, high = target.range
    if end_of_life is not None and not low <= end_of_life <= high:
        raise DataError(f"--end-of-life {end_of_life:g}: outside {low:g} to {high:g}, the range of {target.symbol}")
    return target.end_of_life if end_of_life is None else end_of_life


def table_files(paths: Iterable[Path]) -> list[Path]:
    """The files that are meant: each file, and those in a folder and its folders but hidden ones; none twice.

    Raises:
        DataError: a path does not exist, or a folder has no tables in it.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        files = _in_folder(path) if path.is_dir() else [path]
        if not files:
            raise DataError(f"{path}: no table in this folder; tables end in {', '.join(SUFFIXES)}")
        if not path.exists():
            raise DataError(f"{path}: no such file")
        found |= {file.resolve(): file for file in files}
    return list(found.values())


def _in_folder(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(NO_CELLS) for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def _read(
    files: Sequence[Path], needs: Needs, layout: FileLayout, jobs: int | None
) -> Iterator[list[Prepared | Refused]]:
    """Assets of each file, in order; many files are read by several processes."""
    workers = min(jobs or os.cpu_count() or 1, -(-len(files) // ALONE))
    if workers < 2:
        yield from (_of_file(file, needs, layout) for file in files)
        return
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (needs, layout))
    try:
        yield from pool.map(_of_given, files, chunksize=CHUNK)
    except BrokenProcessPool as error:
        raise DataError(
            "a process that reads files was killed, most often for lack of memory; free some, or use --jobs 1"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(needs: Needs, layout: FileLayout) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    _given[:] = [(needs, layout)]


def _of_given(file: Path) -> list[Prepared | Refused]:
    return _of_file(file, *_given[0])


def _of_file(file: Path, needs: Needs, layout: FileLayout) -> list[Prepared | Refused]:
    try:
        assets = list(each_asset(file, file.stem, read_table(file), needs, layout))
    except DataError as error:
        return [Refused(file.stem, file, str(error))]
    out: list[Prepared | Refused] = []
    for asset in assets:
        if isinstance(asset, Refused):
            out.append(asset)
            continue
        try:
            out.append(prepare(file, asset, needs))
        except DataError as error:
            out.append(Refused(asset.name, file, str(error)))
    return out
