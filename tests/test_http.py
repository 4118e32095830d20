"""Calls end in time and in bytes, against TCP servers that do what they can to hold the caller."""

from __future__ import annotations

import gc
import socket
import threading
import time
from contextlib import suppress

import pytest
from requests.auth import AuthBase

from dlnet.http import CallError, ask

SECONDS = 1.0
MOST = 1 << 20
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


def drip(line, first, forever):
    """``first``, then ``forever`` again and again, a piece every 0.1 s."""
    line.sendall(first)
    while True:
        line.sendall(forever)
        time.sleep(0.1)


class Server:
    """Answers each connection with ``talk(line)``; counts the bytes it could send in ``flood``."""

    def __init__(self, talk):
        self.talk, self.sent, self.asked, self.gone = talk, 0, [], threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with suppress(OSError):
            while True:
                threading.Thread(target=self.serve, args=(self.listener.accept()[0],), daemon=True).start()

    def serve(self, line):
        with line, suppress(OSError):
            if self.talk is not handshake:
                self.asked.append(line.recv(65536))
            self.talk(self, line)
        self.gone.set()

    def flood(self, line, first, piece):
        line.sendall(first)
        while True:
            line.sendall(piece)
            self.sent += len(piece)


def status_line(_, line):
    drip(line, b"HTTP/1.1 2", b"0")


def headers(_, line):
    drip(line, HEAD + b"X: ", b"a")


def body(_, line):
    drip(line, HEAD + b"Content-Length: 100000\r\n\r\n", b"a")


def body_until_close(_, line):
    drip(line, HEAD + b"\r\n", b"a")


def chunks(_, line):
    drip(line, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n")


def interim(_, line):
    drip(line, b"", b"HTTP/1.1 100 Continue\r\n\r\n")


def handshake(_, line):
    drip(line, b"\x16\x03\x03\x40\x00", b"\x02")  # a TLS record of 16 kB that never ends


def silence(_, line):
    line.recv(1)


@pytest.fixture
def serve():
    servers = []

    def start(talk):
        servers.append(Server(talk))
        return servers[-1]

    yield start
    for server in servers:
        server.listener.close()


def fails(url, seconds=SECONDS, most=MOST):
    """The reason of a call that fails, and how long it took, s."""
    started = time.monotonic()
    with pytest.raises(CallError) as caught:
        ask("GET", url, seconds=seconds, most=most)
    return str(caught.value), time.monotonic() - started


@pytest.mark.parametrize("talk", [status_line, headers, body, body_until_close, chunks, interim, silence])
def test_a_trickle_is_cut_at_the_deadline(serve, talk):
    server = serve(talk)
    reason, took = fails(f"http://127.0.0.1:{server.port}/")
    assert reason == "not whole within 1 s"
    assert SECONDS <= took < SECONDS + 1.5
    assert server.gone.wait(5), "the connection is closed, not only left"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_handshake_of_tls_is_cut_at_the_deadline(serve):
    server = serve(handshake)
    reason, took = fails(f"https://127.0.0.1:{server.port}/")
    assert reason == "not whole within 1 s"
    assert took < SECONDS + 1.5
    assert server.gone.wait(5)
    gc.collect()  # urllib3 leaves the half-made TLS socket to the collector, which warns of it


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_trickles_is_cut_at_the_deadline(serve, monkeypatch, scheme):
    server = serve(headers)
    monkeypatch.setenv(f"{scheme}_proxy", f"http://127.0.0.1:{server.port}")
    monkeypatch.setenv("no_proxy", "")
    reason, took = fails(f"{scheme}://dlnet.invalid/")
    assert reason == "not whole within 1 s"
    assert took < SECONDS + 1.5
    assert server.gone.wait(5)
    assert server.asked[0].startswith(b"GET" if scheme == "http" else b"CONNECT")


@pytest.mark.parametrize(
    ("first", "piece"),
    [(HEAD + b"\r\n", b"a" * 65536), (HEAD + b"Content-Length: 9999999999\r\n\r\n", b"a" * 65536),
     (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"a" * 65536 + b"\r\n"),
     (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 65536), (HEAD, b"X: " + b"a" * 60000 + b"\r\n"),
     (b"HTTP/1.1 200 ", b"a" * 65536)],
)  # fmt: skip
def test_an_endless_answer_is_left_after_its_bytes(serve, first, piece):
    server = serve(lambda self, line: self.flood(line, first, piece))
    _, took = fails(f"http://127.0.0.1:{server.port}/", seconds=10)
    assert took < 5, "the bytes end it, not the deadline"
    assert server.sent < 16 * MOST  # what the sockets buffer comes on top


def test_the_reason_names_the_cap(serve):
    server = serve(lambda self, line: self.flood(line, HEAD + b"\r\n", b"a" * 65536))
    assert fails(f"http://127.0.0.1:{server.port}/")[0] == "over 1,048,576 bytes"


def test_an_answer_of_just_the_cap_is_taken(serve):
    length = f"Content-Length: {MOST}\r\n\r\n".encode()
    server = serve(lambda _, line: line.sendall(HEAD + length + b"a" * MOST))
    assert ask("GET", f"http://127.0.0.1:{server.port}/", seconds=10, most=MOST).body == b"a" * MOST


def test_what_is_compressed_is_not_blown_up(serve):
    packed = b"\x1f\x8b" + b"0" * 30
    length = b"Content-Encoding: gzip\r\nContent-Length: 32\r\n\r\n"
    server = serve(lambda _, line: line.sendall(HEAD + length + packed))
    assert ask("GET", f"http://127.0.0.1:{server.port}/", seconds=10, most=MOST).body == packed
    assert b"accept-encoding: identity" in server.asked[0].lower()


def test_an_answer_cut_short_is_no_answer(serve):
    server = serve(lambda _, line: line.sendall(HEAD + b"Content-Length: 10\r\n\r\nabc"))
    assert fails(f"http://127.0.0.1:{server.port}/")[0] == "ProtocolError"


class Bearer(AuthBase):
    def __call__(self, request):
        request.headers["Authorization"] = "Bearer a-token"
        return request


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_and_takes_no_token_along(serve, status):
    other = serve(lambda _, line: line.sendall(HEAD + b"Content-Length: 0\r\n\r\n"))
    to = f"HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:{other.port}/\r\nContent-Length: 0\r\n\r\n".encode()
    server = serve(lambda _, line: line.sendall(to))
    answer = ask("POST", f"http://127.0.0.1:{server.port}/", seconds=10, most=MOST, content={}, auth=Bearer())
    assert answer.status == status
    assert b"Bearer a-token" in server.asked[0]
    assert other.asked == []


def test_no_thread_is_left_behind(serve):
    before = threading.active_count()
    url = f"http://127.0.0.1:{serve(silence).port}/"
    for _ in range(3):
        fails(url, seconds=0.2)
    names = [thread.name for thread in threading.enumerate() if thread.name.startswith("http")]
    assert names == [], f"{threading.active_count()} threads, {before} before"


def test_json_that_is_nested_too_deep_is_an_error_of_its_own(serve):
    deep = b"[" * 200_000
    length = f"Content-Length: {len(deep)}\r\n\r\n".encode()
    server = serve(lambda _, line: line.sendall(HEAD + length + deep))
    answer = ask("GET", f"http://127.0.0.1:{server.port}/", seconds=10, most=MOST)
    with pytest.raises(ValueError, match="nested too deep"):
        answer.json()
