"""The Docker engine of this machine: its address, its connection, and its errors in one line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import docker
import requests
from docker.context import ContextAPI
from docker.errors import APIError, DockerException
from urllib3.exceptions import HTTPError

from stages.containers.errors import EngineError

SECONDS = 60  # an engine that is removing a large container answers late
LOCAL = ("unix://", "npipe://", "http+unix://")
MACHINE = "x86_64"  # for which the requirements are locked


def engine_host() -> str:
    """Address of the engine: ``DOCKER_HOST``, or that of the current Docker context."""
    return os.environ.get("DOCKER_HOST") or ContextAPI.get_current_context().Host or "unix:///var/run/docker.sock"


def connect() -> docker.DockerClient:
    """A client of the engine.

    Raises:
        EngineError: none answers, this user has no permission, or it is on another machine.
    """
    try:
        host = engine_host()
        if not host.startswith(LOCAL):
            raise EngineError(f"the Docker engine at {host} is on another machine and cannot mount this folder")
        client = docker.DockerClient(base_url=host, version="auto", timeout=SECONDS)
    except (DockerException, requests.RequestException) as error:
        raise EngineError(_no_answer(str(error))) from error
    machine = client.info()["Architecture"]
    if machine not in (MACHINE, "amd64"):
        raise EngineError(f"the images are locked for {MACHINE}, and the Docker engine at {host} is {machine}")
    return client


def _no_answer(text: str) -> str:
    if "Permission denied" in text:
        return "the Docker engine refuses this user: add it to the group docker and log in again"
    return f"no Docker engine answers at {engine_host()}"


@contextmanager
def engine_errors(action: str) -> Iterator[None]:
    """Turn exceptions of the engine and its connection into an EngineError that begins with ``action``."""
    try:
        yield
    except APIError as error:
        text = " ".join(str(error.explanation or error).split())
        raise EngineError(f"{action}: {full_disk(text) or text}") from error
    except (DockerException, requests.RequestException, HTTPError, ConnectionError) as error:
        raise EngineError(f"{action}: the Docker engine went away; start it and run dvc repro again") from error


def full_disk(text: str) -> str | None:
    """Message for a full disk of the engine, if ``text`` reports one."""
    if "no space left on device" not in text.lower():
        return None
    return "the disk of the Docker engine is full; docker system df shows what docker system prune would free"
