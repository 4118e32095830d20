"""Which Docker engine the user has chosen: the order of Docker's own client."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, Field, ValidationError

from stages.containers.errors import EngineError

DEFAULT, SOCKET = "default", "unix:///var/run/docker.sock"
LOCAL = ("unix://", "npipe://", "http+unix://")


class ClientConfig(BaseModel):
    """Of Docker's config.json, what the engine's address depends on, and what the Docker SDK reads of it."""

    currentContext: str = ""
    auths: dict[str, dict[str, object]] = {}
    credHelpers: dict[str, str] = {}
    credsStore: str = ""
    HttpHeaders: dict[str, str] = {}
    proxies: dict[str, dict[str, str]] = {}


class _Endpoint(BaseModel):
    Host: str = ""


class _Context(BaseModel):
    """Of a context's meta.json, its endpoints."""

    endpoints: dict[str, _Endpoint] = Field(alias="Endpoints")


def engine_host(variables: Mapping[str, str] = os.environ) -> str:
    """Address of the engine: ``DOCKER_HOST``, else of the context ``DOCKER_CONTEXT``, else of the current one.

    Raises:
        EngineError: a file of Docker's client is damaged, the context is gone, or its engine is on another machine.
    """
    folder = config_folder(variables)
    config = _read(folder / "config.json", ClientConfig) or ClientConfig()
    if host := variables.get("DOCKER_HOST"):
        return _local(host, "DOCKER_HOST", "unset DOCKER_HOST")
    source = "DOCKER_CONTEXT" if variables.get("DOCKER_CONTEXT") else str(folder / "config.json")
    name = variables.get("DOCKER_CONTEXT") or config.currentContext or DEFAULT
    if name == DEFAULT:
        return SOCKET
    advice = "unset DOCKER_CONTEXT" if source == "DOCKER_CONTEXT" else "docker context use default"
    context = _read(folder / "contexts/meta" / hashlib.sha256(name.encode()).hexdigest() / "meta.json", _Context)
    if context is None:
        raise EngineError(f"{source} names the Docker context {name!r}, which does not exist: {advice}")
    endpoint = context.endpoints.get("docker", _Endpoint())
    return _local(endpoint.Host, f"the Docker context {name!r}", advice)


def config_folder(variables: Mapping[str, str] = os.environ) -> Path:
    """Folder of Docker's client; without a home directory one that does not exist."""
    return Path(variables.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker"))  # noqa: PTH111 - without a home Path's raises


def _local(host: str, source: str, advice: str) -> str:
    """The address, if it is a socket of this machine."""
    if host.startswith(LOCAL):
        return host
    if not host:
        raise EngineError(f"{source} names no Docker engine: {advice}")
    kind = host.partition("://")[0]
    raise EngineError(
        f"{source} names an engine that is on another machine ({kind}://) and cannot mount this folder; only a socket "
        f"of this machine (unix://) is supported: {advice}"
    )


Read = TypeVar("Read", bound=BaseModel)


def _read(path: Path, kind: type[Read]) -> Read | None:
    """A JSON file of Docker's client, or None if there is none.

    Raises:
        EngineError: the file cannot be read, or has another form.
    """
    try:
        return kind.model_validate(json.loads(path.read_bytes().decode("utf-8-sig")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise EngineError(f"{path}: cannot be read ({error.strerror}); correct its permissions") from error
    except UnicodeDecodeError as error:
        raise EngineError(f"{path}: not UTF-8 text; correct it, or delete it") from error
    except json.JSONDecodeError as error:
        raise EngineError(f"{path}:{error.lineno}: not JSON ({error.msg}); correct it, or delete it") from error
    except RecursionError as error:
        raise EngineError(f"{path}: nested too deeply; correct it, or delete it") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise EngineError(f"{path}: {where + ': ' if where else ''}{first['msg']}; correct it, or delete it") from error
