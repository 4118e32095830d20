"""Files that a command adds to a folder, which may hold others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dlnet.errors import OutputError
from dlnet.files import make_folder, sha256, sync
from dlnet.outputs.marker import MARKER, Marker, Result, check_results, read_marker
from dlnet.outputs.staging import staging

WORK, NEW = ".dlnet", "new"


@contextmanager
def added_files(out: Path, names: Sequence[str], command: str, inputs: Sequence[Path] = ()) -> Iterator[Path]:
    """Yield an empty temporary folder, to write ``names`` into; on a clean exit they are moved to ``out``.

    A file there is replaced only if it is an earlier result of ``command``; all others stay. Each file is complete or
    absent.

    Args:
        names: file names. command: as the user types it. inputs: folders that the command reads.

    Raises:
        OutputError: ``out`` is in an input, or not a folder; a file is not a result of ``command``.
    """
    for given in inputs:
        if out.resolve().is_relative_to(given.resolve()):
            raise OutputError(f"{out}: is in the input {given}; name another folder")
    if out.exists() and not out.is_dir():
        raise OutputError(f"{out}: is not a folder; name another")
    make_folder(out)
    with staging(out / WORK, frozenset({NEW}), lambda: None):
        check_results(out, names, command)
        new = out / WORK / NEW
        new.mkdir()
        yield new
        _land(new, out, names, command)


def _land(new: Path, out: Path, names: Sequence[str], command: str) -> None:
    results = dict(read_marker(out).files)
    for name in names:
        sync(new / name)
        results[name] = Result(command=command, sha256=[sha256(f) for f in (out / name, new / name) if f.exists()])
    Marker(files=results).write(new / MARKER)
    for name in (MARKER, *names):  # the marker first: so a killed call leaves nothing that the next one refuses
        (new / name).replace(out / name)
    sync(out)
