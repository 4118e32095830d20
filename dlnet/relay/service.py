"""A small HTTP service between MLflow's webhook and GitHub: a champion set in the UI starts the release workflow.

A message is answered with 202 as soon as it is on disk. A second task sends the stored messages, with growing pauses
between attempts, until GitHub accepts them. The relay makes no decision about models: the workflow runs the checks. If
nothing was sent for a while, the relay starts the workflow by itself: a promotion may have got lost on its way here.
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
import traceback
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from dlnet.errors import DLNetError
from dlnet.registry.names import edge_name
from dlnet.relay.connections import MOST, GuardedProtocol
from dlnet.relay.keepalive import KeptAlive
from dlnet.relay.outbox import Outbox, OutboxError, Waiting
from dlnet.relay.target import Target
from dlnet.relay.webhook import MAX_BODY, Delivery, RejectedError, verify
from dlnet.release.github import GitHub, GitHubError

SECRET = "DLNET_WEBHOOK_SECRET"  # noqa: S105 - a name, not a secret
SHORTEST = 16  # characters of a secret
BODY_SECONDS = 5.0
BACKLOG = 2000  # most messages that wait to be written
AT_ONCE = 4  # concurrent dispatches
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0  # seconds between attempts, doubled each time
POLL = 1.0  # seconds
RESTART_SECONDS = 1.0  # before a task that died starts again
STALE_SECONDS = 60.0  # without a look at the file: the disk hangs
CHECK_HOURS = 24.0

log = logging.getLogger("dlnet.relay")
T = TypeVar("T")
Queued = tuple[Delivery, asyncio.Future[str | None]]  # its future is the state that it got, None if it is known


class Relay:
    """The service's state and its three tasks: answer, write, send.

    Args:
        secret: of MLflow's webhook. model: the registered model whose champions are sent.
        pause: the first pause between attempts, s. check_s: without a dispatch, until the relay makes one by itself, s.

    Attributes:
        failure: why it cannot go on. end: called when there is a failure; the caller sets it.
    """

    def __init__(
        self,
        outbox: Outbox,
        github: Target,
        secret: bytes,
        model: str,
        pause: float = FIRST_PAUSE,
        check_s: float = CHECK_HOURS * 3600,
    ) -> None:
        self.outbox = outbox
        self.github = github
        self.secret = secret
        self.model = edge_name(model)
        self.pause = pause
        self.check_s = check_s
        self.failure: OutboxError | None = None
        self.end: Callable[[], None] = lambda: None
        self.disk = ThreadPoolExecutor(1, "disk")  # SQLite is used from one thread
        self.network = ThreadPoolExecutor(AT_ONCE, "github")
        self.backlog: asyncio.Queue[Queued] = asyncio.Queue(BACKLOG)
        self.wake = asyncio.Event()
        self.accepted: set[str] = set()  # accepted by GitHub, not yet recorded on disk
        self.stopping = False
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.restarts: dict[str, asyncio.TimerHandle] = {}
        self.read_at = time.monotonic()  # when the file could be read last
        self.writes = True  # whether the last message could be written

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
        """200 while all tasks run and the file can be read; with deliveries by state. Does not touch the disk."""
        alive = not any(task.done() for task in self.tasks.values())
        alive = alive and self.failure is None and time.monotonic() - self.read_at < STALE_SECONDS
        content = {
            "status": "ok" if alive else "failing",
            "writes": "ok" if self.writes else "failing",
            "deliveries": self.outbox.counts(),
        }
        return JSONResponse(content, 200 if alive else 503)

    async def _store(self, delivery: Delivery) -> str | None:
        done: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        try:
            self.backlog.put_nowait((delivery, done))
            return await done
        except (asyncio.QueueFull, sqlite3.Error, OutboxError) as error:
            log.error("not kept", extra={"fields": {"delivery": delivery.id, "reason": type(error).__name__}})
            raise RejectedError(503, "try again") from error

    async def _write(self) -> None:
        """Write all queued messages in one transaction, so that the disk syncs once."""
        while True:
            waiting = [await self.backlog.get()]
            while not self.backlog.empty():
                waiting.append(self.backlog.get_nowait())
            try:
                await self._write_all(waiting)
            finally:  # whatever happened: nobody waits for an answer for ever
                _fail(waiting, OutboxError("not stored"))
            self.wake.set()

    async def _write_all(self, waiting: Sequence[Queued]) -> None:
        try:
            states = await self._on(self.disk, self.outbox.add, [delivery for delivery, _ in waiting], time.time())
        except sqlite3.Error as error:
            self.writes = False
            _fail(waiting, error)
            return
        self.writes = True
        for (_, done), state in zip(waiting, states, strict=True):
            if not done.done():  # the caller may have disconnected
                done.set_result(state)

    async def _send(self) -> None:
        while not self.stopping:
            self.wake.clear()
            waiting: list[Waiting] = []
            try:
                waiting = await self._on(self.disk, self.outbox.due, time.time(), AT_ONCE)
                self.read_at = time.monotonic()
                await self._dispatch_all(waiting)
                if not waiting and await self._on(self.disk, self.outbox.add_check, time.time(), self.check_s):
                    log.info("check", extra={"fields": {"hours": self.check_s / 3600}})
            except sqlite3.Error as error:
                log.error("disk", extra={"fields": {"reason": type(error).__name__}})
                waiting = []
            if not waiting:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.wake.wait(), min(POLL, self.pause))

    async def _dispatch_all(self, waiting: Sequence[Waiting]) -> None:
        """Send them at the same time. Waits for all, so that none is sent twice at once; then raises what failed."""
        failures = await asyncio.gather(*map(self._dispatch, waiting), return_exceptions=True)
        for delivery, failure in zip(waiting, failures, strict=True):
            if failure is not None and not isinstance(failure, (sqlite3.Error, OutboxError)):
                # Later than the others: one that cannot be sent must not stand in their way.
                due = time.time() + _pause(delivery.attempts, self.pause)
                await self._on(self.disk, self.outbox.retry, delivery.id, due)
        for failure in filter(None, failures):
            raise failure

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
        await self._on(self.disk, self.outbox.sent, delivery.id, time.time())
        self.accepted.discard(delivery.id)
        log.info("sent", extra={"fields": fields})

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        for name in ("write", "send"):
            self._start(name)
        log.info("started", extra={"fields": {"repository": self.github.repository, "model": self.model}})
        try:
            yield
        finally:
            self.stopping = True
            self.wake.set()
            for restart in self.restarts.values():
                restart.cancel()
            self.tasks["write"].cancel()  # all requests are answered by now
            await asyncio.gather(*self.tasks.values(), return_exceptions=True)  # requests to GitHub are completed
            self.network.shutdown()
            self.disk.shutdown()
            self.outbox.close()
            log.info("stopped")

    def _start(self, name: str) -> None:
        task = asyncio.create_task(self._write() if name == "write" else self._send(), name=name)
        task.add_done_callback(self._ended)
        self.tasks[name] = task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task has no end of its own before the relay's: start it again, or end the relay if its file is lost."""
        error = None if task.cancelled() else task.exception()
        if self.stopping:
            return
        if isinstance(error, OutboxError):
            self.failure = error
            log.critical("file lost", extra={"fields": {"reason": str(error)}})
            self.end()
            return
        fields = {"task": task.get_name(), "reason": _where(error), "wait_s": RESTART_SECONDS}
        log.error("task died", extra={"fields": fields})
        loop = asyncio.get_running_loop()
        self.restarts[task.get_name()] = loop.call_later(RESTART_SECONDS, self._start, task.get_name())

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


