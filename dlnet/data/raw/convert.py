"""Raw files of many cells as one table of cycles."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from dlnet.data.features import ChargeWindow
from dlnet.data.findings import Finding, Kind
from dlnet.data.partnames import asset_of_file, checked_pattern
from dlnet.data.raw.cells import CellCycles, Source, cycles_of, read_source
from dlnet.data.raw.cycles import find_cycles
from dlnet.data.raw.stored import KEY, about
from dlnet.data.raw.window import find_window
from dlnet.data.tablefiles import SUFFIXES
from dlnet.errors import DataError, OutputError
from dlnet.extras import named_extras
from dlnet.files import printable, write_parquet

MORE_SUFFIXES = (".res", ".mpt", ".bdf")
"""Ends of names of raw files beside those of tables: Arbin's, BioLogic's, BDF's."""

LOOKED_AT = 3
"""Cells whose charges are looked at for the window."""


@dataclass(frozen=True)
class Converted:
    """What ``convert`` wrote.

    Attributes:
        path: the table. window: the part of a charge that its features describe, None: no charge has one.
        cells: name, vendor and number of cycles of each cell, in the table's order.
        findings: what is odd about files, samples and capacities.
    """

    path: Path
    window: ChargeWindow | None
    cells: tuple[tuple[str, str, int], ...]
    findings: tuple[Finding, ...]


def convert(
    files: Iterable[Path],
    out: Path,
    *,
    jobs: int | None = None,
    parts: str | None = None,
    window: ChargeWindow | None = None,
    progress: bool = True,
) -> Converted:
    """Turn raw time series into one Parquet file of cycles: ``cell``, ``cycle``, ``capacity_ah`` and the 16 features.

    Files are read in parallel. One that cannot be read costs its cell, with a finding. The last cycle of a cell is not
    used, as nothing shows that it is complete.

    Args:
        jobs: processes, None: one for each core.
        parts: regular expression with a group ``asset``, matched against file names: files of one cell are joined;
            None: each file is a cell, or several where it has a column that names them.
        window: the part of a charge that the features describe, None: that of the first whole charge in the first
            ``LOOKED_AT`` cells; without one there are no features.

    Raises:
        DataError: there is no file, none holds a complete cycle, two give the same name, or ``parts`` does not fit.
        OutputError: ``out`` is a file that this function did not write.
    """
    _check_out(out)
    sources = group(files, parts)
    if window is None:
        window = _first_window(sources)
    done = [cell for cells in _each(sources, window, jobs, progress) for cell in cells]
    findings = tuple(finding for cell in done for finding in cell.findings)
    cells = [cell for cell in done if len(cell.table)]
    if not cells:
        first = f" ({findings[0].text})" if findings else ""
        raise DataError(
            f"no complete cycle in {len(sources)} cells{first}; a cycle is a charge and a discharge after it"
        )
    _check_names(cells)
    table = pd.concat([cell.table for cell in cells], ignore_index=True)
    write_parquet(out, table, about(window, findings))
    return Converted(out, window, tuple((cell.name, cell.vendor, len(cell.table)) for cell in cells), findings)


def raw_files(folder: Path) -> list[Path]:
    """Raw time series in a folder and below it, or the one file that is named; hidden ones are none.

    Raises:
        DataError: there is no such folder or file, or it holds no file of a kind that can be one.
    """
    if not folder.is_dir():
        return [folder]
    names = (
        path for path in folder.rglob("*") if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    every = sorted((path for path in names if path.is_file()), key=_natural)
    found = [path for path in every if path.suffix.lower() in (*SUFFIXES, *MORE_SUFFIXES)]
    if not found:
        known = " ".join((*SUFFIXES, *MORE_SUFFIXES))
        others = f", only {printable(every[0].name)} and such" if every else ""
        raise DataError(f"{printable(str(folder))}: no files {known} in it{others}; unpack your files, or save as CSV")
    return found


def group(files: Iterable[Path], parts: str | None) -> list[Source]:
    """Files by cell, in natural order.

    Raises:
        DataError: there is no file, ``parts`` is no expression with a group ``asset``, or a name does not match it.
    """
    paths = sorted(files, key=_natural)
    if not paths:
        raise DataError("no files of raw time series; name a folder that holds them")
    if parts is None:
        stems = [path.stem for path in paths]
        return [
            Source(path.stem if stems.count(path.stem) == 1 else f"{path.parent.name}-{path.stem}", (path,))
            for path in paths
        ]
    checked_pattern(parts)
    grouped: dict[str, list[Path]] = {}
    for path in paths:
        name = asset_of_file(path, parts)
        if name is None:
            raise DataError(f"{printable(str(path))}: its name does not match parts {parts!r}; correct either")
        grouped.setdefault(name, []).append(path)
    return [Source(name, tuple(own)) for name, own in grouped.items()]


def _natural(path: Path) -> tuple[list[tuple[bool, int, str]], str]:
    pieces = re.split(r"(\d+)", str(path))
    return [(piece.isdigit(), int(piece) if piece.isdigit() else 0, piece) for piece in pieces], str(path)


def _first_window(sources: Sequence[Source]) -> ChargeWindow | None:
    for source in sources[:LOOKED_AT]:
        try:
            cells = read_source(source)[1]
        except DataError:
            continue  # becomes a finding when the cell's turn comes
        for samples in cells.values():
            window = find_window(samples, find_cycles(samples))
            if window is not None:
                return window
    return None


def _each(
    sources: Sequence[Source], window: ChargeWindow | None, jobs: int | None, progress: bool
) -> Iterator[list[CellCycles]]:
    """The cells of each source, in order."""
    work = partial(_convert, window=window)
    count = min(jobs or os.cpu_count() or 1, len(sources))
    if count <= 1:
        yield from tqdm(map(work, sources), "cycles", len(sources), unit="cell", disable=not progress)
        return
    try:
        with ProcessPoolExecutor(count, get_context("spawn")) as pool:
            yield from tqdm(pool.map(work, sources), "cycles", len(sources), unit="cell", disable=not progress)
    except BrokenProcessPool as error:
        raise DataError("a process that reads raw files was killed; out of memory? Try fewer with --jobs 1") from error


def _convert(source: Source, window: ChargeWindow | None) -> list[CellCycles]:
    try:
        vendor, cells, findings = read_source(source)
    except DataError as error:
        text = printable(str(error))[:300]
        finding = Finding(asset=printable(source.name), rows=(), kind=Kind.FILE, text=text)
        return [CellCycles(source.name, "", pd.DataFrame(), (finding,))]
    done = [cycles_of(name, vendor, samples, window) for name, samples in cells.items()]
    return [_with(cell, findings) for cell in done]


def _with(cell: CellCycles, findings: Sequence[Finding]) -> CellCycles:
    every = [*findings, *cell.findings]
    if cell.table.empty:
        every.append(Finding(asset=cell.name, rows=(), kind=Kind.FILE, text="No complete cycle; left out."))
    return replace(cell, findings=tuple(every))


def _check_names(cells: Sequence[CellCycles]) -> None:
    names = [cell.name for cell in cells]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"two files give a cell named {twice!r}; rename one, or join them with parts")


def _check_out(out: Path) -> None:
    """Raise ``OutputError`` if a file stands there that is no table of cycles of ours."""
    if not out.exists():
        return
    with named_extras():
        import pyarrow
        import pyarrow.parquet
    try:
        ours = KEY in (pyarrow.parquet.read_schema(out).metadata or {})
    except (pyarrow.ArrowException, OSError):
        ours = False
    if not ours:
        raise OutputError(f"{printable(str(out))}: not a table that this command wrote; name another file")
