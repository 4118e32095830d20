"""TCP servers that do what they can to hold a caller: bytes that trickle, bytes without end, silence."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

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
