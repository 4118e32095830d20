"""Reads the artefacts of a logged model as untrusted data: names, kinds and sizes are checked before they are used.

There are two stores: a folder on this machine, and a tracking server that serves artefacts itself. MLflow's own
download is not used: it accepts files of any name and size, and follows links.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

from dlnet.errors import DLNetError, RegistryError, UntrustedError
from dlnet.files import at_most, parse_json
from dlnet.registry.bounded import CHUNK, in_time
from dlnet.registry.client import is_server
from dlnet.registry.databases import shown

if TYPE_CHECKING:
    import requests

MAX_FILE = 16 * 2**20  # bytes of one file; the largest that the pipeline makes is a teacher of about 1 MB
MAX_FILES = 64  # in a version; the pipeline makes 15
SECONDS = 300.0  # for all files of a version; 15 files, about 1 MB
MAX_LISTING = 2**20  # bytes of one listing of a server
SERVICE = "/api/2.0/mlflow-artifacts/artifacts"
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
SAFE_ROOT = re.compile(r"(/[A-Za-z0-9_][A-Za-z0-9._-]*)+", re.ASCII)
FOLDER = "artifacts"  # the only folder below a model's root, in MLflow's layout


@dataclass(frozen=True)
class Entry:
    """One file as listed: path below the model's root, bytes (None: not listed)."""

    path: str
    size: int | None


class Store(Protocol):
    """Where the artefacts of one model are."""

    def entries(self) -> list[Entry]:
        """All files; raises ``UntrustedError`` for what is not a plain file of a plain name."""

    def read(self, path: str) -> bytes:
        """A listed file's content, at most ``MAX_FILE`` bytes."""


def open_store(location: str, tracking_uri: str) -> Store:
    """The store of an artefact location as the registry states it.

    Raises:
        UntrustedError: another scheme, local files from a server, or a server's artefacts without that server.
    """
    parts = urlsplit(location)
    served = is_server(tracking_uri)
    if parts.scheme == "mlflow-artifacts" and not parts.netloc and served and SAFE_ROOT.fullmatch(parts.path):
        return ServedStore(tracking_uri, parts.path.strip("/"))
    if parts.scheme in ("", "file") and parts.netloc in ("", "localhost") and not served:
        return LocalStore(Path(unquote(parts.path)))
    raise UntrustedError(
        f"{shown(location)}: artefacts at this location are not read with {shown(tracking_uri)}; "
        "a server must serve them itself (mlflow-artifacts:), as that of make server-up does"
    )


