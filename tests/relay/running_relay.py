"""The relay as a process, and GitHub as far as it is asked: a server here that counts what it took."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SECRET = "a-secret-of-the-webhook"  # noqa: S105
TOKEN = "ghp_ThisTokenMustNotShowUp"  # noqa: S105


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            refusal = self.server.refusals.pop(0) if self.server.refusals else None
            if refusal is None:
                self.server.taken.append((self.path, dict(self.headers), content))
            self.server.asked += 1
            self.server.times.append(time.monotonic())
        time.sleep(self.server.delay)
        status, headers = refusal if isinstance(refusal, tuple) else (refusal or 204, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def do_PUT(self):
        with self.server.lock:
            self.server.put.append((self.path, self.headers["Authorization"]))
        self.send_response(self.server.enabling)
        self.end_headers()

    def log_message(self, *arguments):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@dataclass
class GitHubStub:
    """``taken``: (path, headers, content) of each dispatch. ``refusals``: statuses that come first, or pairs of status
    and headers."""

    port: int
    server: Server | None = None
    seen: list = field(default_factory=list)

    def up(self, refusals=(), delay=0.0, enabling=204):
        self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.taken, self.server.asked, self.server.times = self.seen, 0, []
        self.server.delay, self.server.enabling, self.server.put = delay, enabling, []
        self.server.refusals, self.server.lock = list(refusals), threading.Lock()
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def down(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def versions(self) -> list[int]:
        return [int(content["client_payload"]["version"]) for _, _, content in self.seen]

    def wait_asked(self, count: int, seconds: float = 10) -> bool:
        """Whether it is asked so often in that time; answers may still be on their way."""
        deadline = time.monotonic() + seconds
        while self.server.asked < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.server.asked >= count

    def wait(self, count: int, seconds: float = 20) -> list[int]:
        """The versions that were dispatched, once there are ``count``, and a moment later, to see that no more come."""
        deadline = time.monotonic() + seconds
        while len(self.seen) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)
        return self.versions()


@dataclass
class Running:
    """A relay: its process, port, files."""

    process: subprocess.Popen
    port: int
    log: Path
    host: str = "127.0.0.1"

    def post(self, body: bytes, headers: dict, timeout: float = 20) -> int:
        connection = HTTPConnection(self.host, self.port, timeout=timeout)
        connection.request("POST", "/webhook", body, headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    def get(self, path: str) -> tuple[int, dict]:
        connection = HTTPConnection(self.host, self.port, timeout=5)
        connection.request("GET", path)
        answer = connection.getresponse()
        content = json.loads(answer.read())
        connection.close()
        return answer.status, content

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self):
        """End it as a service manager does; it ends by that signal once its work is down."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == -signal.SIGTERM
        assert "stopped" in {line["event"] for line in self.lines()}

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def message(version="1", name="dlnet-edge", alias="champion", entity="model_version_alias", action="created") -> bytes:
    data = {"name": name, "alias": alias, "version": version}
    return json.dumps({"entity": entity, "action": action, "timestamp": "2026-01-01T00:00:00", "data": data}).encode()


def signed(body: bytes, secret: str = SECRET, age: float = 0, delivery: str | None = None) -> dict:
    """Headers as MLflow sends them, put together here from its documentation."""
    delivery, moment = delivery or str(uuid.uuid4()), str(int(time.time() - age))
    digest = hmac.new(secret.encode(), f"{delivery}.{moment}.".encode() + body, hashlib.sha256).digest()
    return {
        "Content-Type": "application/json", "X-MLflow-Delivery-Id": delivery, "X-MLflow-Timestamp": moment,
        "X-MLflow-Signature": "v1," + base64.b64encode(digest).decode(),
    }  # fmt: skip


def start_relay(
    folder: Path, github_port: int, port: int | None = None, host: str = "127.0.0.1", more_words=(), **more
) -> Running:
    port = port or free_port()
    environment = {
        **os.environ, "DLNET_WEBHOOK_SECRET": SECRET, "DLNET_GITHUB_TOKEN": TOKEN,
        "GITHUB_API_URL": f"http://127.0.0.1:{github_port}", **more,
    }  # fmt: skip
    log = folder / f"relay-{port}-{time.monotonic_ns()}.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "dlnet.cli", "relay", "--repository", "team/batteries", "--port", str(port),
             "--host", host, "--state", str(folder / "relay.db"), *more_words], stderr=stream, env=environment,
        )  # fmt: skip
    running = Running(process, port, log, host)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if running.get("/healthz")[0] == 200:
                return running
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"the relay did not start: {log.read_text()}")
