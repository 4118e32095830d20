"""The tables of a folder, as they stand in its files, and the assets that they are of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from dlnet.data.csvfiles import Columns, rows_of
from dlnet.data.own import NO_CELLS, asset_files, other_files
from dlnet.data.partnames import asset_of_file
from dlnet.data.raw import raw_files, recognise
from dlnet.data.tablefiles import read_table
from dlnet.errors import DataError
from dlnet.files import printable

MEANT = 0.5
"""A column of which so large a share are numbers is meant to hold numbers, and what else stands there is a fault."""

MOST_NAMED = 12
"""Columns that a message lists."""


@dataclass(frozen=True)
class Tables:
    """Tables of a folder.

    Attributes:
        folder: it. tables: file -> its table, columns named as in the file, in natural order of the files.
        left_out: files in the folder that are no tables which can be read.
    """

    folder: Path
    tables: Mapping[Path, pd.DataFrame]
    left_out: tuple[Path, ...] = ()

    @cached_property
    def common(self) -> list[str]:
        """Columns that every file has, in the order of the first file."""
        first, *others = self.tables.values()
        return [name for name in dict.fromkeys(first.columns) if all(name in other.columns for other in others)]

    @cached_property
    def twice(self) -> list[str]:
        """Columns whose name stands several times in the header of a file."""
        every = [name for table in self.tables.values() for name in table.columns[table.columns.duplicated()]]
        return list(dict.fromkeys(every))

    @cached_property
    def partial(self) -> dict[str, int]:
        """Columns that some files lack -> number of files that have them."""
        every = [name for table in self.tables.values() for name in table.columns]
        return {name: every.count(name) for name in dict.fromkeys(every) if name not in self.common}

    def column(self, name: str) -> pd.Series:
        """A column of all files, one after the other."""
        return pd.concat([table[name] for table in self.tables.values()], ignore_index=True)

    def is_numeric(self, name: str) -> bool:
        """Whether a column holds numbers and empty fields alone, and a number at all."""
        if name in self.twice:
            return False
        column = self.column(name)
        return _is_number(column) and bool(column.notna().any())

    def mostly_numbers(self, name: str) -> bool:
        """Whether a column is meant to hold numbers: half of its fields that are not empty do, or more."""
        if name in self.twice:
            return False
        column = self.column(name).dropna().astype(str)
        return bool(len(column)) and float(pd.to_numeric(column, errors="coerce").notna().mean()) >= MEANT

    def check_numbers(self, name: str) -> None:
        """Refuse a column that does not hold numbers in every file.

        Raises:
            DataError: as ``csvfiles.rows_of``, or all of its fields are empty.
        """
        only = Columns(name, "", None, {})
        for path, table in self.tables.items():
            rows_of(path, table, only, 1.0)
        if self.column(name).isna().all():
            raise DataError(f"{self.folder}: column {name!r} is empty in every row; name another with --target")

    def stated(self, name: str, option: str) -> str:
        """The column that a user named.

        Raises:
            DataError: a file lacks it.
        """
        for path, table in self.tables.items():
            if name not in table.columns:
                raise DataError(f"{path}: no column {name!r}, only {listed(table.columns)}; correct {option}")
            if name in self.twice:
                raise DataError(f"{path}: two columns {name!r}; rename one of them, or name another with {option}")
        return name

    def one_of(self, found: list[str], what: str, option: str) -> str | None:
        """The column that was found, None: none; several that hold the same values count as one.

        Raises:
            DataError: several that differ: which is meant is not known.
        """
        for other in found[1:]:
            if not self.column(other).equals(self.column(found[0])):
                raise DataError(
                    f"{self.folder}: the columns {found[0]!r} and {other!r} both look like {what}; "
                    f"name one of them: {option} {found[0]!r}"
                )
        return found[0] if found else None

    def assets(self, asset: str | None, parts: str | None) -> dict[str, pd.DataFrame]:
        """Asset -> its rows, in the order of files and rows; the same asset in several files is put together."""
        found: dict[str, list[pd.DataFrame]] = {}
        for path, table in self.tables.items():
            name = asset_of_file(path, parts) or path.stem
            groups = table.groupby(table[asset].astype(str), sort=False) if asset else [(name, table)]
            for key, rows in groups:
                named = f"{name}-{key}" if asset is not None and parts is not None else str(key)
                found.setdefault(named, []).append(rows.loc[:, ~rows.columns.isin(self.twice)])
        return {name: pd.concat(rows, ignore_index=True) for name, rows in found.items()}


def _is_number(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column))


def listed(columns: pd.Index | list[str]) -> str:
    """Columns for a message, the first few of them."""
    names = [printable(repr(name)) for name in columns]
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def check_folder(folder: Path) -> None:
    """Refuse what is no folder.

    Raises:
        DataError: there is no such folder, or it is a file.
    """
    if folder.is_file():
        raise DataError(f"{folder}: a file; name the folder that holds it")
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; name the one that holds your files")


def looked_at(folder: Path) -> Tables | list[Path]:
    """Tables of cycles in a folder, or its files where they are raw time series of cyclers. A table is read once.

    Raises:
        DataError: a file cannot be read, there is none, or some are raw and others are not; as ``asset_files``.
    """
    files = [path for path in raw_files(folder) if not path.name.startswith(NO_CELLS)]
    tables = None if files and recognise(files[0]) else read_tables(folder)
    names = {} if tables is None else {path: list(table.columns) for path, table in tables.tables.items()}
    vendors = {path: form.name for path in files if (form := recognise(path, names.get(path))) is not None}
    others = [path for path in files if path not in vendors]
    if vendors and others:
        raw = next(iter(vendors))
        raise DataError(
            f"{folder}: {raw.name} is a raw time series ({vendors[raw]}), and {others[0].name} is none; put the raw "
            "files into a folder of their own"
        )
    return tables or list(vendors)


def read_tables(folder: Path) -> Tables:
    """Read all tables of a folder; errors as ``asset_files`` and ``read_table``."""
    bar = tqdm(asset_files(folder), desc="looking", unit="file", leave=False)
    return Tables(folder, {path: read_table(path) for path in bar}, tuple(other_files(folder)))
