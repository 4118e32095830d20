"""``data.csv.include``: which rows of a file are ageing cycles, as a query on its columns or a column of flags.

The query is read with Python's own parser, and only what ``_Query`` names is computed: comparisons, ``and``, ``or``,
``not``, ``in``, arithmetic, numbers, texts and columns. There are no calls, attributes or indices in it.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from dlnet.data.findings import Finding, Kind, spans
from dlnet.errors import DataError

MOST_CHARACTERS: Final = 1000
DEEPEST: Final = 40
"""Levels of a query's tree; far more than anybody writes, and far less than Python's stack."""

FLAGS: Final = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
_QUOTED: Final = re.compile(r"`([^`]*)`|'[^']*'|\"[^\"]*\"")

Mask = npt.NDArray[np.bool_]
Operation = Callable[[Any, Any], Any]

_COMPARED: Final[dict[type[ast.cmpop], Operation]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_COMPUTED: Final[dict[type[ast.operator], Operation]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


class _WrongQuery(Exception):
    """What is wrong with a query, and what to do."""


def included(path: Path, table: pd.DataFrame, include: str) -> Mask:
    """(n,) which rows of a file are ageing cycles.

    Args:
        table: all its columns, as read; the index is the line in the file.
        include: name of a column of flags (0 or 1, true or false, yes or no), or a query such as
            ``step == 'ageing' and `C rate` <= 1``. A comparison with an empty field is false.

    Raises:
        DataError: the query cannot be read, names no column, compares texts with numbers or leaves no row; a flag is
            none of the six words.
    """
    names = [str(name) for name in table.columns]
    chosen = _flags(path, table[include]) if include in names else _queried(path, table, include)
    if not chosen.any():
        raise DataError(f"{path}: data.csv.include {include!r} includes none of its {len(table)} rows; correct it")
    return chosen


def not_included(asset: str, lines: pd.Index, kept: pd.Index) -> list[Finding]:
    """Which rows of a file were left out."""
    left_out = ~lines.isin(kept)
    if not left_out.any():
        return []
    text = f"{left_out.sum():,} of {len(lines):,} rows of the file are no ageing cycles (data.csv.include): left out"
    return [Finding(asset=asset, rows=spans(left_out), kind=Kind.NOT_INCLUDED, text=text)]


def _flags(path: Path, column: pd.Series) -> Mask:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        words = column.map(lambda value: f"{value:g}")
    else:
        words = column.astype(str).str.strip().str.lower()
    wrong = ~words.isin(FLAGS).to_numpy()
    if wrong.any():
        line, value = column.index[int(wrong.argmax())], column[wrong].iloc[0]
        shown = "empty" if pd.isna(value) else repr(str(value))
        raise DataError(
            f"{path}: line {line}, column {column.name!r} (data.csv.include): {shown} is "
            "no flag; write 0 or 1, true or false, yes or no, or make data.csv.include a query"
        )
    return words.map(FLAGS).to_numpy(np.bool_)


def _queried(path: Path, table: pd.DataFrame, query: str) -> Mask:
    try:
        chosen = _Query(table).mask(query)
    except _WrongQuery as error:
        raise DataError(f"{path}: data.csv.include {query[:80]!r}: {error}") from error
    return np.broadcast_to(chosen, len(table)).copy()


class _Query:
    """Computes a query on the columns of a table."""

    def __init__(self, table: pd.DataFrame) -> None:
        self._columns: dict[Hashable, pd.Series] = {str(name): table[name] for name in table.columns}
        self._quoted: dict[str, str] = {}

    def mask(self, query: str) -> Mask:
        return self._truth(self._parsed(query))

    def _parsed(self, query: str) -> ast.expr:
        if len(query) > MOST_CHARACTERS:
            raise _WrongQuery(f"longer than {MOST_CHARACTERS} characters; mark the rows in a column of flags")
        try:
            tree = ast.parse(_QUOTED.sub(self._placeholder, query).strip(), mode="eval").body
        except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
            raise _WrongQuery("cannot be read; write a comparison such as `step type` == 'ageing'") from error
        level: list[ast.AST] = [tree]
        for _ in range(DEEPEST):
            level = [child for node in level for child in ast.iter_child_nodes(node)]
            if not level:
                return tree
        raise _WrongQuery("nested too deeply; mark the rows in a column of flags")

    def _placeholder(self, found: re.Match[str]) -> str:
        """A name that Python can read, for a column in backticks; texts in quotes stay."""
        if found[1] is None:
            return found[0]
        name = f"_quoted_{len(self._quoted)}"
        self._quoted[name] = found[1]
        return name

    def _truth(self, node: ast.expr) -> Mask:
        """(n,) or () of what is yes or no."""
        if isinstance(node, ast.BoolOp):
            both = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return np.asarray(both.reduce(np.broadcast_arrays(*map(self._truth, node.values))))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return np.logical_not(self._truth(node.operand))
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        value = self._value(node)
        if np.asarray(value).dtype != np.bool_:
            raise _WrongQuery(f"{ast.unparse(node)!r} is no comparison; compare it with a value")
        return np.asarray(value)

    def _comparison(self, node: ast.Compare) -> Mask:
        sides = [node.left, *node.comparators]
        masks = [self._pair(op, *pair) for op, *pair in zip(node.ops, sides[:-1], sides[1:], strict=True)]
        return np.asarray(np.logical_and.reduce(np.broadcast_arrays(*masks)))

    def _pair(self, op: ast.cmpop, left: ast.expr, right: ast.expr) -> Mask:
        if isinstance(op, ast.In | ast.NotIn) and isinstance(right, ast.List | ast.Tuple):
            found = [self._pair(ast.Eq(), left, one) for one in right.elts]
            anywhere = np.asarray(np.logical_or.reduce(np.broadcast_arrays(np.False_, *found)))
            return anywhere if isinstance(op, ast.In) else ~anywhere
        if type(op) not in _COMPARED:
            raise _WrongQuery("only ==, !=, <, <=, >, >=, and 'in' with a list of values compare")
        one, other = self._value(left), self._value(right)
        if _is_text(one) != _is_text(other):
            raise _WrongQuery(
                f"{ast.unparse(left)!r} and {ast.unparse(right)!r} are text and number; put texts in quotes"
            )
        known = ~(pd.isna(one) | pd.isna(other))
        return np.asarray(known & np.asarray(_COMPARED[type(op)](one, other), np.bool_))

    def _value(self, node: ast.expr) -> Any:
        """Numbers, texts or truths: (n,) of a column, or one."""
        if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | str):
            return node.value
        if isinstance(node, ast.Name):
            return self._column(self._quoted.get(node.id, node.id))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            value = self._number(node.operand)
            return -value if isinstance(node.op, ast.USub) else value
        if isinstance(node, ast.BinOp) and type(node.op) in _COMPUTED:
            with np.errstate(all="ignore"):  # an infinite number is compared as it is
                return _COMPUTED[type(node.op)](self._number(node.left), self._number(node.right))
        raise _WrongQuery(
            f"{ast.unparse(node)[:40]!r} is not understood; a query has columns, values, comparisons, and, or, not, "
            "in [..], + - * / // %"
        )

    def _number(self, node: ast.expr) -> Any:
        value = self._value(node)
        if _is_text(value):
            raise _WrongQuery(f"{ast.unparse(node)!r} is text, and cannot be reckoned with")
        return np.asarray(value, np.float64)

    def _column(self, name: str) -> Any:
        if name not in self._columns:
            present = ", ".join(map(repr, list(self._columns)[:20]))
            raise _WrongQuery(f"no column {name!r}, only {present}; put a name with blanks in `backticks`")
        column = self._columns[name]
        return column.to_numpy() if pd.api.types.is_numeric_dtype(column) else column.to_numpy(object)


def _is_text(value: Any) -> bool:
    return np.asarray(value).dtype.kind in "OU"
