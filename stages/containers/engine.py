"""The Docker engine of this machine: where it is, whether it answers, and its errors in one line."""

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

SECONDS = 60  # an engine that is busy removing a large container takes its time
LOCAL = ("unix://", "npipe://", "http+unix://")
MACHINE = "x86_64"  # that the requirements are locked for


def engine_host() -> str:
    """Address of the engine: ``DOCKER_HOST``, or that of the current Docker context."""
    return os.environ.get("DOCKER_HOST") or ContextAPI.get_current_context().Host or "unix:///var/run/docker.sock"


def connect() -> docker.DockerClient:
    """A client of the engine.

    Raises:
        EngineError: none answers, it may not be used by this user, or it cannot see this machine's files.
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
def engine_errors(what: str) -> Iterator[None]:
    """Turn what the engine or the way to it raises into one EngineError that begins with ``what``."""
    try:
        yield
    except APIError as error:
        text = " ".join(str(error.explanation or error).split())
        raise EngineError(f"{what}: {full_disk(text) or text}") from error
    except (DockerException, requests.RequestException, HTTPError, ConnectionError) as error:
        raise EngineError(f"{what}: the Docker engine went away; start it and run dvc repro again") from error


def full_disk(text: str) -> str | None:
    """Words for the engine's own disk being full, if that is what ``text`` says."""
    if "no space left on device" not in text.lower():
        return None
    return "the disk of the Docker engine is full; docker system df shows what docker system prune would free"
