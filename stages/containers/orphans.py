"""Removes containers whose launcher has ended: by a helper process at once, or by the next launcher."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import docker
import psutil
from docker.errors import APIError, NotFound
from docker.models.containers import Container

from stages.containers.engine import connect
from stages.containers.errors import EngineError

PROJECT_LABEL, LAUNCHER_LABEL = "dlnet.project", "dlnet.launcher"
LOOK_SECONDS, LOOK_EVERY = 3.0, 0.2  # a container may be created while its launcher dies
RELEASED = b"."


def labels(project: Path) -> dict[str, str]:
    """Labels of this process's containers; the start time distinguishes it from a later process of the same id."""
    return {PROJECT_LABEL: str(project), LAUNCHER_LABEL: _launcher(psutil.Process())}


def _launcher(process: psutil.Process) -> str:
    return f"{process.pid}:{process.create_time():.2f}"


def remove_orphans(engine: docker.DockerClient, project: Path) -> int:
    """Remove this project's containers whose launcher has ended; returns their number."""
    existing = engine.containers.list(all=True, filters={"label": f"{PROJECT_LABEL}={project}"}, ignore_removed=True)
    orphans = [container for container in existing if not _lives(container.labels.get(LAUNCHER_LABEL, ""))]
    for container in orphans:
        remove(container)
    return len(orphans)


def _lives(launcher: str) -> bool:
    pid = launcher.partition(":")[0]
    try:
        process = psutil.Process(int(pid))
        return _launcher(process) == launcher and process.status() != psutil.STATUS_ZOMBIE
    except (ValueError, psutil.NoSuchProcess):
        return False


def remove(container: Container) -> None:
    """Stop and remove a container; one that is already removed, or being removed, is no error."""
    try:
        container.remove(force=True)
    except NotFound:
        return
    except APIError as error:
        if "already in progress" not in str(error):
            raise


class Reaper:
    """A process in a session of its own that removes a launcher's containers when the launcher has ended.

    It detects that by the end of a pipe, which the kernel closes in any case. Start it before any thread.
    """

    def __init__(self, marks: Mapping[str, str]) -> None:
        read, self._write = os.pipe()
        if os.fork():
            os.close(read)
            return
        try:
            os.close(self._write)
            _detach()
            if os.read(read, 1) != RELEASED:
                _reap(marks)
        finally:
            os._exit(0)

    def release(self) -> None:
        """End the helper: the container is already removed."""
        os.write(self._write, RELEASED)
        os.close(self._write)


def _detach() -> None:
    """Detach from the terminal, the launcher's process group and its output."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(null, stream)


def _reap(marks: Mapping[str, str]) -> None:
    filters: dict[str, str | list[str] | bool] = {"label": [f"{key}={value}" for key, value in marks.items()]}
    until = time.monotonic() + LOOK_SECONDS
    try:
        engine = connect()
        while time.monotonic() < until:
            for container in engine.containers.list(all=True, filters=filters, ignore_removed=True):
                remove(container)
                return
            time.sleep(LOOK_EVERY)
    except EngineError:
        return  # the next launcher removes what is left
