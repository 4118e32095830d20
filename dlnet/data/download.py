"""Download of files with pinned SHA-256: resumed, retried, and rejected if the checksum differs.

A file may take as long as it needs while bytes arrive, but not less than ``RetryPolicy.least`` of them in each
time-out, and it may not have more than ``RetryPolicy.most``.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from dlnet.errors import DataError, DownloadError
from dlnet.files import sha256
from dlnet.http import GRACE_SECONDS, CallError, Line, watched

PART = ".part"
_CHUNK = 1 << 13  # bytes that a broken connection can lose
_GIVE_UP = frozenset({400, 401, 403, 404, 405, 410, 451})


class TooLargeError(CallError):
    """A file has more bytes than any file of a source."""


@dataclass(frozen=True)
class RetryPolicy:
    """Limits of a download.

    Attributes:
        timeout_s: of one request: until its first ``least`` bytes, and again for each ``least`` more.
        tries: of a file. wait_s: before the second try; doubled each time.
        least: bytes that arrive in each time-out. most: bytes of a file.
    """

    timeout_s: float = 30.0
    tries: int = 5
    wait_s: float = 1.0
    least: int = 30 << 10
    most: int = 2 << 30


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
            raise DataError(f"{path}: no such file; the mirror must have the layout of the upstream folder")
        actual = sha256(path)
        if actual != digest:
            raise DataError(
                f"{path}: SHA-256 is {actual[:12]}…, pinned is {digest[:12]}…; copy the upstream file again"
            )


def download(base_url: str, sums: Mapping[str, str], folder: Path, retry: RetryPolicy = RetryPolicy()) -> None:
    """Fetch every file of the list into ``folder``; files that exist with the right checksum are kept.

    A file being fetched is called ``<name>.part``; a later call resumes it. It is renamed
    once its SHA-256 is verified.

    Args:
        base_url: address of the folder, without a slash at the end.
        sums: relative path -> SHA-256; characters such as ``#`` are percent-encoded in the address.
        folder: where the files are stored.
        retry: time-outs and retries.

    Raises:
        DownloadError: a file could not be fetched, or has another SHA-256 (and is deleted); names the file.
    """
    with tqdm(total=len(sums), desc="downloading", unit="file") as bar:
        for name, digest in sums.items():
            path = folder / name
            if not (path.is_file() and sha256(path) == digest):
                path.parent.mkdir(parents=True, exist_ok=True)
                _fetch(f"{base_url}/{quote(name)}", path, digest, retry)
            bar.update()


def _fetch(url: str, path: Path, digest: str, retry: RetryPolicy) -> None:
    part = path.with_name(path.name + PART)
    resumed = part.exists()
    _fetch_part(url, part, retry)
    actual = sha256(part)
    if actual != digest and resumed:
        # The part of an earlier call may be damaged: fetch again from the first byte.
        part.unlink()
        _fetch_part(url, part, retry)
        actual = sha256(part)
    if actual != digest:
        part.unlink()
        raise DownloadError(
            f"{path}: {url} has SHA-256 {actual[:12]}…, pinned is {digest[:12]}…; the download was "
            "deleted: try again; if the error persists, the upstream file or a proxy has changed it"
        )
    part.replace(path)


def _fetch_part(url: str, part: Path, retry: RetryPolicy) -> None:
    """Try until the whole file is there; wait between tries, twice as long each time."""
    for attempt in range(1, retry.tries + 1):
        try:
            watched(partial(_receive, url, part, retry), retry.timeout_s, retry.least)
        except TooLargeError as error:
            part.unlink()
            raise DownloadError(
                f"{url}: {error}, more than any file of a source; the download was deleted: a proxy or the upstream "
                "file has changed; set data.mirror to a local copy"
            ) from error
        except (requests.RequestException, HTTPError, CallError) as error:
            if _status(error) in _GIVE_UP or attempt == retry.tries:
                raise DownloadError(
                    f"{url}: {_describe(error)} (try {attempt} of {retry.tries}); check the network and run "
                    "again (the download resumes), or set data.mirror to a local copy"
                ) from error
            time.sleep(retry.wait_s * 2 ** (attempt - 1))
        else:
            return


def _receive(url: str, part: Path, retry: RetryPolicy, line: Line) -> None:
    """Append the missing bytes to ``part``; start from the first byte if the server cannot resume."""
    offset = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
    with (
        line.session() as session,
        session.get(url, headers=headers, stream=True, timeout=retry.timeout_s + GRACE_SECONDS) as response,
    ):
        if offset and response.status_code == requests.codes.requested_range_not_satisfiable:
            return  # no byte is missing; the checksum is verified by the caller
        response.raise_for_status()
        resumed = response.status_code == requests.codes.partial_content
        received = offset if resumed else 0
        with part.open("ab" if resumed else "wb") as stream:
            while chunk := response.raw.read(_CHUNK, decode_content=False):
                received += len(chunk)
                line.received += len(chunk)
                if received > retry.most:
                    raise TooLargeError(f"over {retry.most:,} bytes")
                stream.write(chunk)


def _status(error: Exception) -> int | None:
    """What the server answered, if that is what failed."""
    response = error.response if isinstance(error, requests.RequestException) else None
    return None if response is None else response.status_code


def _describe(error: Exception) -> str:
    if isinstance(error, CallError):
        return str(error)
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answered {error.response.status_code} {error.response.reason}"
    return f"no connection ({type(error).__name__})"
