"""Connections that keep others out: requests that never end, and one peer with hundreds of them.

uvicorn answers 503 once it holds ``MOST`` connections, and waits for the headers of a request as long as it takes. Here
each request has a time in which it must be whole; and of connections that wait for their peer, a newer one takes the
place of the oldest of the peer that has most of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 5.0  # from the connection, or the first byte of a further request, to the end of the headers
BODY_SECONDS = 10.0  # from there to the end of the body; the application answers with 408 before
QUIET_SECONDS = 1.0  # between two lines in the log
MOST = 500  # connections
MOST_OF_A_PEER = 64  # that wait for their peer
MOST_WAITING = 400  # of all peers
SUBNET_BITS = 64  # of IPv6: a peer has all addresses of its subnet

log = logging.getLogger("dlnet.relay")


class GuardedProtocol(H11Protocol):
    """One connection with limits; the others are in uvicorn's own set."""

    unsaid: ClassVar[int] = 0  # dropped connections that the log does not tell of yet
    quiet_until: ClassVar[float] = 0.0

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.peer = ""
        self.since = 0.0
        self.timer: asyncio.TimerHandle | None = None
        self.in_headers = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it, and drop another if there are too many."""
        super().connection_made(transport)
        self.peer = peer_of(self.client[0] if self.client else "")
        self.since = self.loop.time()
        self._await_headers()
        self._make_room()

    def data_received(self, data: bytes) -> None:
        """Read on, and see how far the request is."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """Wait for the next request; uvicorn closes a connection that stays idle."""
        super().on_response_complete()
        self.since = self.loop.time()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    @property
    def waits(self) -> bool:
        """Whether the peer is to send the next byte."""
        return self.conn.their_state in (h11.IDLE, h11.SEND_BODY)

    def _look(self) -> None:
        if not self.waits or self.transport.is_closing():
            self._stop_timer()
        elif self.conn.their_state is h11.SEND_BODY:
            if self.in_headers or self.timer is None:
                self._start_timer(BODY_SECONDS)
        elif self.conn.trailing_data[0]:
            self._await_headers()
        elif self.timer is not None and not self.in_headers:
            self._stop_timer()

    def _await_headers(self) -> None:
        if not self.in_headers:
            self._start_timer(HEADER_SECONDS)
            self.in_headers = True

    def _start_timer(self, seconds: float) -> None:
        self._stop_timer()
        self.timer = self.loop.call_later(seconds, self._drop, "too slow")

    def _stop_timer(self) -> None:
        self.in_headers = False
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _make_room(self) -> None:
        if len(self.connections) <= MOST_OF_A_PEER:
            return
        waiting = [one for one in self.connections if isinstance(one, GuardedProtocol) and one.waits]
        counts = Counter(one.peer for one in waiting)
        if counts[self.peer] > MOST_OF_A_PEER:
            crowd = self.peer
        elif len(waiting) > MOST_WAITING:
            crowd = counts.most_common(1)[0][0]
        else:
            return
        oldest = min((one for one in waiting if one.peer == crowd), key=lambda one: one.since)
        oldest._drop("too many")

    def _drop(self, reason: str) -> None:
        self._say(reason)
        self.connections.discard(self)  # now, not in the next turn of the loop: the count must be right
        self.transport.abort()

    def _say(self, reason: str) -> None:
        kind, now = type(self), self.loop.time()
        kind.unsaid += 1
        if now >= kind.quiet_until:
            fields = {"peer": self.peer, "reason": reason, "connections": kind.unsaid}
            log.warning("dropped", extra={"fields": fields})
            kind.unsaid, kind.quiet_until = 0, now + QUIET_SECONDS


def peer_of(address: str) -> str:
    """Whom an address belongs to: itself, or its subnet in IPv6. ``address`` may be empty (a Unix socket)."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ip_network((int(parsed), SUBNET_BITS), strict=False))
