"""Mounts, limits and environment of one container, as plain data."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.types import LogConfig, Mount

from stages.containers.errors import EngineError

GIGABYTE = 10**9
NO_NETWORK, HOST_NETWORK = "none", "host"


@dataclass(frozen=True)
class ContainerPlan:
    """One command in one container.

    Attributes:
        title: its name in messages.
        writable, readable: folders or files of this machine, mounted under their own absolute paths: links into a cache
            and paths that a registry stores hold inside as outside.
        user: ``uid:gid`` that files will belong to.
        host_ids: whether ids are those of this machine although the engine maps them (``userns-remap``).
        relabel: whether SELinux is on: then a container may touch only files that bear its label.
        network: ``none``, ``host``, or the name of a Docker network.
        cpus, memory_gb: limits; None is all of the machine. There is no swap on top of memory.
        terminal: whether the command writes to a terminal (progress bars).
    """

    title: str
    image: str
    command: Sequence[str]
    folder: Path
    writable: Sequence[Path]
    readable: Sequence[Path] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    groups: Sequence[int] = ()
    host_ids: bool = False
    relabel: bool = False
    network: str = NO_NETWORK
    cpus: float | None = None
    memory_gb: float | None = None
    terminal: bool = False

    def options(self) -> dict[str, Any]:
        """Arguments of the Docker SDK's ``containers.create``."""
        limits: dict[str, Any] = {}
        if self.cpus is not None:
            limits["nano_cpus"] = int(self.cpus * 1e9)
        if self.memory_gb is not None:
            limits["mem_limit"] = limits["memswap_limit"] = int(self.memory_gb * GIGABYTE)
        return {
            "image": self.image,
            "command": list(self.command),
            "working_dir": str(self.folder),
            **({"volumes": self._labelled()} if self.relabel else {"mounts": self._mounts()}),
            **({"userns_mode": "host"} if self.host_ids else {}),
            # Signals reach every process of the command, as from a terminal.
            "environment": {**self.environment, "TINI_KILL_PROCESS_GROUP": "1"},
            "init": True,
            "user": self.user,
            "group_add": [str(group) for group in self.groups],
            "network_mode": self.network,
            "tty": self.terminal,
            "log_config": LogConfig(type="none"),
            "security_opt": ["no-new-privileges:true"],
            **limits,
        }

    def _folders(self) -> list[tuple[Path, bool]]:
        """Paths to mount, each with whether it is only read."""
        writable = outermost(self.writable)
        inside = [
            path for path in outermost(self.readable) if not any(path.is_relative_to(parent) for parent in writable)
        ]
        return [(path, path in inside) for path in sorted([*writable, *inside])]

    def _mounts(self) -> list[Mount]:
        return [Mount(str(path), str(path), type="bind", read_only=reads) for path, reads in self._folders()]

    def _labelled(self) -> dict[str, dict[str, str]]:
        """The same with ``z``, SELinux's label for files that containers share; mounts of the other form have none.

        The system's own files keep their label: its services need it.
        """
        if odd := [path for path, _ in self._folders() if ":" in str(path)]:
            raise EngineError(f"{odd[0]}: SELinux is on, and Docker cannot label a path with a colon: rename it")
        return {
            str(path): {"bind": str(path), "mode": ("ro" if reads else "rw") + ("" if _of_system(path) else ",z")}
            for path, reads in self._folders()
        }


def _of_system(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in ("/etc", "/usr"))


def outermost(paths: Iterable[Path]) -> list[Path]:
    """Absolute paths, without those that lie within another one."""
    normal = {Path(os.path.normpath(path.absolute())) for path in paths}
    return sorted(path for path in normal if not any(parent in normal for parent in path.parents))


def caller(info: Mapping[str, Any]) -> dict[str, Any]:
    """What of a plan depends on this process and on the engine's ``docker info``: files must belong to the caller.

    A rootless engine runs as the caller, and root inside of its containers is the caller outside.
    """
    options = {part for text in info.get("SecurityOptions") or () for part in text.split(",")}
    ids = {"user": f"{os.getuid()}:{os.getgid()}", "groups": tuple(os.getgroups())}
    if "name=rootless" in options:
        ids = {"user": "0:0", "groups": ()}
    return {**ids, "host_ids": "name=userns" in options, "relabel": "name=selinux" in options}