def _fail(waiting: Sequence[Queued], error: Exception) -> None:
    for _, done in waiting:
        if not done.done():
            done.set_exception(error)


def _where(error: BaseException | None) -> str:
    """Kind and place of an error; not its text, which may hold anything."""
    if error is None:
        return "cancelled"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"


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
    repository: str,
    model: str,
    state: Path,
    host: str,
    port: int,
    pause: float = FIRST_PAUSE,
    check_hours: float = CHECK_HOURS,
    push: bool = False,
) -> None:
    """Run until SIGTERM or SIGINT. Secrets come from the environment, logs go to standard error.

    Args:
        model: the registered model whose champions are sent. check_hours: without a dispatch, until one of its own.
        push: hand them over as bundles.

    Raises:
        DLNetError: a secret is missing or short, or the state file cannot be used, or no longer.
    """
    secret = os.environ.get(SECRET, "")
    if len(secret) < SHORTEST:
        raise DLNetError(f"{SECRET} is not set, or has under {SHORTEST} characters; generate one: dlnet server env")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    github = GitHub.of_environment(repository)
    relay = Relay(
        Outbox(state), KeptAlive(github, _pushed(github, model) if push else github), secret.encode(), model, pause,
        check_hours * 3600,
    )  # fmt: skip
    server = uvicorn.Server(
        uvicorn.Config(
            relay.app(), host=host, port=port, log_config=None, access_log=False, server_header=False,
            limit_concurrency=MOST, backlog=1024, timeout_keep_alive=15, timeout_graceful_shutdown=10, ws="none",
            http=GuardedProtocol,
        )
    )  # fmt: skip
    relay.end = lambda: setattr(server, "should_exit", True)
    server.run()
    if relay.failure is not None:
        raise relay.failure


def _pushed(github: GitHub, model: str) -> Target:
    from dlnet.relay.push import Push  # what reads models takes a while to import
    from dlnet.release.pack import bundle_signer

    return Push(github, model, bundle_signer())