class LocalStore:
    """A folder on this machine. Links and special files are refused; files are opened without following links."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def entries(self) -> list[Entry]:
        """See ``Store``."""
        return bounded(self._walk(self.root, ""), str(self.root))

    def _walk(self, folder: Path, below: str) -> Iterator[Entry]:
        try:
            with os.scandir(folder) as entries:
                items = sorted(entries, key=lambda item: item.name)
        except OSError as error:
            raise RegistryError(f"{folder}: artefacts cannot be listed ({error.strerror}); run make publish") from error
        for item in items:
            path, mode = f"{below}{plain_name(item.name, folder)}", item.stat(follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                if path != FOLDER:
                    raise UntrustedError(f"{folder / item.name}: an unknown folder; the version is refused")
                yield from self._walk(folder / item.name, f"{path}/")
            elif stat.S_ISREG(mode):
                yield Entry(path, item.stat(follow_symlinks=False).st_size)
            else:
                kind = "a symbolic link" if stat.S_ISLNK(mode) else "not a plain file"
                raise UntrustedError(f"{folder / item.name}: {kind}; the version is refused")

    def read(self, path: str) -> bytes:
        """See ``Store``; the file may have been replaced since it was listed, so it is checked again."""
        folder, _, name = path.rpartition("/")
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            above = os.open(self.root / folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                handle = os.open(name, flags, dir_fd=above)
            finally:
                os.close(above)
        except OSError as error:
            raise UntrustedError(f"{self.root / path}: cannot be opened as a plain file ({error.strerror})") from error
        with os.fdopen(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise UntrustedError(f"{self.root / path}: not a plain file; the version is refused")
            return within(at_most(stream, MAX_FILE + 1), path)


class ServedStore:
    """The artefact service of the tracking server."""

    def __init__(self, uri: str, root: str) -> None:
        self.uri = uri
        self.root = root
        self.until = time.monotonic() + SECONDS

    def entries(self) -> list[Entry]:
        """See ``Store``."""
        return bounded(self._walk(""), self.root)

    def _walk(self, below: str) -> Iterator[Entry]:
        content = self._get("", {"path": f"{self.root}/{below}".rstrip("/")}, MAX_LISTING)
        try:
            files: list[dict[str, Any]] = parse_json(content, self.root).get("files", [])
            items = [(str(file["path"]), bool(file["is_dir"]), file.get("file_size")) for file in files]
            sizes = [None if size is None else int(size) for _, _, size in items]
        except (DLNetError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise RegistryError(f"{shown(self.uri)}: the listing of {self.root} is not MLflow's") from error
        for (name, is_dir, _), size in sorted(zip(items, sizes, strict=True), key=str):
            path = f"{below}{plain_name(name, self.root)}"
            if not is_dir:
                yield Entry(path, size)
            elif path == FOLDER:
                yield from self._walk(f"{path}/")
            else:
                raise UntrustedError(f"{self.root}/{path}: an unknown folder; the version is refused")

    def read(self, path: str) -> bytes:
        """See ``Store``; received bytes are counted, whatever size the server stated."""
        return self._get(f"/{self.root}/{path}", {}, MAX_FILE)

    def _get(self, path: str, params: dict[str, str], limit: int) -> bytes:
        try:
            return in_time(lambda: self._receive(path, params, limit), self.until - time.monotonic())
        except TimeoutError as error:
            raise RegistryError(
                f"{shown(self.uri)}: files of {self.root} did not arrive within {SECONDS:.0f} s; check server and "
                "network, then run the command again"
            ) from error

    def _receive(self, path: str, params: dict[str, str], limit: int) -> bytes:
        from mlflow.utils.credentials import get_default_host_creds
        from mlflow.utils.rest_utils import http_request

        creds = get_default_host_creds(self.uri.rstrip("/"))  # type: ignore[no-untyped-call]
        with http_request(  # type: ignore[no-untyped-call]
            creds, f"{SERVICE}{path}", "GET", params=params, stream=True, allow_redirects=False
        ) as answer:
            if answer.status_code != 200:
                raise RegistryError(
                    f"{shown(self.uri)}: {path or params['path']} answers {answer.status_code}; run make publish again"
                )
            return _counted(answer, path or self.root, limit)


def _counted(answer: requests.Response, path: str, limit: int) -> bytes:
    content = bytearray()
    for chunk in answer.iter_content(CHUNK):
        content += chunk
        if len(content) > limit:
            break
    return within(bytes(content), path, limit)


def bounded(entries: Iterator[Entry], where: str) -> list[Entry]:
    """The entries as a list.

    Raises:
        UntrustedError: more than ``MAX_FILES``.
    """
    files = []
    for entry in entries:
        files.append(entry)
        if len(files) > MAX_FILES:
            raise UntrustedError(f"{where}: more than {MAX_FILES} files; the version is refused")
    return files


def plain_name(name: str, where: object) -> str:
    """One component of a path; slashes, leading dots, control characters and the like raise ``UntrustedError``."""
    if not SAFE_NAME.fullmatch(name):
        raise UntrustedError(f"{where}: holds {name[:100]!r}, not a plain file name; the version is refused")
    return name


def within(content: bytes, path: str, limit: int = MAX_FILE) -> bytes:
    """The content, if it is not over ``limit`` bytes; else ``UntrustedError``."""
    if len(content) > limit:
        raise UntrustedError(f"{path}: over {limit:,} bytes; the version is refused")
    return content
