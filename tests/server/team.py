"""The team's server for tests: mlflow/compose.yaml on the engine of this machine, a project and a port of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from running_relay import free_port

from dlnet.registry.server_env import FILE, make_env

SCRIPTS = Path(__file__).parents[2] / "mlflow"
IMAGE = "dlnet-mlflow:local"
PASSWORD = "MLFLOW_AUTH_ADMIN_PASSWORD"  # noqa: S105 - a name
RELAY_HERE = {"MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true", "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https"}
"""Settings of a server whose webhooks may reach this machine."""


def call(script: str, *words: str, **more) -> subprocess.CompletedProcess[str]:
    """Run a script of ``mlflow/``."""
    command = [shutil.which("sh"), str(SCRIPTS / script), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


def docker(*words: str) -> str:
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def bridge() -> str:
    """This machine's address in Docker's bridge: what the server's webhooks reach as ``host.docker.internal``."""
    name = "host.docker.internal"
    asked = docker("run", "--rm", f"--add-host={name}:host-gateway", "--entrypoint=getent", IMAGE, "hosts", name)
    return asked.split()[0]


@dataclass
class Team:
    """A server: the folder of its secrets, its port, and what its scripts printed."""

    home: Path
    port: int
    settings: dict[str, str]
    printed: list[str] = field(default_factory=list)

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def project(self) -> str:
        return f"dlnet-test-{self.port}"

    @property
    def secrets(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in (self.home / FILE).read_text().splitlines())

    def call(self, script: str, *words: str) -> subprocess.CompletedProcess[str]:
        own = {
            "DLNET_SERVER_ENV": str(self.home / FILE), "COMPOSE_PROJECT_NAME": self.project, "PORT": str(self.port)
        }  # fmt: skip
        done = call(script, *words, env=os.environ | own | self.settings)
        self.printed += [done.stdout, done.stderr]
        return done

    def demand(self, script: str, *words: str) -> str:
        """Run a script that must succeed; what it wrote to standard output."""
        done = self.call(script, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def compose(self, *words: str) -> str:
        return self.demand("compose.sh", *words)

    def up(self) -> None:
        self.compose("up", "--detach", "--wait")

    def volumes(self) -> list[str]:
        return docker("volume", "ls", "--quiet", "--filter", f"name={self.project}_").split()


@contextmanager
def team_home(**settings: str):
    """A server that is not running; whatever a test started of it is removed at the end."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="dlnet-") as folder:
        make_env(Path(folder) / FILE)
        team = Team(Path(folder), free_port(), settings)
        try:
            yield team
        finally:
            team.compose("down", "--volumes", "--timeout", "5")


@contextmanager
def running_team(**settings: str):
    """A running server, and this process logged in as its admin."""
    with team_home(**settings) as team, pytest.MonkeyPatch.context() as patch:
        team.up()
        patch.setenv("MLFLOW_TRACKING_URI", team.uri)
        patch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
        patch.setenv("MLFLOW_TRACKING_PASSWORD", team.secrets[PASSWORD])
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        patch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
        patch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")
        yield team


def missing() -> str | None:
    """Why the server cannot run on this machine, with the command that brings what it lacks."""
    if shutil.which("docker") is None or _fails("docker", "info"):
        return "no Docker engine answers; sudo systemctl start docker (or sudo dockerd)"
    if _fails("docker", "compose", "version"):
        return "no Docker Compose v2; on Debian 12: sh mlflow/compose-plugin.sh"
    settings = SCRIPTS / "images.local.env"
    names = [IMAGE, *([settings.read_text().strip().partition("=")[2]] if settings.is_file() else [])]
    absent = [name for name in names if _fails("docker", "image", "inspect", name)]
    if absent:
        return f"no image {absent[0]}; make server-image (or server-image-debian)"
    return None


def _fails(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode != 0
