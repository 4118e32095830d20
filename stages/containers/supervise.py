"""Runs a plan: forwards output and signals, waits for the end, removes the container."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException
from docker.models.containers import Container
from urllib3.exceptions import HTTPError

from stages.containers.engine import engine_errors
from stages.containers.orphans import Reaper, labels, remove, remove_orphans
from stages.containers.plan import ContainerPlan

STOPPED_BY = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_SECONDS = 10.0  # from the first signal to SIGKILL
AGAIN_SECONDS = (
    1.0  # a second signal within this time counts as the same: one of the process group and one for the parent's death
)
POLL_SECONDS = 0.05
PARENT_DEATH = 1  # PR_SET_PDEATHSIG of prctl(2)


@dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit code, and whether the kernel killed a process of it for lack of memory."""

    code: int
    out_of_memory: bool


@dataclass
class _Signals:
    """Received signals, with their times."""

    received: list[tuple[int, float]] = field(default_factory=list)

    def note(self, number: int, _frame: FrameType | None) -> None:
        self.received.append((number, time.monotonic()))

    def kill_now(self) -> bool:
        """Whether to kill the command: GRACE_SECONDS after the first signal, or at a second one."""
        first, now = self.received[0][1], time.monotonic()
        return now - first > GRACE_SECONDS or any(at - first > AGAIN_SECONDS for _, at in self.received)


def run(engine: docker.DockerClient, plan: ContainerPlan, project: Path, started_by: int) -> Outcome:
    """Run ``plan`` to its end.

    SIGINT, SIGTERM, SIGHUP and the death of the parent, the process ``started_by``, stop the command: first with that
    signal, then with SIGKILL. Orphans of ``project`` are removed before, the container afterwards.

    Raises:
        EngineError: the engine refused the plan, or stopped meanwhile.
    """
    with engine_errors(plan.title):
        if orphans := remove_orphans(engine, project):
            print(f"removed {orphans} container(s) of a launcher that was killed", file=sys.stderr)
    marks = labels(project)
    reaper = Reaper(marks)
    with _signals(started_by) as signals, engine_errors(plan.title):
        container = engine.containers.create(**plan.options(), labels=marks)
        try:
            outcome = _follow(container, plan, signals)
        finally:
            remove(container)
    reaper.release()
    return outcome


@contextmanager
def _signals(started_by: int) -> Iterator[_Signals]:
    """Note signals, and ask the kernel for one when the parent dies, even by SIGKILL; it may be dead already."""
    signals = _Signals()
    # A process started with nohup ignores SIGHUP.
    handled = [number for number in STOPPED_BY if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, signals.note) for number in handled}
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PARENT_DEATH, signal.SIGTERM)
    if os.getppid() != started_by:
        signals.note(signal.SIGTERM, None)
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _follow(container: Container, plan: ContainerPlan, signals: _Signals) -> Outcome:
    stream: Any = container.attach(stream=True, demux=not plan.terminal)  # type: ignore[call-overload]
    container.start()
    if plan.terminal:
        _follow_size(container)
    output = threading.Thread(target=_pass_on, args=(stream, plan.terminal, signals), daemon=True)
    end = _End(container)
    output.start()
    end.start()
    sent = killed = False
    while end.is_alive():
        end.join(POLL_SECONDS)
        if signals.received and not sent:
            sent = _send(container, signals.received[0][0])
        if signals.received and not killed and signals.kill_now():
            killed = _send(container, signal.SIGKILL)
    if end.error:
        raise end.error
    output.join(GRACE_SECONDS)
    container.reload()
    return Outcome(int(container.attrs["State"]["ExitCode"]), bool(container.attrs["State"]["OOMKilled"]))


class _End(threading.Thread):
    """Waits for a container's end, so that the main thread stays free for signals."""

    def __init__(self, container: Container) -> None:
        super().__init__(daemon=True)
        self.container, self.error = container, None  # type: Container, Exception | None

    def run(self) -> None:
        try:
            self.container.wait()
        except (DockerException, requests.RequestException, HTTPError, ConnectionError) as error:
            self.error = error


def _send(container: Container, number: int) -> bool:
    """Signal a container."""
    with _ignore_ended():
        container.kill(signal=number)
    return True


@contextmanager
def _ignore_ended() -> Iterator[None]:
    """Ignore the engine's error for a container that has just ended."""
    try:
        yield
    except APIError as error:
        if "is not running" not in str(error):
            raise


def _pass_on(stream: Any, terminal: bool, signals: _Signals) -> None:
    """Write the container's output to this process's; if that has no reader, stop the command."""
    try:
        for item in stream:
            parts = (item, None) if terminal else item
            for part, target in zip(parts, (sys.stdout, sys.stderr), strict=True):
                if part:
                    target.buffer.write(part)
                    target.buffer.flush()
    except BrokenPipeError:
        signals.note(signal.SIGTERM, None)


def _follow_size(container: Container) -> None:
    """Resize the container's terminal with this one."""

    def resize(*_: object) -> None:
        size = shutil.get_terminal_size()
        with _ignore_ended():
            container.resize(size.lines, size.columns)

    resize()
    signal.signal(signal.SIGWINCH, resize)


def explain(outcome: Outcome, plan: ContainerPlan, more_memory: str) -> str | None:
    """One line for a failure, or None; ``more_memory`` explains how to get more memory."""
    if not outcome.code:
        return None
    if outcome.out_of_memory:
        limit = f"its limit of {plan.memory_gb:g} GB" if plan.memory_gb else "all of this machine's memory"
        return f"{plan.title} ran out of memory: it needs more than {limit}; {more_memory}"
    if outcome.code > 128:
        return f"{plan.title} was ended by {_name(outcome.code - 128)}"
    return f"{plan.title} ended with code {outcome.code}; see its message above"


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
