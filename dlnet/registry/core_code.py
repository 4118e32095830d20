"""The modules of dlnet that a registered form brings along: those that the integer reference imports, no others."""

from __future__ import annotations

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "dlnet"
ROOTS = ("dlnet.export.reference", "dlnet.export.spec")
CODE = "code"  # folder that MLflow puts them into


@cache
def brought() -> dict[str, Path]:
    """Name below ``code/``, such as ``dlnet/export/spec.py``, -> file."""
    found: dict[str, Path] = {}
    todo = list(ROOTS)
    while todo:
        module = todo.pop()
        spec = find_spec(module) if module.partition(".")[0] == PACKAGE else None
        if spec is None or spec.origin is None:
            continue
        path = Path(spec.origin)
        name = module.replace(".", "/") + ("/__init__.py" if path.name == "__init__.py" else ".py")
        if name not in found:
            found[name] = path
            todo += [module.rpartition(".")[0] or module, *_imported(path)]
    return dict(sorted(found.items()))


def _imported(path: Path) -> list[str]:
    """Modules that a file imports when it is imported: not those inside functions or for type checkers only."""
    names: list[str] = []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            names += [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            below = [f"{node.module}.{one.name}" for one in node.names]
            names += [node.module, *(name for name in below if _is_module(name))]
    return names


def _is_module(name: str) -> bool:
    if not name.startswith(f"{PACKAGE}."):
        return False
    parent = find_spec(name.rpartition(".")[0])
    return parent is not None and parent.submodule_search_locations is not None and find_spec(name) is not None
