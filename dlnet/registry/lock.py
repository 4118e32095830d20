"""One publisher at a time: two that look for a run and make it if it is missing would both make it.

Beside a SQLite file stands a lock file, which the system frees when its holder dies. A server has nothing of that
kind, but takes a registered model's name once: who may create ``dlnet-lock`` holds the lock, deletes it at the end,
and says every few seconds that it lives. A lock whose holder fell silent is taken over.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock

from dlnet.errors import RegistryError
from dlnet.registry.client import registry_errors

if TYPE_CHECKING:
    from mlflow import MlflowClient

NAME = "dlnet-lock"
HOLDER, ALIVE = "dlnet.lock.holder", "dlnet.lock.alive"  # tags: who holds it, and a counter that rises while it lives
BEAT, SILENT, SETTLE, POLL = 5.0, 30.0, 2.0, 0.5  # seconds
LONGEST = 3600.0  # seconds to wait for another publisher
ABOUT = "Held while a pipeline is being published; it goes away by itself."


@contextmanager
def publishing(client: MlflowClient, uri: str) -> Iterator[None]:
    """Wait for the lock of a registry, hold it meanwhile.

    Raises:
        RegistryError: another publisher holds it for over an hour, or the registry does not answer.
    """
    if uri.startswith("sqlite:///"):
        database, waiting = uri.removeprefix("sqlite:///"), _Waiting()
        with FileLock(f"{database}.lock").acquire(poll_interval=POLL, cancel_check=lambda: waiting.on(database)):
            yield
        return
    lock = _Lock(client, uri)
    lock.acquire()
    beat = threading.Thread(target=lock.beat, daemon=True)
    beat.start()
    try:
        yield
    finally:
        lock.stop.set()
        beat.join()
        lock.release()


class _Lock:
    def __init__(self, client: MlflowClient, uri: str) -> None:
        self.client = client
        self.uri = uri
        self.me = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex}"
        self.stop = threading.Event()

    def acquire(self) -> None:
        waiting, last, changed = _Waiting(), None, time.monotonic()
        with registry_errors(self.uri):
            while not self._create():
                seen = self._seen()
                if seen != last:
                    last, changed = seen, time.monotonic()
                elif seen is not None and time.monotonic() - changed > SILENT and self._take_over():
                    return
                waiting.on(seen[0].rpartition(":")[0] if seen else self.uri)
                time.sleep(POLL)

    def beat(self) -> None:
        count = 0
        while not self.stop.wait(BEAT):
            count += 1
            try:
                with registry_errors(self.uri):
                    self.client.set_registered_model_tag(NAME, ALIVE, str(count))
            except RegistryError:
                continue  # the publisher meets the same server, and says what is wrong with it

    def release(self) -> None:
        try:
            with registry_errors(self.uri):
                seen = self._seen()
                if seen and seen[0] == self.me:
                    self.client.delete_registered_model(NAME)
        except RegistryError:
            return  # left behind where the server has gone: the next publisher takes it over

    def _create(self) -> bool:
        from mlflow.exceptions import MlflowException
        from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode

        try:
            self.client.create_registered_model(NAME, {HOLDER: self.me, ALIVE: "0"}, ABOUT)
        except MlflowException as error:
            if error.error_code == ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
                return False
            raise
        return True

    def _seen(self) -> tuple[str, str] | None:
        found = self.client.search_registered_models(f"name = '{NAME}'")
        return (found[0].tags.get(HOLDER, ""), found[0].tags.get(ALIVE, "")) if found else None

    def _take_over(self) -> bool:
        """Remove a silent holder's lock. Another may do so at the same moment: who is there after a while has it."""
        self.client.delete_registered_model(NAME)
        if not self._create():
            return False
        time.sleep(SETTLE)
        seen = self._seen()
        return seen is not None and seen[0] == self.me


class _Waiting:
    """Says once who is waited for, and gives up in the end."""

    def __init__(self) -> None:
        self.deadline, self.said = time.monotonic() + LONGEST, False

    def on(self, holder: str) -> bool:
        """False: wait on."""
        if not self.said:
            print(f"waiting: another publish is under way ({holder})", file=sys.stderr)
        if time.monotonic() > self.deadline:
            raise RegistryError(f"{holder}: publishes for over an hour; see what it does, or end it")
        self.said = True
        return False
