"""A small HTTP service between MLflow's webhook and GitHub: a champion set in the UI starts the release workflow.

A message is answered with 202 as soon as it is on disk. A second task sends the stored messages, with growing pauses
between attempts, until GitHub accepts them. The relay makes no decision about models: the workflow runs the checks.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from dlnet.errors import DLNetError
from dlnet.registry.names import edge_name
from dlnet.relay.outbox import Outbox, Waiting
from dlnet.relay.webhook import MAX_BODY, Delivery, RejectedError, verify
from dlnet.release.github import GitHub, GitHubError

SECRET = "DLNET_WEBHOOK_SECRET"  # noqa: S105 - a name, not a secret
SHORTEST = 16  # characters of a secret
BODY_SECONDS = 5.0
BACKLOG = 2000  # most messages that wait to be written
AT_ONCE = 4  # concurrent dispatches
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0  # seconds between attempts, doubled each time
POLL = 1.0  # seconds

log = logging.getLogger("dlnet.relay")
T = TypeVar("T")


class Target(Protocol):
    """Where champions are sent; ``GitHubError`` says whether to try again."""

    @property
    def repository(self) -> str:
        """``owner/name``."""

    def dispatch(self, version: int, delivery: str) -> None:
        """Tell of a champion."""


class Relay:
    """The service's state and its three tasks: answer, write, send.

    Args:
        secret: of MLflow's webhook. model: the registered model whose champions are sent.
        pause: the first pause between attempts, s.
    """

    def __init__(self, outbox: Outbox, github: Target, secret: bytes, model: str, pause: float = FIRST_PAUSE) -> None:
        self.outbox = outbox
        self.github = github
        self.secret = secret
        self.model = edge_name(model)
        self.pause = pause
        self.disk = ThreadPoolExecutor(1, "disk")  # SQLite is used from one thread
        self.network = ThreadPoolExecutor(AT_ONCE, "github")
        self.backlog: asyncio.Queue[tuple[Delivery, asyncio.Future[str | None]]] = asyncio.Queue(BACKLOG)
        self.wake = asyncio.Event()
        self.accepted: set[str] = set()  # accepted by GitHub, not yet recorded on disk
        self.stopping = False
        self.tasks: list[asyncio.Task[None]] = []

    def app(self) -> Starlette:
        """The ASGI application: POST /webhook, GET /healthz."""
        routes = [Route("/webhook", self.webhook, methods=["POST"]), Route("/healthz", self.health, methods=["GET"])]
        return Starlette(routes=routes, lifespan=self._lifespan)

    async def webhook(self, request: Request) -> JSONResponse:
        """Answer one message."""
        try:
            body = await _body(request)
            delivery = verify(request.headers, body, self.secret, time.time(), self.model)
            state = await self._store(delivery)
            if state is None:
                raise RejectedError(409, "seen before")
        except RejectedError as refusal:
            log.warning("refused", extra={"fields": {"status": refusal.status, "reason": str(refusal)}})
            return JSONResponse({"error": str(refusal)}, refusal.status)
        fields = {"delivery": delivery.id, "version": delivery.version, "state": state}
        log.info("received", extra={"fields": fields})
        return JSONResponse({"state": state}, 202)

    async def health(self, _: Request) -> JSONResponse:
        """200 while all tasks run and the file can be read; with the number of deliveries by state."""
        alive = all(not task.done() for task in self.tasks)
        try:
            counts = await self._on(self.disk, self.outbox.counts)
        except sqlite3.Error:
            alive, counts = False, {}
        return JSONResponse({"status": "ok" if alive else "failing", "deliveries": counts}, 200 if alive else 503)

    async def _store(self, delivery: Delivery) -> str | None:
        done: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        try:
            self.backlog.put_nowait((delivery, done))
            return await done
        except (asyncio.QueueFull, sqlite3.Error) as error:
            log.error("not kept", extra={"fields": {"delivery": delivery.id, "reason": type(error).__name__}})
            raise RejectedError(503, "try again") from error

    async def _write(self) -> None:
        """Write all queued messages in one transaction, so that the disk syncs once."""
        while True:
            waiting = [await self.backlog.get()]
            while not self.backlog.empty():
                waiting.append(self.backlog.get_nowait())
            try:
                states = await self._on(self.disk, self.outbox.add, [delivery for delivery, _ in waiting], time.time())
            except sqlite3.Error as error:
                _fail(waiting, error)
                continue
            for (_, done), state in zip(waiting, states, strict=True):
                if not done.done():  # the caller may have disconnected
                    done.set_result(state)
            self.wake.set()

    async def _send(self) -> None:
        while not self.stopping:
            self.wake.clear()
            try:
                waiting = await self._on(self.disk, self.outbox.due, time.time(), AT_ONCE)
                # Waits for all, so that none is sent twice at the same time.
                results = await asyncio.gather(*map(self._dispatch, waiting), return_exceptions=True)
                for failure in filter(None, results):
                    raise failure
            except sqlite3.Error as error:
                log.error("disk", extra={"fields": {"reason": type(error).__name__}})
                waiting = []
            if not waiting:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.wake.wait(), min(POLL, self.pause))

    async def _dispatch(self, delivery: Waiting) -> None:
        fields: dict[str, Any] = {
            "delivery": delivery.id,
            "version": delivery.version,
            "attempt": delivery.attempts + 1,
        }
        try:
            if delivery.id not in self.accepted:
                await self._on(self.network, self.github.dispatch, delivery.version, delivery.id)
        except GitHubError as error:
            fields["reason"] = str(error)
            if error.lasting:
                log.error("given up", extra={"fields": fields})
                await self._on(self.disk, self.outbox.give_up, delivery.id)
                return
            wait = max(_pause(delivery.attempts, self.pause), error.wait or 0.0)
            log.warning("retry", extra={"fields": {**fields, "wait_s": round(wait, 1)}})
            await self._on(self.disk, self.outbox.retry, delivery.id, time.time() + wait)
            return
        self.accepted.add(delivery.id)
        await self._on(self.disk, self.outbox.sent, delivery.id)
        self.accepted.discard(delivery.id)
        log.info("sent", extra={"fields": fields})

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self.tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._send())]
        log.info("started", extra={"fields": {"repository": self.github.repository, "model": self.model}})
        try:
            yield
        finally:
            self.stopping = True
            self.wake.set()
            writer, sender = self.tasks
            writer.cancel()  # all requests are answered by now
            await asyncio.gather(writer, sender, return_exceptions=True)  # requests to GitHub are completed
            self.network.shutdown()
            self.disk.shutdown()
            self.outbox.close()
            log.info("stopped")

    @staticmethod
    async def _on(pool: ThreadPoolExecutor, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, partial(work, *arguments))


async def _body(request: Request) -> bytes:
    """The raw body; its header must say JSON, it must be small and arrive in time."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RejectedError(415, "the content type must be application/json")
    stated = request.headers.get("content-length", "0")
    if not stated.isascii() or not stated.isdigit() or int(stated[:12]) > MAX_BODY:
        raise RejectedError(413, f"over {MAX_BODY} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MAX_BODY:
                    raise RejectedError(413, f"over {MAX_BODY} bytes")
    except TimeoutError as error:
        raise RejectedError(408, f"the body took over {BODY_SECONDS:g} s") from error
    except ClientDisconnect as error:
        raise RejectedError(400, "the sender went away") from error
    return bytes(body)


def _fail(waiting: list[tuple[Delivery, asyncio.Future[str | None]]], error: Exception) -> None:
    for _, done in waiting:
        if not done.done():
            done.set_exception(error)


def _pause(attempts: int, first: float) -> float:
    """Doubled each time, with up to a quarter of random jitter, so that retries do not coincide."""
    return float(min(first * 2 ** min(attempts, 20), LONGEST_PAUSE) * random.uniform(1.0, 1.25))  # noqa: S311


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, event, and the fields that the caller gave; nothing else."""

    def format(self, record: logging.LogRecord) -> str:
        """See ``logging.Formatter``."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {"time": f"{moment}.{int(record.msecs):03d}Z", "level": record.levelname.lower()}
        line |= {"event": record.getMessage(), **getattr(record, "fields", {})}
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line)


def serve(  # noqa: PLR0913 - each is one setting of the command
    repository: str, model: str, state: Path, host: str, port: int, pause: float = FIRST_PAUSE, push: bool = False
) -> None:
    """Run until SIGTERM or SIGINT. Secrets come from the environment, logs go to standard error.

    Args:
        model: the registered model whose champions are sent. push: hand them over as bundles.

    Raises:
        DLNetError: a secret is missing or short, or the state file cannot be used.
    """
    secret = os.environ.get(SECRET, "")
    if len(secret) < SHORTEST:
        raise DLNetError(f"{SECRET} is not set, or has under {SHORTEST} characters; generate one: dlnet server env")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    target: Target = GitHub.of_environment(repository)
    if push:
        from dlnet.relay.push import Push  # what reads models takes a while to import

        target = Push.of_environment(repository, model)
    relay = Relay(Outbox(state), target, secret.encode(), model, pause)
    uvicorn.run(
        relay.app(), host=host, port=port, log_config=None, access_log=False, server_header=False,
        limit_concurrency=500, backlog=1024, timeout_keep_alive=15, timeout_graceful_shutdown=10, ws="none",
    )  # fmt: skip
