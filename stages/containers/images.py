"""Finds images by their identity, or builds them: once on each machine."""

from __future__ import annotations

import os
import re
import sys
import tarfile
import tempfile
from collections import deque
from pathlib import Path
from typing import IO, Any

import docker
from docker.errors import ImageNotFound
from filelock import FileLock

from stages.containers.engine import engine_errors, full_disk
from stages.containers.errors import ImageError
from stages.containers.identity import DOCKERFILE, Identity, packages, requirements
from stages.containers.wheels import fetch_wheels

BASE_VARIABLE = "DLNET_BASE_IMAGE"
LOCAL_BASE = "dlnet/base:bookworm"  # by docker/base.sh
OFFICIAL_BASE = "python:3.11-slim-bookworm"
BASE_LABEL, NAME_LABEL = "dlnet.base", "dlnet.image"
MESSAGE_LINES, LINE = 3, 100
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def ensure(engine: docker.DockerClient, identity: Identity, root: Path = Path()) -> str:
    """The tag of an image; builds it if it does not exist, or has another base than requested.

    Raises:
        ImageError: it could not be built.
        EngineError: the engine failed.
    """
    with engine_errors(f"image {identity.tag}"), _alone(identity):
        if not _usable(engine, identity.tag):
            _build(engine, identity, root)
    return identity.tag


def _usable(engine: docker.DockerClient, tag: str) -> bool:
    try:
        labels = engine.images.get(tag).labels
    except ImageNotFound:
        return False
    base = os.environ.get(BASE_VARIABLE)
    return not base or labels.get(BASE_LABEL) == base


def _alone(identity: Identity) -> FileLock:
    """Let one process at a time look for an image and build it; the kernel frees the lock of a killed one."""
    return FileLock(Path(tempfile.gettempdir()) / f"dlnet-image-{os.getuid()}-{identity.digest[:12]}.lock")


def choose_base(engine: docker.DockerClient) -> str:
    """``DLNET_BASE_IMAGE``, else the image that docker/base.sh built here, else the official one."""
    if base := os.environ.get(BASE_VARIABLE):
        return base
    try:
        engine.images.get(LOCAL_BASE)
    except ImageNotFound:
        return OFFICIAL_BASE
    return LOCAL_BASE


def _build(engine: docker.DockerClient, identity: Identity, root: Path) -> None:
    base = choose_base(engine)
    print(f"building {identity.tag} on {base}: once, takes some minutes", file=sys.stderr)
    with tempfile.TemporaryFile() as context:
        _write_context(context, identity.name, root)
        context.seek(0)
        answers = engine.api.build(
            fileobj=context,
            custom_context=True,
            dockerfile=str(DOCKERFILE),
            tag=identity.tag,
            rm=True,
            forcerm=True,
            decode=True,
            buildargs={"BASE_IMAGE": base, "IMAGE": identity.name, **_proxies()},
            labels={BASE_LABEL: base, NAME_LABEL: identity.name},
            network_mode=None if needs_network(root / packages(identity.name)) else "none",
        )
        output: deque[str] = deque(maxlen=MESSAGE_LINES)
        for answer in answers:
            _follow(answer, output, identity, base)


def needs_network(listed: Path) -> bool:
    """Whether a build installs Debian packages; wheels come with the context."""
    return any(line and line[0] not in "#!=" for line in listed.read_text().splitlines())


def _write_context(stream: IO[bytes], name: str, root: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=stream, mode="w") as tar:
        fetch_wheels(root / requirements(name), Path(folder))
        for file in (DOCKERFILE, requirements(name), packages(name)):
            tar.add(root / file, str(file), filter=_anonymous)
        tar.add(folder, str(DOCKERFILE.parent / "wheels"), filter=_anonymous)


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without owner and time, and readable by all, so that the same files make the same layer."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o755 if entry.isdir() else 0o644
    return entry


def _proxies() -> dict[str, str]:
    """The site's proxies; Docker has predefined these arguments and does not store them in the image."""
    proxies = {name: os.environ.get(name) or os.environ.get(name.lower()) for name in PROXIES}
    return {name: value for name, value in proxies.items() if value}


def _follow(answer: dict[str, Any], output: deque[str], identity: Identity, base: str) -> None:
    """Print the progress of a build; raise if it failed, with the last lines of its ``output``."""
    if text := ESCAPES.sub("", answer.get("stream", "")).strip():
        if not text.startswith(("Removing intermediate", "--->")):
            output.extend(text.splitlines())
        if text.startswith("Step "):
            print(text.split("\n")[0][:LINE], file=sys.stderr)
    elif "error" in answer:
        text = " ".join([*output, *answer["error"].split()])
        raise ImageError(f"image {identity.tag} could not be built: {full_disk(text) or _advised(text, base)}")


def _advised(text: str, base: str) -> str:
    if base.rpartition(":")[0] in text or "registry" in text:
        return f"{text}; if no registry is reachable: sudo sh docker/base.sh (or {BASE_VARIABLE}=IMAGE)"
    return text
