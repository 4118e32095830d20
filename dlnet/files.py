"""Atomic writes: a file is written to a temporary name beside the final one, synced, then renamed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as dump_tensors

from dlnet.errors import DLNetError, ModelError, OutputError


@contextmanager
def atomic_file(path: Path, mode: int = 0o644) -> Iterator[Path]:
    """Yield a temporary name beside ``path``; on a clean exit it becomes ``path``, of ``mode``, else it is removed.

    Afterwards the file survives a power failure: its content is synced before it gets its name, its folder after.
    """
    make_folder(path.parent)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(mode)
        sync(temporary)
        temporary.replace(path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_dir(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder; on a clean exit it replaces the folder ``path``, else it is removed.

    For the outputs of stages, which DVC removes before the stage runs. What a user names is written with
    ``dlnet.outputs``, which deletes nothing of the user's.
    """
    make_folder(path.parent)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        sync_tree(temporary)
        if path.exists():
            shutil.rmtree(path)
        temporary.replace(path)
        sync(path.parent)
    finally:
        if temporary.exists():
            shutil.rmtree(temporary)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, unless they exist; the new ones survive a power failure.

    Raises:
        OutputError: a file stands in its place, or above it.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputError(f"{path}: cannot be made, as {error.filename} is not a folder; name another") from error
    for folder in missing:
        sync(folder.parent)


def sync(path: Path) -> None:
    """Write a file's content, or a folder's names, through to the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Write all that is in a folder through to the disk."""
    for above, _, files in os.walk(folder, topdown=False):
        for name in files:
            sync(Path(above) / name)
        sync(Path(above))


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text to ``path`` atomically."""
    write_bytes(path, content.encode())


def write_json(path: Path, content: object) -> None:
    """Write ``content`` as indented JSON with sorted keys; NaN is refused."""
    write_text(path, json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n")


def read_bytes(path: Path) -> bytes:
    """Content of a file; a missing one raises ``DLNetError`` naming it."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DLNetError(f"{path}: no such file; run the stage that makes it (dvc repro)") from error


def read_json(path: Path) -> Any:
    """Read a JSON file; a missing or broken file raises ``DLNetError`` naming it."""
    try:
        return json.loads(read_bytes(path).decode())
    except json.JSONDecodeError as error:
        raise DLNetError(f"{path}:{error.lineno}: not JSON ({error.msg}); delete it and run dvc repro") from error
    except UnicodeDecodeError as error:
        raise DLNetError(f"{path}: not UTF-8 text; delete it and run dvc repro") from error


def write_parquet(path: Path, table: pd.DataFrame, metadata: Mapping[bytes, bytes] | None = None) -> None:
    """Write a table as zstd Parquet, with keys in its metadata; the same table gives the same bytes."""
    import pyarrow
    import pyarrow.parquet

    content = pyarrow.Table.from_pandas(table, preserve_index=False)
    content = content.replace_schema_metadata({**(content.schema.metadata or {}), **(metadata or {})})
    with atomic_file(path) as temporary:
        pyarrow.parquet.write_table(content, temporary, compression="zstd")


def write_tensors(path: Path, arrays: Mapping[str, np.ndarray], metadata: dict[str, str] | None = None) -> None:
    """Write named arrays as safetensors; keys are sorted so that the same arrays give the same bytes."""
    ordered = {name: np.asarray(arrays[name], order="C") for name in sorted(arrays)}
    write_bytes(path, dump_tensors(ordered, metadata))


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """Read a safetensors file; a missing or damaged file raises ``DLNetError`` naming it."""
    try:
        return load_tensors(read_bytes(path))
    except SafetensorError as error:
        raise ModelError(f"{path}: damaged ({error}); delete it and run dvc repro") from error


def sha256(path: Path) -> str:
    """SHA-256 of a file, as hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
