"""Integers of a spec's JSON as typed values: a float, a bool or a number out of range is refused, never rounded."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

MOST = 1 << 16  # numbers in one list of a spec


def whole(value: Any, low: int, high: int) -> int:
    """The value, if it is an int in ``low``..``high``; else ``ValueError``."""
    if type(value) is not int:  # neither a bool, which is an int to Python, nor 1.0
        raise ValueError(f"a {type(value).__name__} where a whole number belongs")
    if not low <= value <= high:
        raise ValueError(f"a number outside {low}..{high}")
    return value


def wholes(values: Any, kind: type[np.integer[Any]]) -> npt.NDArray[Any]:
    """A list of ints, of any length up to ``MOST``, as array of type ``kind``; else ``ValueError``."""
    limits = np.iinfo(kind)
    return np.array([whole(value, int(limits.min), int(limits.max)) for value in listed(values)], kind)


def matrix(rows: Any, kind: type[np.integer[Any]]) -> npt.NDArray[Any]:
    """Lists of ints, all of one length, as array (rows, columns); else ``ValueError``."""
    arrays = [wholes(row, kind) for row in listed(rows)]
    shape = (len(arrays), len(arrays[0]) if arrays else 0)
    if not all(shape) or any(len(row) != shape[1] for row in arrays):
        raise ValueError(f"weights of shape {shape}" if not all(shape) else "rows of different lengths")
    return np.stack(arrays)


def listed(values: Any) -> list[Any]:
    """The value, if it is a list of at most ``MOST`` items; else ``ValueError``."""
    if not isinstance(values, list):
        raise ValueError(f"a {type(values).__name__} where a list belongs")
    if len(values) > MOST:
        raise ValueError(f"a list of {len(values):,} items; {MOST:,} is the most")
    return values
