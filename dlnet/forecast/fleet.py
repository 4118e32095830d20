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

from dlnet.data.assetfile import natural
from dlnet.data.own import own_files
from dlnet.data.partnames import asset_of_file
from dlnet.data.tablefiles import SUFFIXES
from dlnet.errors import DataError
from dlnet.forecast.assets import Asset, Refused, Table, each_asset, table_of
from dlnet.forecast.layout import AS_TRAINED, FileLayout, check_layout
from dlnet.forecast.predict import Needs, Prepared, predict, prepare
from dlnet.forecast.ranking import Fleet
from dlnet.saved import LoadedModel

Result = Prepared | Refused

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
    needs, document = Needs.of(model), model.document
    check_layout(needs, layout)
    threshold = _threshold(needs, end_of_life)
    files = by_asset(table_files(paths), document.data.columns.parts)
    bar = tqdm(_read(files, needs, layout, jobs), total=len(files), desc="reading", unit="file", disable=len(files) < 2)
    read = _stitched([one for part in bar for one in part], needs, layout)
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
    return sorted(path for path in own_files(folder) if path.suffix.lower() in SUFFIXES and path.is_file())


def by_asset(files: Sequence[Path], pattern: str | None) -> list[list[Path]]:
    """Files of one asset by their names, as in training, each in natural order; without a pattern each file alone."""
    found: dict[str, list[Path]] = {}
    for file in files:
        name = str(file.resolve()) if pattern is None else asset_of_file(file, pattern) or file.stem
        found.setdefault(name, []).append(file)
    return [sorted(own, key=lambda file: natural(file.as_posix())) for own in found.values()]


def _stitched(read: list[Result], needs: Needs, layout: FileLayout) -> list[Result]:
    """Assets, after those that a column names in several files were read again, as one each."""
    found: dict[str, list[Result]] = {}
    for one in read:
        if isinstance(one, Prepared) or one.name != one.path.stem:  # no file that cannot be read
            found.setdefault(one.name, []).append(one)
    several = {name for name, own in found.items() if len(own) > 1 and any(one.name != one.path.stem for one in own)}
    if not several:
        return read
    files = {one.path for name in several for one in found[name]}
    again = _of_files(sorted(files, key=lambda file: natural(file.as_posix())), needs, layout)
    return [one for one in read if one.name not in several] + [one for one in again if one.name in several]


def _read(
    files: Sequence[Sequence[Path]], needs: Needs, layout: FileLayout, jobs: int | None
) -> Iterator[list[Result]]:
    """Assets of each file, or of the files of one, in order; many files are read by several processes."""
    workers = min(jobs or os.cpu_count() or 1, -(-len(files) // ALONE))
    if workers < 2:
        yield from (_of_files(own, needs, layout) for own in files)
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


def _of_given(files: Sequence[Path]) -> list[Result]:
    return _of_files(files, *_given[0])


def _of_files(files: Sequence[Path], needs: Needs, layout: FileLayout) -> list[Result]:
    """Assets in the files of one, or in a file of several; where one cannot be read, the asset would lack rows."""
    tables: list[Table] = []
    for file in files:
        try:
            tables.append(table_of(file, needs))
        except DataError as error:
            return [Refused(file.stem, file, str(error))]
    try:
        return [_prepared(asset, needs) for asset in each_asset(tables, needs, layout)]
    except DataError as error:
        return [Refused(tables[0].name, tables[0].path, str(error))]


def _prepared(asset: Asset | Refused, needs: Needs) -> Result:
    if isinstance(asset, Refused):
        return asset
    try:
        return prepare(asset.path, asset, needs)
    except DataError as error:
        return Refused(asset.name, asset.path, str(error))
