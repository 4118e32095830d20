"""Arbin's .res files: Access databases with one table of samples."""

from __future__ import annotations

import logging
import struct
from pathlib import Path

import pandas as pd

from dlnet.errors import DataError
from dlnet.extras import named_extras
from dlnet.files import LARGEST, printable

COLUMNS = (
    "Channel_ID", "Data_Point", "Test_Time", "Step_Time", "DateTime", "Step_Index", "Cycle_Index", "Current", "Voltage",
    "Charge_Capacity", "Discharge_Capacity",
)  # fmt: skip
"""Columns of a .res file that are read: times in s, A, V, Ah. ``Channel_ID`` counts the tests in the file."""

PAGE = 4096
"""Bytes of a page of the database."""

_TABLE = "Channel_Normal_Table"
_MARK = b"\0\1\0\0Standard Jet DB\0"


def is_res(path: Path) -> bool:
    """Whether a file is an Access database of the kind that Arbin writes, by its first bytes."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(len(_MARK)) == _MARK


def read_res(path: Path) -> pd.DataFrame:
    """Samples of a .res file: ``COLUMNS``, float64; the index counts samples from 1.

    Raises:
        DataError: it is damaged, has no table of samples or is over 1 GiB. MissingExtraError: no access_parser.
    """
    with named_extras():
        from access_parser import AccessParser
        from construct import ConstructError

    name = printable(str(path))
    if path.stat().st_size > LARGEST:
        raise DataError(f"{name}: over {LARGEST:,} bytes; export it as CSV in parts")
    if path.stat().st_size % PAGE:
        raise DataError(f"{name}: it ends within a page, so it is cut off; copy it again")
    logging.getLogger("access_parser").setLevel(logging.ERROR)
    try:
        table = AccessParser(str(path)).parse_table(_TABLE)
    except (ConstructError, struct.error, ValueError, LookupError, TypeError, AttributeError, OSError) as error:
        raise DataError(f"{name}: no .res file of Arbin that can be read; export it as CSV") from error
    missing = [column for column in COLUMNS[1:] if column not in table]
    if missing or "Test_ID" not in table:
        raise DataError(f"{name}: its table {_TABLE} lacks {', '.join(missing) or 'Test_ID'}; export it as CSV")
    columns = {column: pd.to_numeric(pd.Series(table[column]), errors="coerce") for column in COLUMNS[1:]}
    out = pd.DataFrame({"Channel_ID": pd.Series(table["Test_ID"]), **columns})
    out = out.sort_values(["Channel_ID", "Data_Point"], kind="stable")
    if out.empty or (out.groupby("Channel_ID")["Data_Point"].diff().dropna() != 1).any():
        raise DataError(f"{name}: samples are missing in its table {_TABLE}; copy it again, or export it as CSV")
    out.index = pd.RangeIndex(1, len(out) + 1)
    return out
