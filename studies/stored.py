"""Finished units of a study as small JSON files, so that a study that was stopped goes on.

A unit is kept under the hash of its settings and of the code that it imports, so that a study never mixes the results
of two codes.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import grimp

from dlnet.documents import Document

PACKAGES = ("dlnet", "studies")
ROOT = Path(__file__).parent.parent
Rows = list[dict[str, Any]]


class StoredUnit(Document):
    """A finished unit: the key that it was computed under, its settings, and its rows."""

    key: str
    settings: dict[str, Any]
    rows: Rows


def rows_of(path: Path, module: str, settings: dict[str, Any], work: Callable[[], Rows]) -> Rows:
    """Rows of the unit in ``path`` if they were made with the same settings and code; else the unit is run.

    Args:
        module: name of the module that does the unit's work.
        settings: all that the rows depend on beside the code, as JSON.

    Raises:
        DocumentError: the file is no stored unit.
    """
    key = unit_key(module, settings)
    if not path.exists() or StoredUnit.read(path).key != key:
        StoredUnit(key=key, settings=settings, rows=work()).write(path)
    return StoredUnit.read(path).rows


def unit_key(module: str, settings: dict[str, Any]) -> str:
    """SHA-256 of the settings and of the code of ``module`` and of all that it imports, directly or not."""
    text = json.dumps([settings, code_hash(module)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def code_hash(module: str) -> str:
    """SHA-256 of ``module`` and the modules of the project that it imports, without comments and docstrings."""
    used = sorted({module, *_graph().find_upstream_modules(module)})
    digest = hashlib.sha256()
    for name in used:
        digest.update(f"{name}\n{_without_docstrings(_file(name).read_text())}\n".encode())
    return digest.hexdigest()


@cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, cache_dir=None)


def _file(module: str) -> Path:
    path = ROOT / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _without_docstrings(code: str) -> str:
    """The syntax tree as text: layout, comments and docstrings do not change what the code computes."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:]
    return ast.dump(tree)
