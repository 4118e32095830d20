"""Atomic writes: a file is written to a temporary name beside the final one, synced, then renamed."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as dump_tensors

from dlnet.errors import DLNetError, ModelError, OutputError

if TYPE_CHECKING:
    import pandas as pd

LARGEST = 1 << 30  # bytes of a file that is read at once
LARGEST_JSON = 1 << 26
CHUNK = 1 << 20  # bytes that are read at a time
LARGEST_INT = 2**63  # a whole number of a JSON file is smaller in size: nothing that is stored needs more


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


def read_bytes(path: Path, most: int = LARGEST) -> bytes:
    """Content of a plain file of at most ``most`` bytes.

    Raises:
        DLNetError: it is missing, cannot be read, is a folder, pipe or device, or is larger; names it.
    """
    try:
        # Without blocking: opening a pipe would wait for a writer that never comes.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise DLNetError(f"{path}: not a plain file; remove it and run dvc repro")
            content = at_most(stream, most + 1)
    except FileNotFoundError as error:
        raise DLNetError(f"{path}: no such file; run the stage that makes it (dvc repro)") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise DLNetError(f"{path}: cannot be read ({reason}); fix or remove it") from error
    if len(content) > most:
        raise DLNetError(f"{path}: over {most:,} bytes, which no file of this project has; remove it")
    return content


def at_most(stream: IO[bytes], count: int) -> bytes:
    """The first ``count`` bytes, or all; takes memory for those that there are, not for ``count``."""
    content = bytearray()
    while part := stream.read(min(CHUNK, count - len(content))):
        content += part
    return bytes(content)


def read_json(path: Path) -> Any:
    """Read a JSON file; a missing or broken file raises ``DLNetError`` naming it."""
    return parse_json(read_bytes(path, LARGEST_JSON), path)


def parse_json(content: bytes, where: object) -> Any:
    """The content of a JSON file in which each key stands once and each number is finite.

    Raises:
        DLNetError: it is no such JSON; begins with ``where``.
    """
    try:
        return json.loads(
            content.decode(),
            object_pairs_hook=_each_key_once,
            parse_constant=_finite,
            parse_float=_finite,
            parse_int=_whole,
        )
    except json.JSONDecodeError as error:
        raise DLNetError(f"{where}:{error.lineno}: not JSON ({error.msg}); delete it and run dvc repro") from error
    except UnicodeDecodeError as error:
        raise DLNetError(f"{where}: not UTF-8 text; delete it and run dvc repro") from error
    except ValueError as error:
        raise DLNetError(f"{where}: {error}; delete it and run dvc repro") from error
    except RecursionError as error:
        raise DLNetError(f"{where}: nested too deeply; delete it and run dvc repro") from error


def printable(text: str) -> str:
    """Text from a file as part of a message: what would break the line or steer a terminal is written as escapes."""
    return text if text.isprintable() else repr(text)[1:-1]


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        twice = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
        raise ValueError(f"the key {twice[:40]!r} stands twice")
    return content


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:40]} is not finite")
    return value


def _whole(text: str) -> int:
    if len(text) > 20 or not -LARGEST_INT < int(text) < LARGEST_INT:
        raise ValueError(f"the number {text[:20]}... is too large" if len(text) > 20 else f"{text} is too large")
    return int(text)


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
    except (SafetensorError, KeyError) as error:  # KeyError: of a type that NumPy lacks
        raise ModelError(f"{path}: damaged ({error}); delete it and run dvc repro") from error


def sha256(path: Path) -> str:
    """SHA-256 of a file, as hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
