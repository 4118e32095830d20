"""A registry's server that trickles, or sends without end, is left in time and with little memory."""

from __future__ import annotations

import importlib
import socket
import threading
import time
from contextlib import contextmanager

import pytest
import requests

from dlnet.errors import RegistryError
from dlnet.registry import artefacts, bounded
from dlnet.registry import client as connection
from dlnet.registry.artefacts import ServedStore
from dlnet.registry.client import connect, probe, registry_errors

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
HEALTHY = HEAD + b"Content-Length: 2\r\n\r\nOK"


class Server:
    """Answers each request with the pieces that ``answer`` yields, a pause before each."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.uri = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.answer, self.pause, self.sent = lambda: iter(()), 0.0, 0
        self.closed = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while not self.closed.is_set():
            try:
                connected, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(connected,), daemon=True).start()

    def _one(self, connected):
        with connected:
            asked = connected.recv(65536)
            pieces = [HEALTHY] if asked.startswith(b"GET /health") and not self.slow_health else self.answer()
            try:
                for piece in pieces:
                    if self.closed.wait(self.pause):
                        return
                    connected.sendall(piece)
                    self.sent += len(piece)
            except OSError:
                return

    slow_health = False


@pytest.fixture
def server(monkeypatch):
    """With a deadline of a second."""
    importlib.import_module("mlflow")  # takes some seconds
    monkeypatch.setattr(bounded, "SECONDS", 1.0)
    monkeypatch.setattr(artefacts, "SECONDS", 1.0)
    monkeypatch.setattr(connection, "PROBE_SECONDS", 0.5)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    made = Server()
    yield made
    made.closed.set()
    made.listener.close()


def trickle(head: bytes = HEAD):
    """One byte after the other, for ever."""
    yield from (head[i : i + 1] for i in range(len(head)))
    yield b"\r\n"
    while True:
        yield b" "


def endless():
    yield HEAD + b"\r\n"
    while True:
        yield b" " * 65536


@contextmanager
def within(seconds):
    start = time.monotonic()
    yield
    assert time.monotonic() - start < seconds


ANSWERS = [trickle, lambda: trickle(HEAD[:17]), lambda: iter([HEAD + b"Content-Length: 9\r\n\r\n", *[b" "] * 8])]


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_call_of_the_client_is_left_after_its_deadline(server, answer):
    server.answer, server.pause = answer, 0.3
    with within(20), pytest.raises(RegistryError, match="no whole answer within 1 s") as caught:
        connect(server.uri)
    assert "\n" not in str(caught.value)


def test_an_answer_of_the_client_without_end_is_cut_off(server, monkeypatch):
    monkeypatch.setattr(bounded, "MOST", 2**20)
    monkeypatch.setattr(bounded, "SECONDS", 60.0)
    server.answer = endless
    with within(50), pytest.raises(RegistryError, match="the answer has over 1,048,576 bytes"):
        connect(server.uri)
    time.sleep(0.2)
    assert server.sent < 64 * 2**20


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_file_that_trickles_is_left_after_the_deadline(server, answer):
    server.answer, server.pause = answer, 0.3
    store = ServedStore(server.uri, "1/m")
    with within(20), pytest.raises(RegistryError, match="files of 1/m did not arrive within 1 s; check server"):
        store.read("artifacts/spec.json")


def test_the_deadline_is_that_of_all_files_together(server):
    server.answer, server.pause = lambda: iter([HEAD + b"Content-Length: 2\r\n\r\n{}"]), 0.4
    store = ServedStore(server.uri, "1/m")
    assert store.read("artifacts/spec.json") == b"{}"
    with within(20), pytest.raises(RegistryError, match="did not arrive within 1 s"):
        for _ in range(5):
            store.read("artifacts/spec.json")


def test_a_health_check_that_trickles_is_left(server):
    server.answer, server.pause, server.slow_health = trickle, 0.3, True
    with within(20), pytest.raises(RegistryError, match="MLflow does not answer .not whole within"):
        probe(server.uri)


def test_an_error_of_the_network_is_still_one_line(server):
    with pytest.raises(RegistryError, match="failed") as caught, registry_errors(server.uri):
        server.answer = lambda: iter([b"nonsense\r\n\r\n"])
        connect(server.uri)
    assert "\n" not in str(caught.value)


def test_what_is_done_in_time_gives_its_result_and_its_own_error():
    assert bounded.in_time(lambda: 7, 5.0) == 7
    with pytest.raises(requests.ConnectionError, match="own"):
        bounded.in_time(lambda: (_ for _ in ()).throw(requests.ConnectionError("own")), 5.0)
