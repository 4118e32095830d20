"""Containers whose launcher is gone: removed by a helper process at once, or else by the next launcher."""

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
LOOK_SECONDS, LOOK_EVERY = 3.0, 0.2  # a container may be made while its launcher dies
RELEASED = b"."


def labels(project: Path) -> dict[str, str]:
    """Labels by which a container of this process is known; the time tells it from a later one of the same number."""
    return {PROJECT_LABEL: str(project), LAUNCHER_LABEL: _launcher(psutil.Process())}


def _launcher(process: psutil.Process) -> str:
    return f"{process.pid}:{process.create_time():.2f}"


def remove_orphans(engine: docker.DockerClient, project: Path) -> int:
    """Remove this project's containers whose launcher no longer lives; returns how many."""
    held = engine.containers.list(all=True, filters={"label": f"{PROJECT_LABEL}={project}"}, ignore_removed=True)
    orphans = [container for container in held if not _lives(container.labels.get(LAUNCHER_LABEL, ""))]
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
    """Stop and remove a container; one that is gone, or going, is well."""
    try:
        container.remove(force=True)
    except NotFound:
        return
    except APIError as error:
        if "already in progress" not in str(error):
            raise


class Reaper:
    """A process in a session of its own that removes a launcher's containers once the launcher is gone.

    It learns of that by the end of a pipe, which the kernel closes however the launcher died. Start it
    before any thread.
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
        """Let it go: the container is removed already."""
        os.write(self._write, RELEASED)
        os.close(self._write)


def _detach() -> None:
    """Out of reach of the terminal and of the launcher's process group; nobody waits for this process's output."""
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nowhere, stream)


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
