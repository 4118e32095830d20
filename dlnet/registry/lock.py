"""Lock for publishers: two at a time could both miss a run and create it twice.

A SQLite file has a lock file, which the system releases when its holder dies. On a server the lock is the registered
model ``dlnet-lock``, whose name is unique: the process that creates it holds the lock, updates a heartbeat tag every
few seconds, and deletes it at the end. A lock without heartbeat is taken over.
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
HOLDER, ALIVE = "dlnet.lock.holder", "dlnet.lock.alive"  # tags: the holder, and its heartbeat counter
BEAT, SILENT, SETTLE, POLL = 5.0, 30.0, 2.0, 0.5  # seconds
LONGEST = 3600.0  # seconds to wait for another publisher
ABOUT = "Lock of a running publish; deleted when it ends."


@contextmanager
def publishing(client: MlflowClient, uri: str) -> Iterator[None]:
    """Wait for the lock of a registry, and hold it inside the block.

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
                continue  # the publisher uses the same server and reports the error

    def release(self) -> None:
        try:
            with registry_errors(self.uri):
                seen = self._seen()
                if seen and seen[0] == self.me:
                    self.client.delete_registered_model(NAME)
        except RegistryError:
            return  # the server is unreachable: the next publisher takes the lock over

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
        models = self.client.search_registered_models(f"name = '{NAME}'")
        return (models[0].tags.get(HOLDER, ""), models[0].tags.get(ALIVE, "")) if models else None

    def _take_over(self) -> bool:
        """Replace a lock without heartbeat. Others may do the same: whoever is the holder after a pause has it."""
        self.client.delete_registered_model(NAME)
        if not self._create():
            return False
        time.sleep(SETTLE)
        seen = self._seen()
        return seen is not None and seen[0] == self.me


class _Waiting:
    """Prints once who holds the lock, and raises after ``LONGEST`` seconds."""

    def __init__(self) -> None:
        self.deadline, self.printed = time.monotonic() + LONGEST, False

    def on(self, holder: str) -> bool:
        """Return False, which means: continue to wait."""
        if not self.printed:
            print(f"waiting: another publish is under way ({holder})", file=sys.stderr)
        if time.monotonic() > self.deadline:
            raise RegistryError(f"{holder}: has been publishing for over an hour; check that process, or end it")
        self.printed = True
        return False
