"""The Docker engine of this machine: its address, its connection, and its errors in one line."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import docker
import requests
from docker.credentials.errors import StoreError
from docker.errors import APIError, DockerException
from urllib3.exceptions import HTTPError

from stages.containers.contexts import config_folder, engine_host
from stages.containers.errors import EngineError

SECONDS = 60  # an engine that is removing a large container answers late
PODMAN = "Podman Engine"
LOCALLY = "DLNET_RUNNER=local"
MACHINE = "x86_64"  # for which the requirements are locked


def connect() -> docker.DockerClient:
    """A client of the engine.

    Raises:
        EngineError: none answers, this user has no permission, or it is not one that stages can run on.
    """
    host = engine_host()
    try:
        client = docker.DockerClient(base_url=host, version="auto", timeout=SECONDS)
        machine = client.info()["Architecture"]
        parts = client.version().get("Components") or []
    except (DockerException, requests.RequestException, HTTPError) as error:
        raise EngineError(_no_answer(str(error), host)) from error
    if refusal := _refusal(host, machine, [part.get("Name") for part in parts]):
        client.close()
        raise EngineError(refusal)
    return client


def _refusal(host: str, machine: str, parts: Sequence[str]) -> str | None:
    if PODMAN in parts:
        return f"{host} is Podman, on which stages were never tried: use Docker Engine, or {LOCALLY}"
    if machine not in (MACHINE, "amd64"):
        return f"the images are locked for {MACHINE}, and the Docker engine at {host} is {machine}"
    return None


def _no_answer(text: str, host: str) -> str:
    if "Permission denied" in text:
        return f"the Docker engine at {host} refuses this user: add it to the group docker and log in again"
    return f"no Docker engine answers at {host}"


@contextmanager
def engine_errors(action: str) -> Iterator[None]:
    """Turn exceptions of the engine and its connection into an EngineError that begins with ``action``."""
    try:
        yield
    except APIError as error:
        text = " ".join(str(error.explanation or error).split())
        raise EngineError(f"{action}: {full_disk(text) or text}") from error
    except StoreError as error:  # such as that of a Docker Desktop which is gone
        advice = f"correct credsStore and credHelpers in {config_folder() / 'config.json'}"
        raise EngineError(f"{action}: no credentials ({' '.join(str(error).split())}); {advice}") from error
    except (DockerException, requests.RequestException, HTTPError, ConnectionError) as error:
        raise EngineError(f"{action}: the Docker engine went away; start it and run dvc repro again") from error


def full_disk(text: str) -> str | None:
    """Message for a full disk of the engine, if ``text`` reports one."""
    if "no space left on device" not in text.lower():
        return None
    return "the disk of the Docker engine is full; docker system df shows what docker system prune would free"


if __name__ == "__main__":  # for dlnet doctor, which may import no stage
    try:
        print(connect().version()["Version"])
    except EngineError as error:
        sys.exit(str(error))
