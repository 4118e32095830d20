"""Calls over HTTP that end: each has a deadline and a cap on bytes, whatever the other side does.

A time-out of a socket starts anew with every byte that arrives, so one byte every few seconds would hold a call for
ever. Here a call runs in a thread of its own while the caller watches the clock. When the time is over, the sockets of
the call are shut down, which ends that thread as well.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import HTTPError

from dlnet.errors import DLNetError

CHUNK = 1 << 16  # bytes read at once
GRACE_SECONDS = 1.0  # for the thread of a call that was cut; a socket's own time-out comes that much later

T = TypeVar("T")


class CallError(DLNetError):
    """A call got no whole answer within its time and its bytes; the message is a reason to be put into a line."""


@dataclass(frozen=True)
class Answer:
    """A whole answer; ``headers`` may be looked up in any case of letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, parsed.

        Raises:
            ValueError: it is not JSON, or nested too deep to be read.
        """
        try:
            return json.loads(self.body)
        except RecursionError as error:
            raise ValueError("nested too deep") from error


class Line:
    """The sockets of one call, which another thread can shut down.

    Attributes:
        received: bytes of the body so far, counted by the one who reads.
    """

    def __init__(self) -> None:
        self.received = 0
        self._sockets: list[socket.socket] = []
        self._is_cut = False
        self._lock = Lock()

    def session(self) -> requests.Session:
        """A session whose connections all are on this line, those through a proxy too."""
        session = requests.Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter(self))
        return session

    def hold(self, new: socket.socket) -> None:
        """Put a new socket on the line.

        Raises:
            TimeoutError: the line is cut already.
        """
        with self._lock:
            if self._is_cut:
                new.close()
                raise TimeoutError("the call was over before the connection was made")
            # A copy: TLS takes the original away, and shutting down either ends the connection.
            self._sockets.append(new.dup())

    def cut(self) -> None:
        """Shut all connections down; whoever reads from them gets an end of file or an error."""
        with self._lock:
            self._is_cut = True
            for held in self._sockets:
                with suppress(OSError):  # the other side was faster
                    held.shutdown(socket.SHUT_RDWR)
                held.close()
            self._sockets.clear()


def ask(
    method: str,
    url: str,
    *,
    seconds: float,
    most: int,
    content: object = None,
    data: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    auth: AuthBase | None = None,
) -> Answer:
    """One request and its whole answer. Redirects are not followed, nothing is decompressed.

    Args:
        seconds: for all of it: name look-up, connection, headers, body. most: bytes of the body. content: sent as JSON.
        data: sent as it is.

    Raises:
        CallError: no answer, or one that takes longer or is larger.
    """

    def work(line: Line) -> Answer:
        sent = {**(headers or {}), "Accept-Encoding": "identity"}
        with line.session() as session, session.request(
            method, url, json=content, data=data, headers=sent, auth=auth, timeout=seconds + GRACE_SECONDS, stream=True,
            allow_redirects=False,
        ) as answer:  # fmt: skip
            return Answer(answer.status_code, answer.headers, _body(answer, most))

    try:
        return watched(work, seconds)
    except (requests.RequestException, HTTPError) as error:
        raise CallError(type(error).__name__) from error


def watched(work: Callable[[Line], T], seconds: float, least: int = 0) -> T:
    """Do ``work`` in a thread and cut its line when it is too slow.

    Args:
        work: makes its connections with ``Line.session`` and counts what it reads in ``Line.received``.
        seconds: for all of it if ``least`` is 0, else a turn: in each turn ``least`` bytes must have arrived.

    Raises:
        CallError: it was too slow. Errors of ``work`` are passed on.
    """
    line = Line()
    pool = ThreadPoolExecutor(1, "http")
    call = pool.submit(work, line)
    pool.shutdown(wait=False)
    try:
        while True:
            before = line.received
            wait([call], seconds)
            if call.done():
                return call.result()
            if not least:
                raise CallError(f"not whole within {seconds:g} s")
            if line.received - before < least:
                raise CallError(f"under {least:,} bytes in {seconds:g} s")
    finally:
        line.cut()
        wait([call], GRACE_SECONDS)  # so that it writes no more when the caller tries again


def _body(answer: requests.Response, most: int) -> bytes:
    body = bytearray()
    while chunk := answer.raw.read(CHUNK, decode_content=False):
        body += chunk
        if len(body) > most:
            raise CallError(f"over {most:,} bytes")
    return bytes(body)


class _Adapter(HTTPAdapter):
    """Puts every connection on a line."""

    def __init__(self, line: Line) -> None:
        self._line = line
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **settings: Any) -> None:
        super().init_poolmanager(*arguments, **settings)
        _put_on(self._line, self.poolmanager)

    def proxy_manager_for(self, proxy: str, **settings: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **settings)
        _put_on(self._line, manager)
        return manager


def _put_on(line: Line, manager: Any) -> None:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _holding(pool, line) for scheme, pool in pools.items()}


def _holding(pool: type[HTTPConnectionPool], line: Line) -> type[HTTPConnectionPool]:
    """A pool like ``pool`` whose connections put their socket on the line before TLS and before any header."""
    connection: Any = pool.ConnectionCls

    def new_conn(self: Any) -> socket.socket:
        made: socket.socket = connection._new_conn(self)
        line.hold(made)
        return made

    held = type(connection.__name__, (connection,), {"_new_conn": new_conn})
    return type(pool.__name__, (pool,), {"ConnectionCls": held})
