"""Half-open connections, slow headers and crowds: others are answered all the same."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack

import pytest

from dlnet.relay.connections import HEADER_SECONDS, MOST_OF_A_PEER, peer_of

HALF = b"GET /healthz HTTP/1.1\r\nHost: relay\r\nX-Slow: "
PATIENCE = 15.0  # seconds, for a busy machine; an idle one needs 0.1. Without the limits the answer is 503, at once
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n"


def connect(relay, source="127.0.0.1"):
    return socket.create_connection(("127.0.0.1", relay.port), timeout=20, source_address=(source, 0))


def answers(relay, source):
    """Seconds until this source gets its answer."""
    started = time.monotonic()
    with connect(relay, source) as line:
        line.settimeout(PATIENCE)
        line.sendall(WHOLE)
        assert line.recv(100).startswith(b"HTTP/1.1 200 ")
    return time.monotonic() - started


def closed_after(line, start):
    """Seconds from ``start`` until the other side closed the connection."""
    try:
        while line.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return time.monotonic() - start


@pytest.mark.parametrize("sent", [b"", HALF])
@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.2"])
def test_600_half_open_connections_keep_nobody_out(steady, sent, source):
    with ExitStack() as held:
        for _ in range(600):
            line = held.enter_context(connect(steady))
            line.sendall(sent)
        assert answers(steady, source) < PATIENCE


def test_600_half_open_connections_of_many_peers_keep_nobody_out(steady):
    with ExitStack() as held:
        for number in range(600):
            held.enter_context(connect(steady, f"127.0.1.{number % 12 + 1}")).sendall(HALF)
        assert answers(steady, "127.0.0.2") < PATIENCE


def test_the_newest_connections_of_a_crowd_stay(steady):
    with ExitStack() as held:
        lines = [held.enter_context(connect(steady, "127.0.2.1")) for _ in range(2 * MOST_OF_A_PEER)]
        for line in lines[-MOST_OF_A_PEER // 2 :]:
            line.sendall(WHOLE)
            assert line.recv(100).startswith(b"HTTP/1.1 200 ")


def test_headers_that_trickle_are_dropped(steady):
    with connect(steady, "127.0.3.1") as line:
        line.sendall(HALF)
        line.settimeout(0.5)
        started, gone = time.monotonic(), False
        while not gone and time.monotonic() - started < 15:
            try:
                line.sendall(b"a")
                gone = line.recv(100) == b""
            except TimeoutError:
                pass
            except OSError:
                gone = True
    assert gone
    assert 4 < time.monotonic() - started < 8


@pytest.mark.slow
def test_further_headers_on_a_connection_that_trickle_are_dropped(steady):
    with connect(steady, "127.0.4.1") as line:
        line.sendall(WHOLE)
        assert line.recv(4096).startswith(b"HTTP/1.1 200 ")
        time.sleep(1)
        line.sendall(HALF)
        assert 4 < closed_after(line, time.monotonic()) < 8


@pytest.mark.slow
def test_a_body_that_nobody_reads_does_not_hold_a_connection(steady):
    with connect(steady, "127.0.5.1") as line:
        start = time.monotonic()
        line.sendall(WHOLE.replace(b"\r\n\r\n", b"\r\nContent-Length: 100\r\n\r\n"))
        assert closed_after(line, start) < 14


@pytest.mark.slow
def test_an_idle_connection_serves_another_request(steady):
    with connect(steady, "127.0.6.1") as line:
        for _ in range(2):
            line.sendall(WHOLE)
            answer = line.recv(4096)
            while not answer.endswith(b"}"):  # the end of the body
                answer += line.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200 ")
            time.sleep(6)  # longer than headers may take


@pytest.mark.parametrize(
    ("address", "peer"),
    [("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
     ("fe80::1%eth0", "fe80::/64"), ("", "")],
)  # fmt: skip
def test_a_peer_is_an_address_or_a_subnet(address, peer):
    assert peer_of(address) == peer


def test_a_peer_keeps_at_most_so_many_connections(steady):
    """Long before each would be dropped for being slow."""
    with ExitStack() as held:
        mine = [held.enter_context(connect(steady, "127.0.8.1")) for _ in range(MOST_OF_A_PEER + 40)]
        until = time.monotonic() + HEADER_SECONDS / 2
        while sum(map(is_open, mine)) > MOST_OF_A_PEER and time.monotonic() < until:
            time.sleep(0.05)
        assert sum(map(is_open, mine)) == MOST_OF_A_PEER


def is_open(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def test_dropped_connections_are_told_without_a_line_each(steady):
    with ExitStack() as held:
        for _ in range(300):
            held.enter_context(connect(steady, "127.0.7.1"))
        until = time.monotonic() + 20
        while sum(line["connections"] for line in told(steady)) <= 200 and time.monotonic() < until:
            time.sleep(1.1)
            held.enter_context(connect(steady, "127.0.7.1"))
    assert sum(line["connections"] for line in told(steady)) > 200
    assert 1 <= len(told(steady)) < 40


def told(relay):
    return [line for line in relay.lines() if line["event"] == "dropped" and line.get("peer") == "127.0.7.1"]
