"""Pinned files over HTTP: resumed, retried, and never accepted with another SHA-256 than the pinned one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import requests
from tqdm import tqdm

from dlnet.errors import DataError, DownloadError
from dlnet.files import sha256

PART = ".part"
_CHUNK = 1 << 13  # what a cut connection can lose
_GIVE_UP = frozenset({400, 401, 403, 404, 405, 410, 451})


@dataclass(frozen=True)
class Patience:
    """How long to insist on a file: ``timeout_s`` for an answer, ``tries`` in all, a wait that doubles."""

    timeout_s: float = 30.0
    tries: int = 5
    wait_s: float = 1.0


def read_sums(path: Path) -> dict[str, str]:
    """Read a list as ``sha256sum`` writes it.

    Returns:
        Relative path -> SHA-256 in hex, in the order of the list.

    Raises:
        DataError: a line is not ``<64 hex digits>  <path>``.
    """
    sums = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name or set(digest) - set("0123456789abcdef"):
            raise DataError(f"{path}:{number}: not a line of sha256sum; restore the file from git")
        sums[name] = digest
    return sums


def check_mirror(folder: Path, sums: Mapping[str, str]) -> None:
    """Check that a local folder holds every file of the list, unchanged.

    Raises:
        DataError: the folder or a file is missing, or a file has another SHA-256.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; set data.mirror (or DLNET_DATA_MIRROR) to null to download")
    for name, digest in tqdm(sums.items(), desc=f"checking {folder.name}", unit="file", leave=False):
        path = folder / name
        if not path.is_file():
            raise DataError(f"{path}: no such file; the mirror must be laid out like the upstream folder")
        found = sha256(path)
        if found != digest:
            raise DataError(f"{path}: SHA-256 is {found[:12]}…, pinned is {digest[:12]}…; copy the upstream file anew")


def download(base_url: str, sums: Mapping[str, str], folder: Path, patience: Patience = Patience()) -> None:
    """Fetch every file of the list into ``folder``; files that stand there with the right sum are kept.

    A file being fetched is called ``<name>.part``; a later call goes on where it ends. It gets its name only
    once its SHA-256 is right.

    Args:
        base_url: address of the folder, without a slash at the end.
        sums: relative path -> SHA-256; characters such as ``#`` are percent-encoded in the address.
        folder: where the files go.
        patience: time-outs and retries.

    Raises:
        DownloadError: a file could not be had, or has another SHA-256 (what came is deleted); names it.
    """
    with requests.Session() as session, tqdm(total=len(sums), desc="downloading", unit="file") as bar:
        for name, digest in sums.items():
            path = folder / name
            if not (path.is_file() and sha256(path) == digest):
                path.parent.mkdir(parents=True, exist_ok=True)
                _fetch(session, f"{base_url}/{quote(name)}", path, digest, patience)
            bar.update()


def _fetch(session: requests.Session, url: str, path: Path, digest: str, patience: Patience) -> None:
    part = path.with_name(path.name + PART)
    went_on = part.exists()
    _insist(session, url, part, patience)
    found = sha256(part)
    if found != digest and went_on:
        # What an earlier call left may have been the bad piece: once more from the first byte.
        part.unlink()
        _insist(session, url, part, patience)
        found = sha256(part)
    if found != digest:
        part.unlink()
        raise DownloadError(
            f"{path}: {url} has SHA-256 {found[:12]}…, pinned is {digest[:12]}…; what came was "
            "deleted: try again, and if it stays so, the file or a proxy on the way has changed it"
        )
    part.replace(path)


def _insist(session: requests.Session, url: str, part: Path, patience: Patience) -> None:
    """Try until the whole file has come; wait between tries, twice as long each time."""
    for attempt in range(1, patience.tries + 1):
        try:
            _stream(session, url, part, patience.timeout_s)
        except requests.RequestException as error:
            status = error.response.status_code if error.response is not None else None
            if status in _GIVE_UP or attempt == patience.tries:
                raise DownloadError(
                    f"{url}: {_say(error)} (try {attempt} of {patience.tries}); check the network and run "
                    "again (it goes on where it stopped), or set data.mirror to a local copy"
                ) from error
            time.sleep(patience.wait_s * 2 ** (attempt - 1))
        else:
            return


def _stream(session: requests.Session, url: str, part: Path, timeout_s: float) -> None:
    """Append to ``part`` what it still lacks; start anew where the server cannot resume."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with session.get(url, headers=headers, stream=True, timeout=timeout_s) as answer:
        if have and answer.status_code == requests.codes.requested_range_not_satisfiable:
            return  # nothing is lacking: the sum says whether what stands there is right
        answer.raise_for_status()
        resumed = answer.status_code == requests.codes.partial_content
        with part.open("ab" if resumed else "wb") as stream:
            for chunk in answer.iter_content(_CHUNK):
                stream.write(chunk)
        expected = answer.headers.get("Content-Length")
        came = part.stat().st_size - (have if resumed else 0)
        if expected is not None and came < int(expected):
            raise requests.ConnectionError(f"connection closed after {came} of {expected} bytes")


def _say(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"the server says {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    return f"no connection ({type(error).__name__})"
